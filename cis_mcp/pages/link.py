"""The page behind a newsletter's link: viewing or reloading it sends nothing, its button does."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from cis_mcp.pages.forms import address_in, client_of, form_of
from cis_mcp.pages.hourly import HourlyCount
from cis_mcp.pages.links import Handler
from cis_mcp.pages.merged import Merged, merged
from cis_mcp.pages.problems import problem, status_of, with_wait
from cis_mcp.pages.rows import PageRow, rows_of
from cis_mcp.pages.script import script_texts
from cis_mcp.pages.showing import PublishedPages
from cis_mcp.pages.speaking import Speech, speech
from cis_mcp.pages.ways import Ways, not_found, unreadable, ways
from cis_mcp.pages.web import PRIVATE, CompressedBody, answer, render
from cis_mcp.views import links as views
from cis_mcp.views import pages as page_views
from engine.commands.pages.landings import allowed_address
from engine.commands.pages.links import CountLinkView, SendFromLink
from engine.commands.pages.visitors import PageOutcome, PageSendDone
from engine.engine import Engine
from engine.mail.outgoing import words
from engine.model.actors import Actor
from engine.model.campaign_links import CampaignLink
from engine.network import client_network
from engine.refusals import Code, Refused

log = logging.getLogger(__name__)

_VISITOR = Actor(kind="attendee", address="")
_VIEWS_OF_ONE_CLIENT = 100
"""Looks of one client in an hour that are counted: each costs a write."""


class LinkPages:
    """The pages of campaign links."""

    def __init__(self, room: PublishedPages) -> None:
        self._room = room
        self._engine: Engine = room.engine
        self._views = HourlyCount()

    async def page(self, request: Request) -> Response:
        """GET /c/{token} shows the events, the reader's address and one button; POST sends."""
        link = await self._engine.opened_link(request.path_params["token"])
        if link is None:
            return not_found(request)
        if request.method == "POST":
            return await self._post(request, link)
        given = merged(request.scope["query_string"])
        if request.method == "GET":
            await self._count(request, link, given)
        return await self._shown(request, link, given)

    async def _count(self, request: Request, link: CampaignLink, given: Merged) -> None:
        tagged = request.scope["query_string"].startswith(b"e=") or b"&e=" in request.scope["query_string"]
        unmerged = tagged and given.unmerged
        if unmerged:
            log.warning("link %s was opened with a tag that the mail service did not fill in", link.id)
        if not self._views.over(f"{link.id} {client_network(client_of(request))}", _VIEWS_OF_ONE_CLIENT):
            await self._engine.apply(CountLinkView(link=link.id, unmerged=unmerged), _VISITOR)

    async def _post(self, request: Request, link: CampaignLink) -> Response:
        try:
            form = await form_of(request)
        except Refused as refused:
            return unreadable(request, refused, await self._speech(request, link))
        email, signature = address_in(form), form.get("s", "")
        try:
            done = await self._sent(request, link, email, signature, by_person=form.get("h") == "1")
        except Refused as refused:
            if refused.code is Code.UNKNOWN_LINK:
                return not_found(request)
            given = Merged(email=email, raw=email, signature=signature)
            return await self._shown(request, link, given, refused)
        return RedirectResponse(await self._after(request, link, done.outcome), 303)

    async def _sent(
        self, request: Request, link: CampaignLink, email: str, signature: str, *, by_person: bool
    ) -> PageSendDone:
        language = (await self._speech(request, link)).language.tag
        vouched = link.signs(email, signature)
        with self._room.hourly.counting(f"c/{link.id}", client_of(request), email, vouched=vouched) as busy:
            command = SendFromLink(
                token=link.token,
                email=email,
                signature=signature,
                by_person=by_person and not busy,
                language=language,
            )
            return await self._engine.apply(command, _VISITOR)

    async def _speech(self, request: Request, link: CampaignLink) -> Speech:
        return speech(request, await self._engine.organizer_language(link.organizer))

    async def _after(self, request: Request, link: CampaignLink, outcome: PageOutcome) -> str:
        """Where the link's own record leads; who has to look into their mail is told so first."""
        spoken = await self._speech(request, link)
        stock = spoken.here(f"{views.path(link)}/{outcome.value}")
        if outcome is PageOutcome.ASKED:
            return stock
        landing = await self._landing(link)
        return spoken.here(landing[1]) if landing else stock

    async def _landing(self, link: CampaignLink) -> tuple[str, str] | None:
        """Words and address of where the link leads; None: our own page, also once the operator no longer allows it."""
        if not link.landing:
            return None
        if "/" in link.landing:
            address = await self._allowed(link)
            return (urlsplit(address).hostname or "", address) if address else None
        page = await self._engine.published(link.landing)
        path = page_views.path(page) if page else ""
        return (page.title, path) if page and path else None

    async def _allowed(self, link: CampaignLink) -> str:
        """The address to which the link leads, if operator or organizer still allow it; else nothing."""
        own = await self._engine.landing_hosts(link.organizer)
        return allowed_address(self._engine.settings, link.landing, own)

    async def _shown(
        self, request: Request, link: CampaignLink, given: Merged, refused: Refused | None = None
    ) -> Response:
        rows, spoken = await self._rows(link), await self._speech(request, link)
        open_rows = self._open(rows)
        body = render(
            "link.html",
            spoken,
            colour="",
            path=spoken.here(views.path(link)),
            title=_title(open_rows or rows, spoken),
            rows=_told(open_rows or rows, spoken),
            texts=script_texts(spoken.language),
            button=link.button,
            email=given.raw,
            signature=given.signature if link.signs(given.raw, given.signature) else "",
            closed="" if open_rows else _closed(rows, self._engine.clock(), spoken),
            problem=problem(refused, spoken.language) if refused else "",
            ways=[] if open_rows else await self._next(link, spoken),
        )
        there = open_rows or _full(rows, self._engine.clock())
        status = status_of(refused, single=True) if refused else 200 if there else 410
        made = answer(
            request,
            CompressedBody.of(body, spoken=spoken),
            cache_control=PRIVATE,
            status=status,
            form_action=_origin(await self._allowed(link)),
        )
        return with_wait(made, refused)

    async def sent(self, request: Request) -> Response:
        """GET /c/{token}/{outcome}: the event, what was sent, and what comes next."""
        link = await self._engine.opened_link(request.path_params["token"])
        outcome = request.path_params["outcome"]
        if link is None or outcome not in set(PageOutcome):
            return not_found(request)
        rows = await self._rows(link)
        open_rows = self._open(rows)
        landing, spoken = await self._landing(link), await self._speech(request, link)
        body = render(
            "link_sent.html",
            spoken,
            colour="",
            waits=outcome == PageOutcome.ASKED,
            rows=_told(open_rows or rows, spoken),
            ways=[*([landing] if landing else []), *await self._next(link, spoken)],
        )
        return answer(request, CompressedBody.of(body, spoken=spoken), cache_control=PRIVATE)

    async def _rows(self, link: CampaignLink) -> Sequence[PageRow]:
        events = await self._engine.link_events(link)
        return rows_of(events, self._engine.clock(), taken=await self._engine.places_taken(events))

    def _open(self, rows: Sequence[PageRow]) -> Sequence[PageRow]:
        """The rows that can be had."""
        now = self._engine.clock()
        return [row for row in rows if not (row.cancelled or row.full or row.past(now))]

    async def _next(self, link: CampaignLink, spoken: Speech) -> Ways:
        """The organizer's next event that a page lists, if the link has it not, and their pages."""
        pages = [page for page in await self._engine.pages_of(link.organizer) if page_views.path(page)][:5]
        for page in pages:
            now = self._engine.clock()
            for row in (await self._room.of(page)).listing.rows:
                if not (row.cancelled or row.full or row.past(now)) and row.uid not in link.uids:
                    day = words.day(row.day, spoken.language)
                    told = spoken.language.say("Next: {title}, {day}", title=row.title, day=day)
                    return [(told, spoken.here(f"/e/{row.id}")), *ways(pages, spoken)]
        return ways(pages, spoken)


def _title(rows: Sequence[PageRow], spoken: Speech) -> str:
    if len(rows) == 1:
        return rows[0].title
    return spoken.language.some("{n} event for your calendar", "{n} events for your calendar", len(rows))


def _full(rows: Sequence[PageRow], now: datetime) -> bool:
    """True if what there is has no place left."""
    return any(row.full and not (row.cancelled or row.past(now)) for row in rows)


def _closed(rows: Sequence[PageRow], now: datetime, spoken: Speech) -> str:
    """Why none of them can be had."""
    if _full(rows, now):
        return spoken.language.say("Every place is taken.")
    if all(row.cancelled for row in rows):
        return spoken.language.say("It was cancelled; no one is invited any more.")
    return spoken.language.say("This is over.")


def _told(rows: Sequence[PageRow], spoken: Speech) -> list[Mapping[str, object]]:
    single = len(rows) == 1
    return [
        {
            "row": row,
            "at": words.day(row.day, spoken.language),
            "zone": words.zone(row.span),
            "single": single,
        }
        for row in rows
    ]


def _origin(address: str) -> str:
    """The origin of an address, to which a form may then lead."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def routes(room: PublishedPages) -> list[Route]:
    """The page of a link, and what its button came to."""
    links = LinkPages(room)
    page: Handler = links.page
    sent: Handler = links.sent
    return [
        Route("/c/{token:str}", page, methods=["GET", "POST"]),
        Route("/c/{token:str}/{outcome:str}", sent, methods=["GET"]),
    ]
