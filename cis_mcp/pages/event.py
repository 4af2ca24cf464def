"""The page of one event: one address, one button."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cis_mcp.pages import jsonld, pictures
from cis_mcp.pages.forms import address_in, client_of, many_of
from cis_mcp.pages.links import Handler
from cis_mcp.pages.problems import problem as told
from cis_mcp.pages.problems import status_of, with_wait
from cis_mcp.pages.rows import PageRow
from cis_mcp.pages.script import script_texts
from cis_mcp.pages.sending import result_path, send
from cis_mcp.pages.showing import PublishedPages, Shown
from cis_mcp.pages.speaking import Speech
from cis_mcp.pages.ways import not_found, unreadable, ways
from cis_mcp.pages.web import FRESH, PRIVATE, CompressedBody, answer, render
from engine.mail.locale.language import Language
from engine.mail.outgoing import words
from engine.model.pages import PageKind, Show
from engine.refusals import Refused

_HTML = "text/html; charset=utf-8"
_MAP = "https://www.openstreetmap.org/search?query="


def event_page(room: PublishedPages, *, embedded: bool = False) -> Handler:
    """GET /e/{id} shows an event that a published page has; POST sends its invite."""

    async def show(request: Request) -> Response:
        found = await room.showing(request.path_params["id"])
        if found is None or (embedded and Show.EMBED not in found[0].page.shows):
            return not_found(request)
        shown, row = found
        if shown.page.kind is PageKind.EVENTS:
            # nothing lists it: its name is what its visitors were given
            row = replace(row, id=request.path_params["id"])
        if request.method == "POST":
            return await _post(room, request, shown, row, embedded=embedded)
        return await _shown(room, request, shown, row, embedded=embedded)

    return show


async def _shown(
    room: PublishedPages,
    request: Request,
    shown: Shown,
    row: PageRow,
    *,
    embedded: bool,
    email: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    over, spoken = row.past(room.engine.clock()), shown.speech(request)

    def make() -> bytes:
        values = _values(room, shown, row, spoken, over=over)
        return render("event.html", spoken, **values, embedded=embedded, email=email, problem=problem)

    if problem:
        body = CompressedBody.of(make(), spoken=spoken, once=True)
        return answer(request, body, cache_control=PRIVATE, status=status, framed=embedded)
    key = (row.uid, row.span, over, embedded, row.free, spoken.key)
    body = await room.body(key, shown, make, _HTML, spoken)
    return answer(request, body, cache_control=FRESH, framed=embedded)


def _values(
    room: PublishedPages, shown: Shown, row: PageRow, spoken: Speech, *, over: bool
) -> dict[str, object]:
    page, settings, language = shown.page, room.engine.settings, spoken.language
    address = f"{settings.public_url.rstrip('/')}/e/{row.id}"
    place = Show.PLACE in page.shows
    told_in_full = jsonld.event(row, address, place=place, text=Show.DESCRIPTION in page.shows)
    return {
        "page": page,
        "pictures": pictures.of(page, shown.stamp.logo),
        "row": row,
        "path": f"/e/{row.id}",
        "address": address,
        "colour": shown.colour,
        "signed": shown.signed,
        "at": words.day(row.day, language),
        "zone": words.zone(row.span),
        "description": _description(row, language, place=place),
        "texts": script_texts(language),
        "map_link": _MAP + quote(row.place, safe=""),
        "jsonld": jsonld.script([told_in_full]),
        "open": not (over or row.cancelled or row.full),
        "closed": _closed(row, language, over=over),
        "ways": ways([page], spoken),
        "unlisted": page.kind is PageKind.EVENTS,
    }


def _closed(row: PageRow, language: Language, *, over: bool) -> str:
    """Why nobody can have the event."""
    if over:
        return language.say("This is over.")
    if row.cancelled:
        return language.say("It was cancelled; no one is invited any more.")
    return language.say(
        "Every place is taken. When someone says No, a place becomes free: check again later."
    )


def _description(row: PageRow, language: Language, *, place: bool) -> str:
    what = f"{words.day(row.day, language)} {row.time(language)} {row.zone}".strip()
    return f"{what}, {row.place}" if row.place and place else what


async def _post(
    room: PublishedPages, request: Request, shown: Shown, row: PageRow, *, embedded: bool
) -> Response:
    spoken = shown.speech(request)
    try:
        form = await many_of(request)
    except Refused as refused:
        return unreadable(request, refused, spoken)
    try:
        done = await send(
            room, shown.page, (row.uid,), form, client=client_of(request), spoken=spoken, single=True
        )
    except Refused as refused:
        again = await _shown(
            room,
            request,
            shown,
            row,
            embedded=embedded,
            email=address_in(form),
            problem=told(refused, spoken.language),
            status=status_of(refused),
        )
        return with_wait(again, refused)
    return RedirectResponse(result_path(done, f"/e/{row.id}", spoken, embedded=embedded), 303)


def routes(room: PublishedPages) -> list[Route]:
    """The page of an event, and the same for frames on other sites."""
    methods = ["GET", "POST"]
    return [
        Route("/e/{id:str}", event_page(room), methods=methods),
        Route("/embed/e/{id:str}", event_page(room, embedded=True), methods=methods),
    ]
