"""The calendar feed of a page, and its QR code."""

from __future__ import annotations

import asyncio
import io
from datetime import timedelta
from email.utils import format_datetime

import segno
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from cis_mcp.pages.links import Handler
from cis_mcp.pages.showing import PublishedPages, Shown
from cis_mcp.pages.ways import not_found
from cis_mcp.pages.web import FRESH, CompressedBody, answer
from cis_mcp.views import pages as views
from engine.itip.personal import for_all
from engine.itip.publish import published
from engine.model.events import Event
from engine.model.pages import Show
from engine.model.people import Party

_KEPT = timedelta(days=60)
"""How long a feed holds what is over."""
QR = {"svg": "image/svg+xml", "png": "image/png"}
_SCALE = 10
"""Pixels of a module: a code of 33 modules becomes 410 wide, which prints well at 5 cm."""


def feed_page(room: PublishedPages) -> Handler:
    """GET /feed/{slug}.ics gives all events of a page to calendar programs."""

    async def show(request: Request) -> Response:
        slug, _, ending = request.path_params["name"].rpartition(".")
        shown = await room.shown(slug) if ending == "ics" else None
        if shown is None or Show.FEED not in shown.page.shows or not views.path(shown.page):
            return not_found(request)
        key = ("feed", room.engine.clock().date())
        body = room.kept(key, shown) or room.keep(key, shown, await _feed(room, shown))
        return answer(request, body, cache_control=FRESH)

    return show


async def _feed(room: PublishedPages, shown: Shown) -> CompressedBody:
    """The feed as it is today."""
    events = await _events(room, shown)
    organizer = Party(address=room.engine.settings.mailbox("rsvp"), name=_by(shown, events))
    changed = max([shown.page.changed, *(event.dtstamp for event in events)]).replace(microsecond=0)
    modified = format_datetime(changed, usegmt=True)

    def make() -> CompressedBody:
        raw = published(shown.page.title, events, organizer)
        return CompressedBody.of(raw, "text/calendar; charset=utf-8", modified)

    return await asyncio.to_thread(make)


async def _events(room: PublishedPages, shown: Shown) -> list[Event]:
    """What the feed holds: cancelled events too, and what is over for a while."""
    since = room.engine.clock() - _KEPT
    base = room.engine.settings.public_url.rstrip("/")
    found = await room.engine.page_events(shown.page)
    return [_public(event, shown, base) for event in found if event.ends_at is None or event.ends_at > since]


def _public(event: Event, shown: Shown, base: str) -> Event:
    """The event as the page shows it, with the address of its own page."""
    event, shows = for_all(event), shown.page.shows
    fields = {
        "location": event.location if Show.PLACE in shows else "",
        "description": event.description if Show.DESCRIPTION in shows else "",
        "url": f"{base}/e/{event.id}",
    }
    overrides = tuple(each.model_copy(update=_of_override(each, fields)) for each in event.overrides)
    return event.model_copy(update={**fields, "overrides": overrides})


def _of_override(override: object, fields: dict[str, str]) -> dict[str, str]:
    kept = {name: getattr(override, name) if fields[name] else "" for name in ("location", "description")}
    return {**kept, "url": fields["url"]}


def _by(shown: Shown, events: list[Event]) -> str:
    names = [event.organizer_name for event in events if event.organizer_name]
    return names[-1] if names else shown.page.title


def qr_page(room: PublishedPages) -> Handler:
    """GET /qr/{slug}.svg and .png, /qr/e/{id}.svg and .png give the address of a page as a QR code."""

    async def show(request: Request) -> Response:
        name, _, ending = request.path_params["name"].rpartition(".")
        found = await _addressed(room, name) if ending in QR else None
        if found is None:
            return not_found(request)
        shown, address = found
        key = ("qr", address, ending)
        body = await room.body(key, shown, lambda: qr_code(address, ending), QR[ending])
        return answer(request, body, cache_control=FRESH)

    return show


async def _addressed(room: PublishedPages, name: str) -> tuple[Shown, str] | None:
    """The page that a name stands for, and the address that its code holds."""
    settings = room.engine.settings
    if name.startswith("e/"):
        event = await room.showing(name[2:])
        return (event[0], f"{settings.public_url.rstrip('/')}/{name}") if event else None
    shown = await room.shown(name)
    return (shown, views.url(settings, shown.page)) if shown and views.path(shown.page) else None


def qr_code(address: str, kind: str) -> bytes:
    """`address` as a QR code that a camera reads even where a tenth of it is dirty."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind=kind, scale=_SCALE, border=4, light="#ffffff", dark="#000000"
    )
    return out.getvalue()


def routes(room: PublishedPages) -> list[Route]:
    """Feeds and codes."""
    return [
        Route("/feed/{name:str}", feed_page(room), methods=["GET"]),
        Route("/qr/{name:path}", qr_page(room), methods=["GET"]),
    ]
