"""Questions about pages, from their organizers and from visitors, who see only what is published."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from engine.model.actors import Actor
from engine.model.branding import merged
from engine.model.events import Event
from engine.model.pages import EVENTS_MAX, Page, PageRequest
from engine.model.pictures import PagePicture, is_name
from engine.model.queries import EventQuery
from engine.ownership import of_others
from engine.refusals import Code, Refused
from engine.store.protocol import Store

if TYPE_CHECKING:
    from engine.search.asking import Understood

_AT_ONCE = 100
_PAGES_SHOWN = 500
_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True)
class PageStamp:
    """A stamp of a page's state: pages with equal stamps show the same. `language`: the organizer's, if it is set."""

    page: int
    events: int
    taken: tuple[tuple[str, int], ...] = ()
    """How many places of each event that has so many are taken."""
    language: str = ""
    looks: tuple[str, str, str] = ("", "", "")
    """Colour, title and last lines of the branding in force."""
    logo: PagePicture | None = None
    """The branding's."""


class PageQuestions:
    """The questions about pages."""

    store: Store
    clock: Callable[[], datetime]

    async def page(self, slug: str, actor: Actor) -> Page:
        """The actor's page at `slug`. Raises Refused: NOT_ALLOWED, UNKNOWN_PAGE."""
        _may_read(actor)
        page = await self.store.page(slug.strip().lower())
        if page is None or not actor.owns(page.organizer):
            from engine.commands.pages.pages import unknown_page

            raise unknown_page(slug)
        return page

    async def pages(
        self, actor: Actor, limit: int = _PAGES_SHOWN, organizer: str | None = None
    ) -> list[Page]:
        """The newest pages, newest first: all that the actor owns, or those of one organizer whom they may see.

        Raises Refused: NOT_ALLOWED, INVALID_ARGUMENT.
        """
        _may_read(actor)
        if organizer is not None and not actor.owns(organizer):
            raise of_others("organizer")
        whose = organizer or (None if actor.everywhere else actor.address)
        return await self.store.pages(whose, limit)

    async def published(self, slug: str) -> Page | None:
        """The page that every visitor may see, or None; the slug of one that is hidden tells nothing."""
        page = await self.store.page(slug)
        return page if page and page.published else None

    async def pages_of(self, organizer: str) -> list[Page]:
        """The published pages of an organizer, newest first, as every visitor may see them."""
        return [page for page in await self.store.pages(organizer, _PAGES_SHOWN) if page.published]

    async def page_request(self, code: str) -> PageRequest | None:
        """What waits for a visitor's confirmation; the code itself is what allows the question."""
        return await self.store.page_request(code)

    async def event_for_visitors(self, name: str) -> Event | None:
        """The event with this short id; whether visitors may see it, its pages tell."""
        found = await self.store.events_named(name, "")
        return found[0] if len(found) == 1 and found[0].id == name else None

    async def picture(self, name: str) -> bytes | None:
        """The bytes of a picture of some page; its name, which is made of them, is all that is asked for."""
        return await self.store.picture_content(name) if is_name(name) else None

    async def written_mark(self) -> int:
        """A number that changes whenever anything is written, so that what was made before it may be outdated."""
        return await self.store.written_mark()

    async def page_stamp(self, page: Page) -> PageStamp:
        """A stamp that changes when the page, or an event of its organizer, changes."""
        events, language, brandings = await self.store.shown_revision(page.organizer)
        brand = merged(brandings)
        looks = (brand.colour, brand.title, brand.footer)
        return PageStamp(page.revision, events, language=language, looks=looks, logo=brand.logo)

    async def organizer_language(self, organizer: str) -> str:
        """The language that is set for an organizer, by its tag; empty if none is."""
        return await self.store.organizer_language(organizer)

    async def places_taken(self, events: Iterable[Event]) -> dict[str, int]:
        """The number of places taken, by uid, for those of `events` that have places."""
        uids = [event.uid for event in events if event.places]
        return await self.places_taken_of(uids) if uids else {}

    async def places_taken_of(self, uids: Collection[str]) -> dict[str, int]:
        """How many places of each of these events are taken."""
        return dict.fromkeys(uids, 0) | await self.store.places_taken_of(uids)

    async def page_events(self, page: Page) -> list[Event]:
        """The events of a page in order of their start, cancelled ones too."""
        events = await self.store.events_of(page.organizer, EVENTS_MAX)
        named = frozenset(page.selection.uids) or frozenset(event.uid for event in events)
        events = [event for event in events if event.uid in named and page.selection.in_month(event)]
        if page.selection.query:
            uids, _ = await self.found_on_page(page, page.selection.query)
            events = [event for event in events if event.uid in uids]
        return events

    async def on_page(self, page: Page, event: Event) -> bool:
        """True if `event` of the page's organizer belongs to the page, whether it is shown now or not."""
        if not page.selection.names(event):
            return False
        if not page.selection.query:
            return True
        # A single event is looked for among what takes place with it: a season is not gone through for each.
        uids, _ = await self.found_on_page(
            page, page.selection.query, beside=None if event.recurrence else event
        )
        return event.uid in uids

    async def pages_with(self, event: Event) -> list[Page]:
        """The published pages that have an event of their organizer, newest first."""
        return [page for page in await self.pages_of(event.organizer) if await self.on_page(page, event)]

    async def found_on_page(
        self, page: Page, query: str, most: int = EVENTS_MAX, beside: Event | None = None
    ) -> tuple[frozenset[str], Understood]:
        """The uids of up to `most` of the organizer's events that words ask for, and how the words were read.

        `beside`: only what takes place while this event does.
        """
        from engine.search.asking import find

        uids: set[str] = set()
        cursor: str | None = None
        after = beside.span.start_utc - _MOMENT if beside else None
        before = beside.span.end_utc + _MOMENT if beside else None
        within = EventQuery(query=query, organizer=page.organizer, after=after, before=before, limit=_AT_ONCE)
        for _ in range(most // _AT_ONCE):
            asked = within.model_copy(update={"cursor": cursor})
            found = await find(self.store, asked, self.clock())
            uids |= {event.uid for event in found.events}
            cursor = found.next_cursor
            if cursor is None:
                break
        return frozenset(uids), found.understood


def _may_read(actor: Actor) -> None:
    if not actor.may_read:
        raise Refused(Code.NOT_ALLOWED, "This key may not read: it lacks the scope “read”.")
