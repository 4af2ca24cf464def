"""The results of a search, and how its words were understood, as data."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cis_mcp.views.base import Data
from cis_mcp.views.events import WEEKDAYS, When, utc, when
from engine.model.events import Event
from engine.model.searching import Window
from engine.model.times import Span
from engine.search.asking import Understood

_OWN_CLOCK = "each event's own"


class EventBrief(Data):
    """An event in a list; of one that recurs, `start` and `end` are those of its first instance that fits."""

    uid: str
    id: str
    sequence: int
    status: Literal["confirmed", "cancelled"]
    organizer: str
    summary: str
    start: When
    end: When
    instance: str | None = Field(
        None, description="of a series: the instance that starts then, as changes of it alone name it"
    )
    location: str
    recurrence: str
    free: int | None
    untrusted: bool
    sender_unauthenticated: bool


class SpanInfo(Data):
    """A span of time that was looked in: local times, and the same in UTC where one clock counts."""

    start: str | None
    end: str | None
    start_utc: str | None
    end_utc: str | None


class UnderstoodInfo(Data):
    """How a query was understood."""

    spans: list[SpanInfo]
    weekdays: list[str]
    hours: list[str]
    timezone: str
    words: list[str]
    corrections: dict[str, str]
    unknown: list[str]
    left_out: list[str]
    status: str | None


def brief_info(event: Event, span: Span, taken: int = 0) -> EventBrief:
    """An event in a list, with its matching occasion; `taken`: how many of its places are taken."""
    return EventBrief(
        uid=event.uid,
        id=event.id,
        sequence=event.sequence,
        status=event.status.value,
        organizer=event.organizer,
        summary=event.summary,
        start=when(span, span.start),
        end=when(span, span.end),
        instance=instance_named(event, span),
        location=event.location,
        recurrence=event.recurrence,
        free=max(0, event.places - taken) if event.places else None,
        untrusted=event.source_uid is not None,
        sender_unauthenticated=event.sender_unauthenticated,
    )


def instance_named(event: Event, occasion: Span) -> str | None:
    """How changes name the instance of a series that takes place then: by its start in the series, though it moved."""
    if not event.recurring:
        return None
    moved = (one.recurrence_id for one in event.overrides if one.span.start == occasion.start)
    return event.span.local(next(moved, occasion.start)).isoformat()


def understood_info(found: Understood) -> UnderstoodInfo:
    """How a query was understood, as data."""
    return UnderstoodInfo(
        spans=[_span(found, span) for span in (*found.within, *found.spans)],
        weekdays=[WEEKDAYS[day] for day in sorted(found.days)],
        hours=[f"{_clock(since)}–{_clock(until)}" for since, until in found.hours],
        timezone=found.zone or _OWN_CLOCK,
        words=list(found.words.words),
        corrections=dict(found.words.corrections),
        unknown=list(found.words.unknown),
        left_out=list(found.words.left_out),
        status=found.status.value if found.status else None,
    )


def _span(found: Understood, span: Window) -> SpanInfo:
    placed = found.utc(span)
    return SpanInfo(
        start=span.start.isoformat() if span.start and span.local else None,
        end=span.end.isoformat() if span.end and span.local else None,
        start_utc=utc(placed.start) if placed and placed.start else None,
        end_utc=utc(placed.end) if placed and placed.end else None,
    )


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
