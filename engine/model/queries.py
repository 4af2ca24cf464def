"""What is asked of the store for a page, and the pages that answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import Field

from engine.model.base import Value
from engine.model.changes import Change
from engine.model.events import Event, EventStatus
from engine.model.people import Attendee, Partstat
from engine.model.searching import Wanted, WordsRead
from engine.model.times import Span

_NOTHING_READ = WordsRead()
WHOLE_LIST = 10_000
"""The most rows, the newest, of a list that is read whole and shown in parts."""


class EventQuery(Value):
    """A search for events; times compare with the event's start and end, those without a zone on its own clock.

    `query`: words, as a person says them; `wanted`: what was read out of them, which then counts instead.
    `location`: text that the place must contain.
    """

    query: str = ""
    wanted: Wanted | None = None
    organizer: str | None = None
    location: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    status: EventStatus | None = None
    has_attendees: bool | None = Field(None, description="True: somebody is invited; False: nobody is")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None
    named: bool = Field(True, description="False: nobody needs a cursor that names the events of the page")


@dataclass(frozen=True)
class EventPage:
    """Some events, in order of their start, and where to go on.

    `search_cursor` names exactly these events. `occasions`: for each event when it is: of one
    that recurs, the first instance that fits.
    """

    events: tuple[Event, ...]
    next_cursor: str | None = None
    search_cursor: str | None = None
    occasions: tuple[Span, ...] = ()
    read: WordsRead = _NOTHING_READ


class AttendeeQuery(Value):
    """A search for attendees of an event."""

    uid: str
    status: Partstat | None = None
    domain: str = Field("", description="of the address, in lower case; empty: any")
    words: str = Field("", description="an address or @domain as a whole, or a part of the name; empty: any")
    answered_since: datetime | None = None
    by_answer: bool = Field(False, description="true: only those who answered, in the order of their answers")
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = None


class AttendeePage(Value):
    """Some attendees of the event `uid`, in an order that lasts, and where to go on."""

    uid: str
    attendees: tuple[Attendee, ...]
    next_cursor: str | None = None


class EventName(Value):
    """What people and models call an event: its short id and its title."""

    id: str
    summary: str


class ChangePage(Value):
    """What happened after a cursor, oldest first, and the cursor to ask with next; `more`: there is more already.

    `names`: of the events that it happened to, by uid.
    """

    changes: tuple[Change, ...]
    cursor: str
    more: bool = False
    names: dict[str, EventName] = Field(default_factory=dict)
