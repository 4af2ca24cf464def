"""Public pages, what their visitors asked for, and who proved an address there."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from engine.model.branding import Branding
from engine.model.events import Event
from engine.model.pages import Page, PageRequest
from engine.model.pictures import Picture


class Pages(Protocol):
    """The part of a unit of work that concerns pages."""

    async def page(self, slug: str) -> Page | None:
        """The page at this slug, published or not, or None."""
        ...

    async def save_page(self, page: Page) -> None:
        """Add a page or replace it."""
        ...

    async def page_request(self, code: str) -> PageRequest | None:
        """The request with this code, or None."""
        ...

    async def save_page_request(self, request: PageRequest) -> None:
        """Add what waits for a visitor's confirmation, or replace it; what expired 30 days before is forgotten."""
        ...

    async def open_page_requests(self, email: str, since: datetime) -> list[PageRequest]:
        """Requests for an address, made after `since`, that are not done."""
        ...

    async def confirmed_once(self, organizer: str, person: str) -> bool:
        """True if this person, by address without +tag, confirmed a request for the organizer's events before."""
        ...

    async def note_confirmed(self, organizer: str, person: str, now: datetime) -> None:
        """Note that a person confirmed a request for the organizer's events."""
        ...


class Pictures(Protocol):
    """The part of a unit of work that concerns pictures of pages."""

    async def picture(self, organizer: str, name: str) -> Picture | None:
        """The organizer's picture with this name, or None."""
        ...

    async def picture_count(self, organizer: str) -> int:
        """How many pictures the organizer has."""
        ...

    async def save_picture(self, picture: Picture, content: bytes) -> None:
        """Keep a picture; one that is kept already is as new again."""
        ...

    async def drop_pictures(self, organizer: str, before: datetime) -> None:
        """Drop the organizer's pictures that were kept before then and that none of their pages has."""
        ...


class PageQuestions(Protocol):
    """What is asked for the pages that visitors see."""

    async def page(self, slug: str) -> Page | None:
        """The page at this slug, published or not, or None."""
        ...

    async def page_request(self, code: str) -> PageRequest | None:
        """The request with this code, or None."""
        ...

    async def pages(self, organizer: str | None, limit: int) -> list[Page]:
        """The newest pages, newest first; of one organizer, or of all at a domain such as `@example.com`, if given."""
        ...

    async def picture_content(self, name: str) -> bytes | None:
        """The bytes of the picture with this name, whoever's it is, or None."""
        ...

    async def shown_revision(self, organizer: str) -> tuple[int, str, tuple[Branding, ...]]:
        """A number that grows with every change of the organizer's events, the tag of their language, if set, and what
        brandings there are: the installation's and theirs."""
        ...

    async def written_mark(self) -> int:
        """A number that is another one after anything was written, by whichever process."""
        ...

    async def places_taken_of(self, uids: Collection[str]) -> dict[str, int]:
        """How many places of each of these events are taken; one that nobody has is left out."""
        ...

    async def events_of(self, organizer: str, limit: int) -> list[Event]:
        """The organizer's newest events by their start, in order of their start."""
        ...
