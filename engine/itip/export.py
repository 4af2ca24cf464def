"""An event as a calendar to view or import, not as a message to an attendee."""

from __future__ import annotations

from engine.itip import write
from engine.model.events import Event
from engine.model.messages import Method
from engine.model.people import Party


def view(event: Event) -> bytes:
    """The current revision of `event` as a calendar: no METHOD, no one invited, no reminder (RFC 5545, 3.6.1).

    A cancelled event has STATUS:CANCELLED; placeholders such as `{{name}}` are not filled in.
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
