"""A calendar to subscribe to: the current state of events, without attendees (RFC 5546, 3.2.1; RFC 7986)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime

from engine.itip import write
from engine.itip.content_lines import clean_text, escape, fold
from engine.itip.zone_lines import written
from engine.model.events import Event
from engine.model.messages import Method
from engine.model.people import Party

_EVERY = "PT1H"
"""How often subscribers are asked to refresh; most do so less often."""


def published(name: str, events: Sequence[Event], organizer: Party) -> bytes:
    """The events as one calendar for subscribers; cancelled ones remain, with STATUS:CANCELLED."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:{write.PRODID}",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{_text(name)}",
        f"X-WR-CALNAME:{_text(name)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{_EVERY}",
        f"X-PUBLISHED-TTL:{_EVERY}",
    ]
    found = b"".join(map(fold, lines)) + b"".join(_zones(events))
    return found + b"".join(_event(event, organizer) for event in events) + b"END:VCALENDAR\r\n"


def _zones(events: Sequence[Event]) -> Iterator[bytes]:
    """A VTIMEZONE for each zone in which a series recurs; all other times are UTC."""
    first: dict[str, int] = {}
    for event in events:
        if event.recurring and not event.span.all_day and event.span.timezone != "UTC":
            year = event.span.start.year
            first[event.span.timezone] = min(year, first.get(event.span.timezone, year))
    for zone, year in sorted(first.items()):
        yield written(zone, year)


def _event(event: Event, organizer: Party) -> bytes:
    """The VEVENT of an event with its overrides; if it does not recur, its lines are written directly."""
    if event.recurring:
        return _series(event, organizer)
    lines = [
        "BEGIN:VEVENT",
        f"UID:{event.uid}",
        f"DTSTAMP:{_stamp(event.dtstamp)}",
        f"SEQUENCE:{event.sequence}",
        f"DTSTART{_when(event.span.start)}",
        f"DTEND{_when(event.span.end)}",
        f"SUMMARY:{_text(event.summary) or write.UNTITLED}",
        *_optional("LOCATION", event.location),
        *_optional("DESCRIPTION", event.description),
        *([f"URL:{event.url}"] if event.url else []),
        f'ORGANIZER;CN="{write.shown(organizer.name)}":mailto:{write.shown(organizer.address)}',
        f"STATUS:{'CANCELLED' if event.cancelled else 'CONFIRMED'}",
        f"TRANSP:{'TRANSPARENT' if event.span.all_day or not event.rsvp else 'OPAQUE'}",
        f"CREATED:{_stamp(event.created)}",
        f"LAST-MODIFIED:{_stamp(event.dtstamp)}",
        "END:VEVENT",
    ]
    return b"".join(map(fold, lines))


def _series(event: Event, organizer: Party) -> bytes:
    method = Method.CANCEL if event.cancelled else Method.REQUEST
    found = write.calendar(event, organizer, organizer, method, None)
    parts = list(found.walk("VEVENT"))
    for part in parts:
        del part["ATTENDEE"]
        part.subcomponents.clear()
    return b"".join(part.to_ical(sorted=False) for part in parts)


def _optional(name: str, text: str) -> list[str]:
    value = _text(text)
    return [f"{name}:{value}"] if value else []


def _text(text: str) -> str:
    return escape(clean_text(text).strip())


def _when(value: date | datetime) -> str:
    return f":{_stamp(value)}" if isinstance(value, datetime) else f";VALUE=DATE:{value:%Y%m%d}"


def _stamp(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
