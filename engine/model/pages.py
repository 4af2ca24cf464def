"""Public web pages of an organizer: which events they show, and how they look."""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from engine.model.base import Value
from engine.model.events import Event
from engine.model.people import Origin
from engine.model.pictures import PagePicture


class PageKind(StrEnum):
    """What a page is: events of any time to choose from, upcoming events in order, or a page for every event."""

    SCHEDULE = "schedule"
    UPCOMING = "upcoming"
    EVENTS = "events"
    """No list: each event has a page of its own, at an address that no one can guess."""


class Layout(StrEnum):
    """How the events of a page are laid out."""

    LIST = "list"
    """Under headings, one line each."""
    COMPACT = "compact"
    """As the list, with less room."""
    CARDS = "cards"
    """Each in a frame, with its place and text."""
    AGENDA = "agenda"
    """Dates in a column of their own."""


class Grouping(StrEnum):
    """How the events of a page are grouped."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Show(StrEnum):
    """What a page may show or leave out."""

    DESCRIPTION = "description"
    PLACE = "place"
    PAST = "past"
    CANCELLED = "cancelled"
    SEARCH = "search"
    """Choices by team, place and month."""
    PROMPT = "prompt"
    """A field for words, which are read as a search reads them."""
    ZONE = "zone"
    FEED = "feed"
    """A calendar to subscribe to."""
    EMBED = "embed"
    """Other sites may show the page in a frame."""
    LOGO = "logo"
    BANNER = "banner"
    BACKGROUND = "background"


SHOWN = frozenset(Show) - {Show.DESCRIPTION, Show.PAST, Show.EMBED}
"""What a page shows where nothing else is said."""
UNLISTED_LENGTH = 22
"""Characters that name an event whose page nothing lists; 14 of them carry 70 bits."""
EVENTS_MAX = 5_000
"""Events of one page; further ones are not shown, and the page says so."""


class EventSelection(Value):
    """Which of an organizer's events a page has: those that meet all conditions; without conditions, all."""

    month: str = Field("", description="of the start in the event's zone, as 2027-05")
    query: str = Field("", description="text that an event must contain, read as a search reads them")
    uids: tuple[str, ...] = Field((), description="these events alone")

    def names(self, event: Event) -> bool:
        """True if `event` is among those named and in the month; the search query is not applied."""
        return (not self.uids or event.uid in self.uids) and self.in_month(event)

    def in_month(self, event: Event) -> bool:
        """True if `event` starts in the month, or no month is set."""
        return self.month in {"", event.span.local(event.span.start).strftime("%Y-%m")}


class Page(Value):
    """A public page; its slug is its address and never changes."""

    slug: str
    kind: PageKind
    organizer: str
    title: str
    intro: str = Field("", description="text above the events")
    closing: str = Field("", description="text below the events")
    selection: EventSelection = EventSelection()
    layout: Layout = Layout.LIST
    by: Grouping = Grouping.DAY
    colour: str = Field("#1558b0", description="of buttons and links, as #rrggbb")
    hours: int = Field(24, description="12-hour or 24-hour clock")
    shows: frozenset[Show] = SHOWN
    logo: PagePicture | None = None
    banner: PagePicture | None = Field(None, description="above the title, as wide as the page")
    background: PagePicture | None = Field(None, description="behind the page")
    consent: str = Field("", description="what a visitor agrees to before anything is sent; empty: nothing")
    key: str = Field("", description="of a page of kind events: what makes the addresses of its events")
    published: bool = True
    revision: int = Field(0, description="grows with every change of the page")
    created: datetime
    changed: datetime


_PATHS = {PageKind.SCHEDULE: "s", PageKind.UPCOMING: "u"}


def path(page: Page) -> str:
    """The path of the page on our web server; empty for a page of kind events, which has no list."""
    return f"/{_PATHS[page.kind]}/{page.slug}" if page.kind in _PATHS else ""


def event_path(page: Page, event: Event) -> str:
    """The path of the own page of `event`, one of the events of `page`."""
    return f"/e/{unlisted_name(page, event) if page.kind is PageKind.EVENTS else event.id}"


def unlisted_name(page: Page, event: Event) -> str:
    """The last part of the address of an unlisted event's page: its id, and 14 characters made with the page's key."""
    proof = hmac.digest(page.key.encode(), event.uid.encode(), "sha256")
    return event.id + base64.b32encode(proof).decode("ascii").lower()[: UNLISTED_LENGTH - len(event.id)]


class PageRequest(Value):
    """Invites that someone asked for on a page, which wait until the owner of the address confirms.

    `cursor`: how many of `uids` are done; the rest may be sent later, with the same code.
    """

    code: str = Field(description="unguessable; part of the link that confirms")
    slug: str = Field(description="of the page where it was asked for; empty: by a campaign link")
    link: str = Field("", description="id of the campaign link")
    organizer: str
    email: str
    uids: tuple[str, ...]
    origin: Origin
    consent: str = Field("", description="what the visitor agreed to, with the page's revision")
    language: str = Field("", description="tag of the language in which it was asked for")
    created: datetime
    expires: datetime
    cursor: int = 0
    sent: int = Field(0, description="invites that were owed by it")

    @property
    def used(self) -> bool:
        """True once all of it is done."""
        return self.cursor >= len(self.uids)
