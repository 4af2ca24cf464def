"""The page behind a link in a newsletter: looking sends nothing, its button does, and loading again sends nothing."""

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
from cis_mcp.pages.rows import Row, rows_of
from cis_mcp.pages.showing import Showroom
from cis_mcp.pages.ways import Ways, not_found, unreadable, ways
from cis_mcp.pages.web import PRIVATE, Body, answer, render
from cis_mcp.views import links as views
from cis_mcp.views import pages as page_views
from engine.commands.pages.landings import allowed_address
from engine.commands.pages.links import CountLinkView, SendFromLink
from engine.commands.pages.visitors import PageOutcome
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
_SHOWN = {
    "over": "This is over.",
    "cancelled": "It was cancelled; nobody is invited any more.",
    "full": "Every place is taken.",
}


class Links:
    """The pages of campaign links."""

    def __init__(self, room: Showroom) -> None:
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
            return unreadable(request, refused)
        email, signature = address_in(form), form.get("s", "")
        try:
            self._room.hourly.count(f"c/{link.id}", client_of(request))
            command = SendFromLink(
                token=link.token, email=email, signature=signature, by_person=form.get("h") == "1"
            )
            done = await self._engine.apply(command, _VISITOR)
        except Refused as refused:
            if refused.code is Code.UNKNOWN_LINK:
                return not_found(request)
            given = Merged(email=email, raw=email, signature=signature)
            return await self._shown(request, link, given, refused)
        return RedirectResponse(await self._after(link, done.outcome), 303)

    async def _after(self, link: CampaignLink, outcome: PageOutcome) -> str:
        """Where the link's own record leads; who has to look into their mail is told so first."""
        stock = f"{views.path(link)}/{outcome.value}"
        if outcome is PageOutcome.ASKED:
            return stock
        landing = await self._landing(link)
        return landing[1] if landing else stock

    async def _landing(self, link: CampaignLink) -> tuple[str, str] | None:
        """Words and address of where the link leads; None: our own page, also once the operator no longer allows it."""
        if not link.landing:
            return None
        if "/" in link.landing:
            address = allowed_address(self._engine.settings, link.landing)
            return (urlsplit(address).hostname or "", address) if address else None
        page = await self._engine.published(link.landing)
        path = page_views.path(page) if page else ""
        return (page.title, path) if page and path else None

    async def _shown(
        self, request: Request, link: CampaignLink, given: Merged, refused: Refused | None = None
    ) -> Response:
        rows = await self._rows(link)
        open_rows = self._open(rows)
        closed = "" if open_rows else _SHOWN[_why_closed(rows, self._engine.clock())]
        body = render(
            "link.html",
            colour="",
            path=views.path(link),
            title=_title(open_rows or rows),
            rows=_shown_rows(open_rows or rows),
            button=link.button,
            email=given.raw,
            signature=given.signature if link.signs(given.raw, given.signature) else "",
            closed=closed,
            problem=f"{refused.message} {refused.hint}".strip() if refused else "",
            ways=[] if open_rows else await self._next(link),
        )
        there = open_rows or closed == _SHOWN["full"]
        status = _status(refused.code) if refused else 200 if there else 410
        return answer(
            request,
            Body.of(body),
            cache_control=PRIVATE,
            status=status,
            form_action=_origin(allowed_address(self._engine.settings, link.landing)),
        )

    async def sent(self, request: Request) -> Response:
        """GET /c/{token}/{outcome}: the event, what was sent, and what comes next."""
        link = await self._engine.opened_link(request.path_params["token"])
        outcome = request.path_params["outcome"]
        if link is None or outcome not in set(PageOutcome):
            return not_found(request)
        rows = await self._rows(link)
        open_rows = self._open(rows)
        landing = await self._landing(link)
        body = render(
            "link_sent.html",
            colour="",
            asked=outcome == PageOutcome.ASKED,
            rows=_shown_rows(open_rows or rows),
            ways=[*([landing] if landing else []), *await self._next(link)],
        )
        return answer(request, Body.of(body), cache_control=PRIVATE)

    async def _rows(self, link: CampaignLink) -> Sequence[Row]:
        events = await self._engine.link_events(link)
        return rows_of(events, self._engine.clock(), taken=await self._engine.places_taken(events))

    def _open(self, rows: Sequence[Row]) -> Sequence[Row]:
        """The rows that can be had."""
        now = self._engine.clock()
        return [row for row in rows if not (row.cancelled or row.full or row.past(now))]

    async def _next(self, link: CampaignLink) -> Ways:
        """The organizer's next event that a page lists, if the link has it not, and their pages."""
        pages = [page for page in await self._engine.pages_of(link.organizer) if page_views.path(page)][:5]
        for page in pages:
            now = self._engine.clock()
            for row in (await self._room.of(page)).listing.rows:
                if not (row.cancelled or row.full or row.past(now)) and row.uid not in link.uids:
                    return [(f"Next: {row.title}, {words.day(row.day)}", f"/e/{row.id}"), *ways(pages)]
        return ways(pages)


def _why_closed(rows: Sequence[Row], now: datetime) -> str:
    """Why none of them can be had."""
    if any(row.full and not (row.cancelled or row.past(now)) for row in rows):
        return "full"
    return "cancelled" if all(row.cancelled for row in rows) else "over"


def _title(rows: Sequence[Row]) -> str:
    return rows[0].title if len(rows) == 1 else f"{len(rows)} events for your calendar"


def _shown_rows(rows: Sequence[Row]) -> list[Mapping[str, object]]:
    return [
        {"row": row, "day": words.day(row.day), "zone": words.zone(row.span), "single": len(rows) == 1}
        for row in rows
    ]


def _status(code: Code) -> int:
    if code in {Code.EVENT_CANCELLED, Code.EVENT_FINISHED}:
        return 410
    return 429 if code in {Code.PERSON_LIMIT, Code.TOO_MANY} else 422


def _origin(address: str) -> str:
    """The origin of an address, to which a form may then lead."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def routes(room: Showroom) -> list[Route]:
    """The page of a link, and what its button came to."""
    links = Links(room)
    page: Handler = links.page
    sent: Handler = links.sent
    return [
        Route("/c/{token:str}", page, methods=["GET", "POST"]),
        Route("/c/{token:str}/{outcome:str}", sent, methods=["GET"]),
    ]
