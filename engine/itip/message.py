"""What an incoming iTIP message says, as values (RFC 5546)."""

from __future__ import annotations

from datetime import datetime

from engine.model.base import Value
from engine.model.people import Partstat, Party
from engine.model.times import Instant, Span


class ItipAttendee(Value):
    """One ATTENDEE line: who, and what they answered (RFC 5545, 3.8.4.1)."""

    address: str
    name: str = ""
    partstat: Partstat = Partstat.NEEDS_ACTION
    delegated_to: tuple[str, ...] = ()
    delegated_from: tuple[str, ...] = ()
    sent_by: str = ""


class ItipEvent(Value):
    """One VEVENT of a message; `recurrence_id` is set where it speaks of one instance."""

    uid: str
    sequence: int | None = None
    """None where the client sends none, as some do in answers."""
    dtstamp: datetime | None = None
    recurrence_id: Instant | None = None
    organizer: Party | None = None
    sent_by: str = ""
    attendees: tuple[ItipAttendee, ...] = ()
    nameless: Partstat | None = None
    """The answer of an ATTENDEE that has no address to mail, such as invalid:nomail."""
    span: Span | None = None
    summary: str = ""
    description: str = ""
    location: str = ""
    url: str = ""
    conference: str = ""
    recurrence: str = ""
    rdates: tuple[Instant, ...] = ()
    exdates: tuple[Instant, ...] = ()
    status: str = ""
    comment: str = ""


class ItipMessage(Value):
    """A calendar object as it came: upper-case `method`, PUBLISH where it names none."""

    method: str
    prodid: str = ""
    events: tuple[ItipEvent, ...] = ()
    repaired: tuple[str, ...] = ()
    """What was wrong with the text and how it was read, a few words each."""
