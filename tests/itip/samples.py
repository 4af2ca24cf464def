"""Events and calendars for the tests."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from engine.itip.message import ItipEvent, ItipMessage
from engine.itip.read import read
from engine.model.events import Event
from engine.model.people import Party
from engine.model.times import Span

UID = "k3v9q2m7x1c8b4n6z0l5p2r7t9w3y1d8f6h4j0sa"
JOE = Party(address="joe@example.org", name="Joe Bloggs")
RECEIPTS = Party(address="rsvp+q7zk2pvx9lmr4tns@cis.test", name="Jane Roe")
START = datetime(2026, 3, 3, 9, tzinfo=UTC)


def span(start: date | datetime = START, hours: float = 1, timezone: str = "Europe/Paris") -> Span:
    """A span of some hours, or of one day where `start` is a day."""
    length = timedelta(hours=hours) if isinstance(start, datetime) else timedelta(days=1)
    return Span(start=start, end=start + length, timezone=timezone)


def event(**changes: Any) -> Event:
    """A confirmed event on Tuesday, 3 March 2026, 10:00 to 11:00 in Paris."""
    values: dict[str, Any] = {
        "uid": UID,
        "organizer": "jane@example.com",
        "organizer_name": "Jane Roe",
        "summary": "Plan",
        "span": span(),
        "created": datetime(2026, 1, 1, tzinfo=UTC),
        "dtstamp": datetime(2026, 1, 2, tzinfo=UTC),
        "ends_at": datetime(2026, 3, 3, 10, tzinfo=UTC),
    }
    return Event(**{**values, **changes})


def calendar(*lines: str, method: str = "REQUEST", head: tuple[str, ...] = ()) -> bytes:
    """A calendar with one VEVENT that has `lines` and a UID."""
    text = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//Test//EN"]
    text += [f"METHOD:{method}"] if method else []
    text += [*head, "BEGIN:VEVENT", f"UID:{UID}", "DTSTAMP:20260102T000000Z", *lines]
    return ("\r\n".join([*text, "END:VEVENT", "END:VCALENDAR"]) + "\r\n").encode()


def understood(*lines: str, method: str = "REQUEST", head: tuple[str, ...] = (), **how: Any) -> ItipEvent:
    """The one event of a calendar with `lines`."""
    message: ItipMessage = read(calendar(*lines, method=method, head=head), **how)
    assert len(message.events) == 1
    return message.events[0]
