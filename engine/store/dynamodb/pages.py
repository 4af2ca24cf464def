"""Public pages, their visitors' requests, and people who confirmed an address there."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from engine.model.base import Value
from engine.model.branding import Branding
from engine.model.events import Event
from engine.model.pages import Page, PageRequest
from engine.store.dynamodb.attendees import PLACES
from engine.store.dynamodb.branding import BrandingQuestions
from engine.store.dynamodb.events import EVENTS, EventQuestions, shown
from engine.store.dynamodb.names import moment, newest_first
from engine.store.dynamodb.rows import Entry, KindTable
from engine.store.dynamodb.session import UnitSession

_ALL = "all"
_KEPT = timedelta(days=30)
_DROPPED_AT_ONCE = 20
_OPEN_MOST = 100
_ASKED_AT_ONCE = 16
"""The most events whose places are read at a time."""


class ConfirmedVisitor(Value):
    """A person who confirmed a request for an organizer's events once."""

    organizer: str
    person: str
    at: datetime


def _newest_first(page: Page) -> Iterable[Entry]:
    for place in (_ALL, f"of {page.organizer}"):
        yield place, newest_first(page.created)


PAGES = KindTable[Page](
    "page", Page, key=lambda page: (page.slug,), indexes={"made": _newest_first}, checked=False
)
REQUESTS = KindTable[PageRequest](
    "page-request",
    PageRequest,
    key=lambda request: (request.code,),
    indexes={
        "open": lambda r: [] if r.used else [(r.email, moment(r.created))],
        "expires": lambda r: [(_ALL, moment(r.expires))],
    },
)
CONFIRMED = KindTable[ConfirmedVisitor](
    "confirmed", ConfirmedVisitor, key=lambda c: (c.organizer, c.person), checked=False
)


class PageQuestions(BrandingQuestions, EventQuestions):
    """Questions about pages."""

    @abstractmethod
    async def organizer_language(self, organizer: str) -> str:
        """The tag of the organizer's language; empty if it is not set."""

    async def page(self, slug: str) -> Page | None:
        """The page at this slug, published or not, or None."""
        return await self.rows.get(PAGES, slug)

    async def page_request(self, code: str) -> PageRequest | None:
        """The request with this code, or None."""
        return await self.rows.get(REQUESTS, code)

    async def pages(self, organizer: str | None, limit: int) -> list[Page]:
        """The newest pages, newest first; of one organizer, or of all at a domain such as `@example.com`, if given."""
        if organizer and organizer.startswith("@"):
            found = []
            async for page in self.rows.each_by(PAGES, "made", _ALL):
                if page.organizer.endswith(organizer):
                    found.append(page)
                if len(found) == limit:
                    break
            return found
        place = _ALL if organizer is None else f"of {organizer}"
        return await self.rows.by(PAGES, "made", place, limit=limit)

    async def shown_revision(self, organizer: str) -> tuple[int, str, tuple[Branding, ...]]:
        """A number that grows with changes of the organizer's events, and their language and brandings."""
        key = shown(organizer)
        counted = (await self.items.numbers([key]))[key]
        language = await self.organizer_language(organizer)
        return counted.get("changes", 0), language, await self.brandings_of(organizer)

    async def places_taken_of(self, uids: Collection[str]) -> dict[str, int]:
        """How many places of each of these events are taken, without events that have none taken."""
        wanted, taken = list(dict.fromkeys(uids)), dict[str, int]()
        for first in range(0, len(wanted), _ASKED_AT_ONCE):
            some = wanted[first : first + _ASKED_AT_ONCE]
            counted = await asyncio.gather(*(self.event_tally(uid) for uid in some))
            for uid, names in zip(some, counted, strict=True):
                taken[uid] = sum(sign * names.get(name, 0) for name, sign in PLACES.items())
        return {uid: n for uid, n in taken.items() if n}

    async def events_of(self, organizer: str, limit: int) -> list[Event]:
        """The organizer's newest events by their start, in order of their start."""
        found = await self.rows.by(EVENTS, "starts", organizer, limit=limit, backwards=True)
        return found[::-1]


class Pages(PageQuestions, UnitSession):
    """Changes of pages in a unit of work."""

    async def save_page(self, page: Page) -> None:
        """Add a page or replace it."""
        await self.rows.put(PAGES, page)

    async def save_page_request(self, request: PageRequest) -> None:
        """Add or replace a request that waits for a visitor; those that expired 30 days before are deleted."""
        before = moment(request.created - _KEPT)
        old = await self.rows.by(REQUESTS, "expires", _ALL, before=before, limit=_DROPPED_AT_ONCE)
        self.rows.expire(REQUESTS, old)
        await self.rows.put(REQUESTS, request)

    async def open_page_requests(self, email: str, since: datetime) -> list[PageRequest]:
        """Requests for an address, made after `since`, that are not done."""
        return await self.rows.by(REQUESTS, "open", email, after=moment(since), limit=_OPEN_MOST)

    async def confirmed_once(self, organizer: str, person: str) -> bool:
        """True if this person, by address without +tag, confirmed a request for the organizer's events before."""
        return await self.rows.get(CONFIRMED, organizer, person) is not None

    async def note_confirmed(self, organizer: str, person: str, now: datetime) -> None:
        """Record that a person confirmed a request for the organizer's events."""
        await self.rows.add(CONFIRMED, ConfirmedVisitor(organizer=organizer, person=person, at=now))
