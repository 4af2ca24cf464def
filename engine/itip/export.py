"""An event as its organizer keeps it: a calendar to look at or to import, not a message to anyone."""

from __future__ import annotations

from engine.itip import write
from engine.model.events import Event
from engine.model.messages import Method
from engine.model.people import Party


def view(event: Event) -> bytes:
    """The current revision of `event` as a calendar: no METHOD, no one invited, no reminder (RFC 5545, 3.6.1).

    A cancelled event says so by its STATUS; placeholders for personal words stand as they were written.
    """
    organizer = Party(address=event.organizer, name=event.organizer_name)
    method = Method.CANCEL if event.cancelled else Method.REQUEST
    found = write.calendar(event, organizer, organizer, method, None)
    del found["METHOD"]
    for part in found.walk("VEVENT"):
        del part["ATTENDEE"]
        part.subcomponents.clear()
    content: bytes = found.to_ical(sorted=False)
    return content
