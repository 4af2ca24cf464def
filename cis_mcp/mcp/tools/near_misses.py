"""Shorter queries for an empty search: without the hour, or without one of its words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import Field

from cis_mcp.mcp.tools.base import CallContext
from cis_mcp.views.base import Data
from engine.model.queries import EventQuery
from engine.search.asking import Found, Understood
from engine.search.leaving_out import ReadingPart, parts

_TRIED_MAX = 4
"""The most shorter queries that are tried, each of which is a separate search."""
_SHOWN = 3


class NearMiss(Data):
    """A shorter query that finds something."""

    without: str = Field(description="what was left out")
    query: str = Field(description="the rest, to be asked instead")


async def near_misses(
    call: CallContext, asked: EventQuery, understood: Understood, timezone: str | None
) -> list[tuple[NearMiss, Found]]:
    """Shorter queries that find something, each with its first events; the hour is left out first."""
    tried = [(_named(part), part.rest or "") for part in _leavable(asked.query, understood, call)]
    found = [miss for each in tried if (miss := await _found(call, asked, *each, timezone))]
    unknown = understood.words.unknown[:_TRIED_MAX]
    if not found and len(unknown) > 1:
        rest = _without(asked.query, unknown, understood, call)
        miss = await _found(call, asked, ", ".join(unknown), rest, timezone) if rest else None
        found += [miss] if miss else []
    return found


async def _found(
    call: CallContext, asked: EventQuery, without: str, query: str, timezone: str | None
) -> tuple[NearMiss, Found] | None:
    shorter = asked.model_copy(update={"query": query, "limit": _SHOWN, "cursor": None})
    page = await call.engine.search(shorter, call.actor, timezone)
    return (NearMiss(without=without, query=query), page) if page.events else None


def _without(query: str, unknown: Sequence[str], understood: Understood, call: CallContext) -> str:
    """The query without the words that no event has."""
    for word in unknown:
        apart = parts(query, understood, call.engine.clock())
        rests = (part.rest for part in apart if part.kind == "unknown" and part.value == word)
        rest = next(rests, None)
        query = query if rest is None else rest
    return query


def _leavable(query: str, understood: Understood, call: CallContext) -> Iterator[ReadingPart]:
    apart = [part for part in parts(query, understood, call.engine.clock()) if part.rest]
    hours = [part for part in apart if part.kind == "hours"]
    yield from [*hours, *(part for part in apart if part.kind in {"word", "unknown"})][:_TRIED_MAX]


def _named(part: ReadingPart) -> str:
    return "the hour" if part.kind == "hours" else str(part.value)
