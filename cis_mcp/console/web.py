"""How pages of the console are made: templates, assets under names that change with them, headers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from cis_mcp.console import masking, tables
from cis_mcp.pages import web as shared
from cis_mcp.pages.web import PRIVATE, YEAR, Asset, Body, answer
from engine.model.events import Event
from engine.model.times import Span, is_day

_HERE = Path(__file__).parent

HUBS: Sequence[tuple[str, str]] = (
    ("/console", "Overview"),
    ("/console/events", "Events"),
    ("/console/lists", "Lists"),
    ("/console/links", "Links"),
    ("/console/pages", "Pages"),
    ("/console/reports", "Reports"),
    ("/console/agents", "Agents"),
    ("/console/developer", "Developers"),
)
"""What the navigation leads to."""


def asset(name: str) -> Asset:
    """The stylesheet or the script."""
    return shared.asset(name, _HERE / "assets", "/console/assets")


async def assets(request: Request) -> Response:
    """GET /console/assets/…: our stylesheet and script."""
    for name in ("console.css", "console.js"):
        if asset(name).path == request.url.path:
            return answer(request, asset(name).body, cache_control=YEAR)
    return Response("Not found\n", 404, media_type="text/plain")


@cache
def templates() -> Environment:
    """Our templates: all in them is masked and escaped, and a name that is missing is an error."""
    found = Environment(
        loader=PackageLoader("cis_mcp.console"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        finalize=masking.hidden,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "masked": masking.address,
        "masked_name": masking.name,
        "plain": masking.plain,
        "at": at,
        "when": when,
        "number": "{:,}".format,
    }
    found.globals |= {"arranged": tables.arranged, "event_row": event_row}
    found.globals |= {"hubs": HUBS, "css": asset("console.css").path, "js": asset("console.js").path}
    return found


def at(moment: datetime) -> str:
    """A moment in UTC, to the minute."""
    return f"{moment:%a %Y-%m-%d %H:%M} UTC"


@lru_cache(maxsize=1_024)
def when(span: Span) -> str:
    """When an event is, on the clock of its own zone."""
    start = span.local(span.start)
    if is_day(span.start):
        return f"{start:%a %Y-%m-%d}, all day"
    return f"{start:%a %Y-%m-%d %H:%M} {span.timezone}"


def event_row(event: Event, span: Span) -> Markup:
    """The row of an event in a list; made once for all who look at it as it is now."""
    who = event.organizer_name or event.organizer
    return _event_row(
        event.id or event.uid,
        event.summary,
        span,
        event.location,
        who,
        event.status.value,
        masking.SHOWN.get(),
    )


@lru_cache(maxsize=1_024)
def _event_row(name: str, summary: str, span: Span, where: str, who: str, state: str, _full: bool) -> Markup:
    row = templates().get_template("event_row.html")
    # Our own template escaped and masked all that is in it.
    return Markup(row.render(name=name, summary=summary, span=span, where=where, who=who, state=state))  # noqa: S704


def page(
    request: Request, template: str, status: int = 200, *, full: bool = False, **values: Any
) -> Response:
    """A page of the console; nobody else's cache keeps it. `full`: with addresses, which somebody asked to see."""
    before, asked = masking.SHOWN.set(full), tables.ASKED.set(tables.asked_of(request))
    try:
        body = templates().get_template(template).render(full=full, **values).encode()
    except tables.Export as export:
        return _file(export)
    finally:
        masking.SHOWN.reset(before)
        tables.ASKED.reset(asked)
    return answer(request, Body.of(body, once=True), cache_control=PRIVATE, status=status)


def _file(export: tables.Export) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{export.name}.csv"',
        "Cache-Control": PRIVATE,
        "X-Content-Type-Options": "nosniff",
    }
    return Response(export.text, headers=headers, media_type="text/csv")
