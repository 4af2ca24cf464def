"""The content of an incoming iTIP message, as values (RFC 5546)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

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
    """One VEVENT of a message; `recurrence_id` is set if it is one instance of a series."""

    uid: str
    sequence: int | None = None
    """None if the client sends none, as some do in answers."""
    dtstamp: datetime | None = None
    vague_stamp: bool = False
    """DTSTAMP named no zone: `dtstamp` is the latest moment that it may mean."""
    recurrence_id: Instant | None = None
    following: bool = False
    """It applies to that instance and to all later ones."""
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
    periods: tuple[Span, ...] = ()
    """Those of `rdates` that have a length of their own."""
    exdates: tuple[Instant, ...] = ()
    status: str = ""
    comment: str = ""
    left_out: tuple[str, ...] = ()
    """The parts that could not be read, in a few words each; the event is used without them."""

    @property
    def occurrence_uid(self) -> str:
        """The UID of an instance if its series is unknown: it becomes an event of its own (RFC 5546, 3.2.2)."""
        return f"{self.uid} {self.recurrence_id}"


def told_apart(series: Sequence[ItipEvent]) -> list[ItipEvent]:
    """The distinct events of a calendar: the newest revision of each (RFC 5546, 2.1.5), and the last of equal ones.

    Single events that share a UID and the newest revision but start at different times are separate: a theatre may
    give each evening the UID of its play. Each is then identified by its UID and its start.
    """
    newest: dict[str, int] = {}
    for event in series:
        newest[event.uid] = max(event.sequence or 0, newest.get(event.uid, 0))
    found: dict[str, dict[datetime | None, ItipEvent]] = {}
    for event in series:
        if (event.sequence or 0) == newest[event.uid]:
            found.setdefault(event.uid, {})[event.span.start_utc if event.span else None] = event
    return [event for alike in found.values() for event in _named_apart(list(alike.values()))]


def _named_apart(alike: list[ItipEvent]) -> list[ItipEvent]:
    if len(alike) == 1 or any(e.recurrence or e.rdates or e.span is None for e in alike):
        return alike[-1:]
    return [e.model_copy(update={"uid": f"{e.uid} {e.span.start_utc.isoformat()}"}) for e in alike if e.span]


_ZONES = timedelta(hours=26)
"""How far apart the moments are that a time without a zone can mean."""


def noted_stamp(dtstamp: datetime | None, *, vague: bool) -> datetime | None:
    """The earliest moment that a DTSTAMP can mean: only what is earlier than that is certainly older."""
    return dtstamp - _ZONES if dtstamp and vague else dtstamp


class ItipMessage(Value):
    """A calendar object as received: `method` in upper case, PUBLISH if it names none."""

    method: str
    prodid: str = ""
    events: tuple[ItipEvent, ...] = ()
    repaired: tuple[str, ...] = ()
    """What was wrong with the text and how it was read, a few words each."""

    def arrived(self, now: datetime) -> ItipMessage:
        """The message with no DTSTAMP after `now`: a sender's fast clock must not make later messages look old."""
        if all(event.dtstamp is None or event.dtstamp <= now for event in self.events):
            return self
        events = tuple(
            event.model_copy(update={"dtstamp": min(event.dtstamp, now)}) if event.dtstamp else event
            for event in self.events
        )
        return self.model_copy(update={"events": events})
