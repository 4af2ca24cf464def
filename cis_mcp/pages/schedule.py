"""The schedule and upcoming pages: GET shows them, POST sends what was chosen."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cis_mcp.pages import jsonld, pictures, reading
from cis_mcp.pages.forms import address_in, client_of, many_of
from cis_mcp.pages.links import Handler
from cis_mcp.pages.listing import FIRST, View, fitting, groups, listing, narrowed, view_of
from cis_mcp.pages.problems import problem, status_of, with_wait
from cis_mcp.pages.rows import PageRow, rows_of
from cis_mcp.pages.script import script_texts
from cis_mcp.pages.sending import result_path, send
from cis_mcp.pages.showing import PublishedPages, Shown
from cis_mcp.pages.speaking import PLAIN, Speech
from cis_mcp.pages.ways import not_found, unreadable, ways
from cis_mcp.pages.web import FRESH, PRIVATE, CompressedBody, PageEndpoint, answer, render
from cis_mcp.views import pages as views
from engine.engine import Engine
from engine.mail.locale.language import Language
from engine.mail.outgoing import words
from engine.model.pages import Page, PageKind, Show
from engine.page_questions import PageStamp
from engine.refusals import Code, Refused
from engine.search.asking import Understood

_HTML = "text/html; charset=utf-8"
_TICKED_MAX = 1_000
_OFFERED_MAX = 10
_FOUND_MAX = 300
"""Events that are found by words which no row has as they are."""
_DESCRIBED = 3
_SCRIPT = re.compile(rb"<script src=[^>]*></script>")


@dataclass(frozen=True, slots=True)
class _Answered:
    """What words that no row has as they are were read as, and the events that they ask for."""

    uids: frozenset[str] = frozenset()
    understood: Understood = field(default_factory=Understood)


_NO_ANSWER = _Answered()


@dataclass(frozen=True, slots=True)
class PageVisit:
    """A visitor's request: the view, the ticked events, the address, and what was wrong with them."""

    view: View
    ticked: frozenset[str] = frozenset()
    email: str = ""
    problem: str = ""
    problem_in: str = ""
    embedded: bool = False
    spoken: Speech = PLAIN

    @property
    def personal(self) -> bool:
        """True if the page is made for this visitor alone."""
        return bool(self.ticked or self.email or self.problem)


def schedule_page(room: PublishedPages, kind: PageKind, *, embedded: bool = False) -> Handler:
    """GET /s/{slug} and /u/{slug} show a page; POST sends."""

    async def show(request: Request) -> Response:
        seen = await room.seen(request.scope) if request.method == "GET" else None
        if seen:
            return answer(request, seen, cache_control=FRESH, framed=embedded)
        shown = await room.shown(request.path_params["slug"])
        if shown is None or shown.page.kind is not kind or (embedded and Show.EMBED not in shown.page.shows):
            return not_found(request)
        if request.method == "POST":
            return await _post(room, request, shown, embedded=embedded)
        given = request.query_params
        ticked = frozenset(given.getlist("e")[:_TICKED_MAX])
        visit = PageVisit(
            view_of(given), ticked, address_in(given), embedded=embedded, spoken=shown.speech(request)
        )
        return await _shown(room, request, shown, visit)

    return show


async def _shown(
    room: PublishedPages, request: Request, shown: Shown, visit: PageVisit, status: int = 200
) -> Response:
    if visit.personal:
        make = await _maker(room, shown, visit)
        body = await asyncio.to_thread(lambda: CompressedBody.of(make(), spoken=visit.spoken, once=True))
        return answer(request, body, cache_control=PRIVATE, status=status, framed=visit.embedded)
    view = visit.view
    # What words ask for may depend on the time, as “tonight” does.
    minute = (int(room.engine.clock().timestamp() // 60),) if view.query else ()
    key = (view, visit.embedded, visit.spoken.key, *minute)
    found = room.kept(key, shown)
    if found is None:
        make = await _maker(room, shown, visit)
        found = room.keep(
            key, shown, await asyncio.to_thread(lambda: CompressedBody.of(make(), _HTML, spoken=visit.spoken))
        )
    if status == 200 and request.method == "GET" and not view.query:
        room.see(request, shown, found)
    cache_control = PRIVATE if view.query else FRESH
    return answer(request, found, cache_control=cache_control, status=status, framed=visit.embedded)


async def previewed(engine: Engine, page: Page) -> bytes:
    """The first view of a page that nobody has kept yet, as visitors would see it."""
    room, now = PublishedPages(engine), engine.clock()
    events = await engine.page_events(page)
    taken = await engine.places_taken(events)

    def make() -> bytes:
        listed = listing(page, rows_of(events, now, page.hours, taken), now)
        values = page_values(room, Shown(page, PageStamp(0, 0), listed), PageVisit(View()), _NO_ANSWER)
        body = render("schedule.html", PLAIN, **values, now=now, ways=ways((), PLAIN))
        # The frame of a preview runs no script, and a browser complains of each that it finds.
        return _SCRIPT.sub(b"", body)

    return await asyncio.to_thread(make)


async def _maker(room: PublishedPages, shown: Shown, visit: PageVisit) -> Callable[[], bytes]:
    """What renders the page for a visit, in a thread; what the store is asked for it is asked before."""
    view, answered = visit.view, _NO_ANSWER
    spoken = visit.spoken
    if (
        view.query
        and Show.PROMPT in shown.page.shows
        and not await asyncio.to_thread(fitting, shown.listing, view, spoken.language)
    ):
        answered = _Answered(*await room.engine.found_on_page(shown.page, view.query, _FOUND_MAX))
    others = () if shown.listing.rows else await room.others(shown.page)
    now = room.engine.clock()

    def make() -> bytes:
        values = page_values(room, shown, visit, answered)
        return render("schedule.html", spoken, **values, now=now, ways=ways(others, spoken))

    return make


def page_values(
    room: PublishedPages, shown: Shown, visit: PageVisit, answered: _Answered
) -> dict[str, object]:
    """What the template shows."""
    page, listed, view, settings = shown.page, shown.listing, visit.view, room.engine.settings
    spoken, language = visit.spoken, visit.spoken.language
    rows = fitting(listed, view, language)
    if answered.uids:
        rows = narrowed([row for row in listed.rows if row.uid in answered.uids], view)
    ticked = visit.ticked or _offered(rows, answered, room.engine.clock())
    several = view.whole or view.filtered
    seen = rows if several else rows[:FIRST]
    by_key = {row.key for row in seen}
    addresses = views.addresses(settings, page)
    base = settings.public_url.rstrip("/")
    return {
        "page": page,
        "listing": listed,
        "view": view,
        "path": ("/embed" if visit.embedded else "") + views.path(page),
        "address": addresses["page"],
        "feed": addresses.get("feed", ""),
        "webcal": _webcal(addresses.get("feed", "")),
        "colour": shown.colour,
        "signed": shown.signed,
        "embedded": visit.embedded,
        "pictures": pictures.of(page, shown.stamp.logo),
        "description": _description(shown, language),
        "jsonld": _jsonld(shown, base),
        "complete": len(seen) == len(listed.rows),
        "groups": list(groups(seen, page.by, language)),
        "months": [(f"{first:%Y-%m}", words.month(first, language)) for first in listed.months],
        "kept": [row for row in listed.named(sorted(visit.ticked)) if row.key not in by_key],
        "ticked": ticked,
        "reading": _reading(room.engine, visit, answered),
        "button": _button(len(ticked), language),
        "texts": script_texts(language),
        "linked": len(seen) <= 2 * FIRST,
        "count": _count(len(seen), len(rows), len(listed.rows), view, language),
        "rest": len(rows) > len(seen),
        "rest_query": urlencode({"all": "1", **({"lang": spoken.asked} if spoken.asked else {})}),
        "total": len(rows),
        "email": visit.email,
        "problem": visit.problem,
        "problem_in": visit.problem_in,
        "made_by": "",
    }


def _reading(engine: Engine, visit: PageVisit, answered: _Answered) -> list[reading.Chip]:
    """How the visitor's words were read, if they were read at all."""
    if answered is _NO_ANSWER:
        return []
    return reading.chips(visit.view.query, answered.understood, engine.clock(), visit.spoken.language)


def _offered(rows: Sequence[PageRow], answered: _Answered, now: datetime) -> frozenset[str]:
    """What a question in words ticks for the visitor: all that it found, where that is little."""
    found = (
        [row.key for row in rows if not (row.cancelled or row.full or row.past(now))] if answered.uids else []
    )
    return frozenset(found if len(found) <= _OFFERED_MAX else ())


def _button(ticked: int, language: Language) -> str:
    if not ticked:
        return language.say("Send me the invites")
    return language.some("Send me this invite", "Send me these {n} invites", ticked)


def _webcal(feed: str) -> str:
    return f"webcal{feed[feed.index(':') :]}" if feed else ""


def _description(shown: Shown, language: Language) -> str:
    """The page in a sentence, for previews of its address."""
    names = [row.title for row in shown.listing.rows[:_DESCRIBED]]
    if not names:
        return language.say("Nothing is planned just now.")
    titles = language.term("between the names of a list", ", ").join(names)
    return language.some(
        "{n} event: {titles}", "{n} events: {titles}", len(shown.listing.rows), titles=titles
    )


def _jsonld(shown: Shown, base: str) -> str:
    place = Show.PLACE in shown.page.shows
    rows = shown.listing.rows[: jsonld.LISTED]
    return jsonld.script([jsonld.event(r, f"{base}/e/{r.id}", place=place) for r in rows]) if rows else ""


def _count(seen: int, fitting_: int, total: int, view: View, language: Language) -> str:
    if view.filtered:
        if not fitting_:
            return language.say("Nothing matches. Try fewer words.")
        found = language.number(fitting_)
        return language.some("{found} of {n} event", "{found} of {n} events", total, found=found)
    if seen < total:
        first = language.number(seen)
        return language.some(
            "The next {first} of {n} event", "The next {first} of {n} events", total, first=first
        )
    return language.some("{n} event", "{n} events", total) if total > 1 else ""


async def _post(room: PublishedPages, request: Request, shown: Shown, *, embedded: bool) -> Response:
    spoken = shown.speech(request)
    try:
        form = await many_of(request)
    except Refused as refused:
        return unreadable(request, refused, spoken)
    keys = form.getlist("e")
    ticked = frozenset(keys[:_TICKED_MAX])
    visit = PageVisit(view_of(form), ticked, address_in(form), embedded=embedded, spoken=spoken)
    try:
        chosen = chosen_rows(shown, keys)
        done = await send(room, shown.page, chosen, form, client=client_of(request), spoken=spoken)
    except Refused as refused:
        return await _refused(room, request, shown, visit, refused)
    return RedirectResponse(result_path(done, views.path(shown.page), spoken, embedded=embedded), 303)


def chosen_rows(shown: Shown, keys: Sequence[str]) -> tuple[str, ...]:
    """The uids of the rows that were ticked. Raises Refused: EMPTY_LIST, TOO_LARGE, UNKNOWN_EVENT."""
    if len(keys) > _TICKED_MAX:
        raise Refused(Code.TOO_LARGE, f"{len(keys)} are ticked; {_TICKED_MAX} can be sent at once.")
    by_key = shown.listing.by_key
    wanted = dict.fromkeys(keys)
    known = [by_key[key].uid for key in wanted if key in by_key]
    if len(known) < len(wanted):
        gone = len(wanted) - len(known)
        raise Refused(
            Code.UNKNOWN_EVENT,
            f"{gone} events that you ticked are no longer on this page."
            if gone > 1
            else "One event that you ticked is no longer on this page.",
            "Look at what is ticked, and send again.",
        )
    return tuple(known)


async def _refused(
    room: PublishedPages, request: Request, shown: Shown, visit: PageVisit, refused: Refused
) -> Response:
    """The page again, with all that the visitor gave, and what is wrong."""
    where = "email" if refused.code is Code.INVALID_ADDRESS else ""
    again = replace(visit, problem=problem(refused, visit.spoken.language), problem_in=where)
    return with_wait(await _shown(room, request, shown, again, status_of(refused)), refused)


def routes(room: PublishedPages) -> list[Route]:
    """The schedule and upcoming pages, and both for frames on other sites."""
    methods = ["GET", "POST"]
    return [
        Route("/s/{slug:str}", PageEndpoint(schedule_page(room, PageKind.SCHEDULE)), methods=methods),
        Route("/u/{slug:str}", PageEndpoint(schedule_page(room, PageKind.UPCOMING)), methods=methods),
        Route(
            "/embed/s/{slug:str}",
            PageEndpoint(schedule_page(room, PageKind.SCHEDULE, embedded=True)),
            methods=methods,
        ),
        Route(
            "/embed/u/{slug:str}",
            PageEndpoint(schedule_page(room, PageKind.UPCOMING, embedded=True)),
            methods=methods,
        ),
    ]
