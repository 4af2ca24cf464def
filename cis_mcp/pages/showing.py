"""The pages of an organizer as they are now, made once for each revision and cached while they are used."""

from __future__ import annotations

import asyncio
import hmac
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.requests import Request
from starlette.types import Scope

from cis_mcp.pages.hourly import Hourly
from cis_mcp.pages.listing import PageListing, View, listing
from cis_mcp.pages.rows import PageRow, rows_of
from cis_mcp.pages.speaking import Speech, speech, wished
from cis_mcp.pages.web import CompressedBody
from engine.commands.randomness import ID_LENGTH
from engine.engine import Engine
from engine.model.events import Event
from engine.model.pages import UNLISTED_LENGTH, Page, PageKind, unlisted_name
from engine.page_questions import PageStamp

_SEEN = 1_000
_MARK = "cis.written"
_COLOUR = "#1558b0"
_LISTINGS, _BODIES, _ASKED = 64, 256, 128
"""What is kept: some 3 MB for each listing of 2,430 events, 40 kB for each body of it.

Views that visitors ask for are kept apart: however many are asked for, what everyone sees first stays.
"""


@dataclass(frozen=True)
class Shown:
    """A page, its listing, and the stamp that identifies both."""

    page: Page
    stamp: PageStamp
    listing: PageListing

    @property
    def base(self) -> PageStamp:
        """What it is known by without the places that are taken."""
        return replace(self.stamp, taken=())

    @property
    def colour(self) -> str:
        """The digits of its colour: its own, else that of the branding; empty for the stylesheet's."""
        own = "" if self.page.colour == _COLOUR else self.page.colour
        return (own or self.stamp.looks[0]).lstrip("#")

    @property
    def signed(self) -> list[str]:
        """The last lines of its footer: title and text of the branding."""
        _, title, footer = self.stamp.looks
        return [line for line in (*footer.splitlines(), title) if line.strip()]

    def speech(self, request: Request) -> Speech:
        """The language in which a visitor of the page is answered."""
        return speech(request, self.stamp.language)

    def stale(self, now: datetime) -> bool:
        """True once an event on it, or the next date of a series, is over."""
        return self.listing.until is not None and self.listing.until <= now


class PublishedPages:
    """Reads pages for visitors. Each request asks the store for two numbers; the rest is rebuilt when they change."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.hourly = Hourly()
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._bodies: OrderedDict[tuple[object, ...], CompressedBody] = OrderedDict()
        self._asked: OrderedDict[tuple[object, ...], CompressedBody] = OrderedDict()
        self._making: dict[str, asyncio.Lock] = {}
        self._seen: dict[tuple[str, bytes, str], tuple[CompressedBody, datetime | None]] = {}
        self._mark = -1

    async def shown(self, slug: str) -> Shown | None:
        """The published page at `slug` as it is now, or None."""
        page = await self.engine.published(slug)
        return await self.of(page) if page else None

    async def of(self, page: Page) -> Shown:
        """The page with its listing as it is now."""
        stamp = await self.engine.page_stamp(page)
        kept = await self._kept(page, stamp)
        if kept:
            return kept
        async with self._making.setdefault(page.slug, asyncio.Lock()):
            kept = await self._kept(page, stamp)
            return kept or await self._made(page, stamp)

    async def _kept(self, page: Page, stamp: PageStamp) -> Shown | None:
        found = self._shown.get(page.slug)
        if found is None or found.base != stamp or found.stale(self.engine.clock()):
            return None
        self._shown.move_to_end(page.slug)
        slots = found.listing.slots
        taken = await self.engine.places_taken_of(slots) if slots else {}
        if found.stamp.taken == _stamped(taken):
            return found
        rows = [row.with_taken(taken) for row in found.listing.rows]
        return self._keep(
            Shown(page, replace(stamp, taken=_stamped(taken)), replace(found.listing, rows=tuple(rows)))
        )

    async def _made(self, page: Page, stamp: PageStamp) -> Shown:
        events, now = await self.engine.page_events(page), self.engine.clock()
        taken = await self.engine.places_taken(events)

        def make() -> PageListing:
            return listing(page, rows_of(events, now, page.hours, taken), now)

        made = await asyncio.to_thread(make)
        shown = {uid: taken[uid] for uid in made.slots}
        return self._keep(Shown(page, replace(stamp, taken=_stamped(shown)), made))

    def _keep(self, made: Shown) -> Shown:
        self._shown[made.page.slug] = made
        while len(self._shown) > _LISTINGS:
            gone, _ = self._shown.popitem(last=False)
            self._making.pop(gone, None)
        return made

    async def seen(self, scope: Scope) -> CompressedBody | None:
        """The answer to the same request before, if nothing was written since and no event has ended."""
        scope[_MARK] = mark = await self.engine.written_mark()
        if mark != self._mark:
            self._seen, self._mark = {}, mark
            return None
        found = self._seen.get(_asked(scope))
        if found is None or (found[1] is not None and found[1] <= self.engine.clock()):
            return None
        return found[0]

    def see(self, request: Request, shown: Shown, body: CompressedBody) -> None:
        """Keep an answer for the next request that is the same, unless anything was written meanwhile."""
        if request.scope[_MARK] != self._mark:
            return
        if len(self._seen) >= _SEEN:
            self._seen = {}
        self._seen[_asked(request.scope)] = body, shown.listing.until

    async def body(
        self,
        key: tuple[object, ...],
        shown: Shown,
        make: Callable[[], bytes],
        media: str,
        spoken: Speech | None = None,
    ) -> CompressedBody:
        """The body that `make` makes in a thread, kept for `key` until the page changes."""
        found = self.kept(key, shown)
        if found:
            return found
        made = await asyncio.to_thread(lambda: CompressedBody.of(make(), media, spoken=spoken))
        return self.keep(key, shown, made)

    def kept(self, key: tuple[object, ...], shown: Shown) -> CompressedBody | None:
        """The body that is kept for `key`, if the page is still what it was."""
        whole = (shown.page.slug, shown.stamp, shown.listing.until, *key)
        bodies, _ = self._cache(key)
        if whole in bodies:
            bodies.move_to_end(whole)
        return bodies.get(whole)

    def keep(self, key: tuple[object, ...], shown: Shown, body: CompressedBody) -> CompressedBody:
        """Keep a body for `key`; those that were not looked at for longest go."""
        bodies, most = self._cache(key)
        bodies[shown.page.slug, shown.stamp, shown.listing.until, *key] = body
        while len(bodies) > most:
            bodies.popitem(last=False)
        return body

    def _cache(self, key: tuple[object, ...]) -> tuple[OrderedDict[tuple[object, ...], CompressedBody], int]:
        asked = isinstance(key[0], View) and key[0].filtered
        return (self._asked, _ASKED) if asked else (self._bodies, _BODIES)

    async def showing(self, name: str) -> tuple[Shown, PageRow] | None:
        """The published page that has the event with this short id, and the event as a row; None if none has it.

        What is over or cancelled has a page of its own for as long as a page has it, shown there or not.
        """
        unlisted = len(name) == UNLISTED_LENGTH
        event = await self.engine.event_for_visitors(name[:ID_LENGTH] if unlisted else name)
        if event is None:
            return None
        # Pages whose events are searched for come last: all others are judged at a glance.
        pages = sorted(await self.engine.pages_of(event.organizer), key=lambda p: bool(p.selection.query))
        for page in pages:
            if _named(page, event, name) and await self.engine.on_page(page, event):
                taken = await self.engine.places_taken([event])
                (row,) = rows_of([event], self.engine.clock(), page.hours, taken)
                return await self.of(page), row
        return None

    async def others(self, page: Page) -> Sequence[Page]:
        """Other published pages of the same organizer, where visitors may go on."""
        found = [p for p in await self.engine.pages_of(page.organizer) if p.slug != page.slug]
        return [p for p in found if p.kind is not PageKind.EVENTS][:5]


def _named(page: Page, event: Event, name: str) -> bool:
    """True if `name` is how `page` names `event`: by its id, or by what nobody can guess."""
    if page.kind is PageKind.EVENTS:
        return hmac.compare_digest(unlisted_name(page, event).encode(), name.encode())
    return event.id == name


def _stamped(taken: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(taken.items()))


def _asked(scope: Scope) -> tuple[str, bytes, str]:
    return scope["path"], scope["query_string"], wished(scope)
