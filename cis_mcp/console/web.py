"""How console pages are made: templates, assets under names that change with their content, headers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import Response

from cis_mcp.console import masking, speaking, tables
from cis_mcp.console.rendering import FixedTexts, Frame, framed, main_of
from cis_mcp.console.speaking import SPOKEN
from cis_mcp.pages import web as shared
from cis_mcp.pages.web import PRIVATE, YEAR, Asset, CompressedBody, answer, header
from engine.mail.locale.language import SOURCE, Language, noop
from engine.model.events import Event
from engine.model.times import Instant, Span, is_day

_HERE = Path(__file__).parent

HUBS: Sequence[tuple[str, str]] = (
    ("/console", noop("Overview")),
    ("/console/events", noop("Events")),
    ("/console/lists", noop("Lists")),
    ("/console/links", noop("Links")),
    ("/console/pages", noop("Pages")),
    ("/console/reports", noop("Reports")),
    ("/console/agents", noop("Agents")),
    ("/console/developer", noop("Developers")),
)
"""What the navigation leads to."""
_BELOW = {
    "/console/reports": ("/console/exports",),
    "/console/agents": tuple(
        f"/console/{name}"
        for name in (
            *("do-not-mail", "held", "keys", "messages", "orders"),
            *("organizers", "quarantine", "record", "triggers", "webhooks"),
        )
    ),
    "/console/developer": ("/console/branding", "/console/verify"),
}
"""Pages that a hub leads to at other addresses than below its own."""
HUB_PATHS = tuple(path for path, _ in HUBS)
_ROWS: dict[tuple[int, int, int, bool], tuple[Event, Span, Language, str]] = {}
"""Rows of events, with what they were made of: while that is kept, nothing else has its identity."""
_ROWS_MOST = 1_024


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
def templates(language: Language) -> Environment:
    """Our templates in a language: all in them is masked and escaped, and a name that is missing is an error."""
    found = Environment(
        loader=PackageLoader("cis_mcp.console"),
        extensions=[FixedTexts],
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        finalize=masking.hidden,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.extend(language=language)
    found.filters |= {
        "masked": masking.address,
        "masked_name": masking.name,
        "plain": masking.plain,
        "arranged": tables.arranged,
        "at": speaking.at,
        "when": when,
        "number": speaking.number,
    }
    found.globals |= {"event_rows": event_rows, "glance": glance, "random_word": random_word}
    found.globals |= {
        "_": language.say,
        "n_": language.some,
        "c_": language.term,
        "spoken": SPOKEN.get,
        "why": speaking.why,
        "stood": speaking.stood,
        "field": speaking.field,
        "bound": speaking.bound,
    }
    found.globals |= {"css": asset("console.css").path, "js": asset("console.js").path}
    found.globals["parts"] = found.get_template("parts.html").module
    return found


def random_word() -> str:
    """A word that no form has had."""
    return secrets.token_urlsafe(12)


@cache
def _template(language: Language, name: str) -> Template:
    """One of our templates: as none is loaded anew, none has to be looked for with each page."""
    return templates(language).get_template(name)


def when(span: Span) -> str:
    """When an event is, on the clock of its own zone."""
    return _when(span.start, span.timezone, SPOKEN.get())


@lru_cache(maxsize=1_024)
def _when(start: Instant, timezone: str, language: Language) -> str:
    span = Span(start=start, end=start, timezone=timezone)
    start = span.local(span.start)
    weekday = f"{start:%a} " if language.tag == SOURCE else ""
    if is_day(span.start):
        return language.say("{day}, all day", day=f"{weekday}{start:%Y-%m-%d}")
    return f"{weekday}{start:%Y-%m-%d %H:%M} {span.timezone}"


def navigation(here: str, paths: tuple[str, ...], language: Language) -> Markup:
    """The links to these hubs, that of the page itself marked; made once for all who have the same."""
    return _navigation(_hub_of(here), paths, language)


@lru_cache(maxsize=256)
def _hub_of(here: str) -> str:
    """The hub to which a page belongs; empty: none."""
    if here == HUBS[0][0]:
        return here
    ways = ((hub, way) for hub in HUB_PATHS[1:] for way in (hub, *_BELOW.get(hub, ())))
    return next((hub for hub, way in ways if here == way or here.startswith(f"{way}/")), "")


@lru_cache(maxsize=256)
def _navigation(current: str, paths: tuple[str, ...], language: Language) -> Markup:
    hubs = [(path, language.say(name)) for path, name in HUBS if path in paths]
    made = templates(language).get_template("navigation.html").render(hubs=hubs, current=current)
    return Markup(made)  # noqa: S704 -- our own template, and nothing in it is anybody's


def event_rows(rows: Sequence[tuple[Event, Span]]) -> Markup:
    """The rows of events in a list; each is made once for all who look at it as it is now."""
    full, language = masking.SHOWN.get(), SPOKEN.get()
    made = [_event_row(event, span, language, full) for event, span in rows]
    return Markup("\n".join(made))  # noqa: S704 -- markup already, and markup's own join escapes each row again


def _event_row(event: Event, span: Span, language: Language, full: bool) -> str:
    """A row, made once for the very same event and time, which never change in place."""
    asked = (id(event), id(span), id(language), full)
    kept = _ROWS.get(asked)
    if kept is None:
        if len(_ROWS) >= _ROWS_MOST:
            del _ROWS[next(iter(_ROWS))]
        kept = _ROWS[asked] = (event, span, language, _made_row(event, span, language, full=full))
    return kept[3]


def _made_row(event: Event, span: Span, language: Language, *, full: bool) -> str:
    state = event.status.value
    return (
        templates(language)
        .get_template("event_row.html")
        .render(
            name=event.id or event.uid,
            summary=event.summary,
            when=when(span),
            where=event.location,
            who=event.organizer_name or event.organizer,
            state=state,
            told=language.term("state", state),
            full=full,
        )
    )


def glance(numbers: Mapping[str, Any], answers: Sequence[tuple[str, str]]) -> Markup:
    """How many are invited, and how many gave each answer; made once for all who look while nobody answers."""
    counts = tuple((label, numbers["rsvp"].get(name, 0)) for name, label in answers)
    return _glance(numbers["attendees"], counts, SPOKEN.get())


@lru_cache(maxsize=256)
def _glance(invited: int, answered: tuple[tuple[str, int], ...], language: Language) -> Markup:
    made = templates(language).get_template("numbers.html").render(invited=invited, answered=answered)
    return Markup(made)  # noqa: S704 -- our own template, and nothing in it is anybody's


def page(
    request: Request,
    template: str,
    status: int = 200,
    *,
    around: Frame,
    own: Sequence[str],
    notes: Mapping[str, Any] | None = None,
    full: bool = False,
    on_made: Callable[[CompressedBody], None] = lambda _: None,
    **values: Any,
) -> Response:
    """A page of the console; nobody else's cache keeps it. `full`: with addresses, which somebody asked to see.

    `around`: its frame. `own`: its title, and of whoever is signed in the form's token and how they are called.
    `notes`: what stands above the page, if anything does. `on_made`: gets the body that was made.
    """
    before, asked = masking.SHOWN.set(full), tables.ASKED.set(tables.asked_of(request))
    spoken, found = SPOKEN.set(around.language), templates(around.language)
    try:
        above = _template(around.language, "notes.html").render(notes) if notes else ""
        main = main_of(_template(around.language, template), {"full": full, **values})
        shown = [str(escape(masking.hidden(text))) for text in own]
        body = framed(found, around, shown, above + main).encode()
    except tables.ExportRequested as export:
        return _file(export)
    finally:
        masking.SHOWN.reset(before)
        tables.ASKED.reset(asked)
        SPOKEN.reset(spoken)
    packed = CompressedBody.of(body, private=True)
    on_made(packed)
    return answered(request, packed, status)


_HEADERS: dict[tuple[int, bool], list[tuple[bytes, bytes]]] = {}
"""What stands above every page of one status, packed or not; it is the same for all."""


def answered(request: Request, body: CompressedBody, status: int) -> Response:
    """A page that was made, to whoever takes it packed or not."""
    packed = bool(body.packed) and b"gzip" in header(request, b"accept-encoding")
    known = _HEADERS.get((status, packed))
    if known is None:
        first = answer(request, body, cache_control=PRIVATE, status=status)
        _HEADERS[status, packed] = [one for one in first.raw_headers if one[0] != b"content-length"]
        return first
    return _Page(body.packed if packed else body.whole, status, known)


class _Page(Response):
    """A page under headers that were made before; they are its own, for whoever adds to them."""

    def __init__(self, content: bytes, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self.status_code, self.body, self.background = status, content, None
        self.raw_headers = [*headers, (b"content-length", str(len(content)).encode())]


def framing(made: Response) -> Response:
    """The page, which may hold frames of this server; a table that was asked for as a file is none."""
    policy = made.headers.get("Content-Security-Policy", "")
    if policy:
        made.headers["Content-Security-Policy"] = f"{policy}; frame-src 'self'"
    return made


def _file(export: tables.ExportRequested) -> Response:
    headers = {
        "Content-Disposition": f'attachment; filename="{export.name}.csv"',
        "Cache-Control": PRIVATE,
        "X-Content-Type-Options": "nosniff",
    }
    return Response(export.text, headers=headers, media_type="text/csv")
