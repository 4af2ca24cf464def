"""Write invites, updates and cancellations, each for one attendee (RFC 5546, 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from icalendar import (
    Alarm,
    Calendar,
    Component,
    Timezone,
    vCalAddress,
    vDate,
    vDatetime,
    vDuration,
    vInt,
    vText,
    vUri,
)
from icalendar import Event as VEvent
from icalendar.prop import vRecur

from engine.itip.content_lines import clean_name, clean_text, escape
from engine.itip.recurrence import instance
from engine.itip.zone_lines import written
from engine.model.events import Event, Override
from engine.model.messages import Method
from engine.model.people import Partstat, Party

PRODID = "-//CIS//Calendar Invite Server//EN"
UNTITLED = "Invitation"
BOM = "\ufeff"
_ALARM_MINUTES = 15
# characters that change the direction of the text around a name (Unicode UAX 9, 3.1)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


class EscapedText(vText):
    """TEXT as RFC 5545, 3.3.11 defines it; the library's own turns a literal backslash and N into a line break.

    Leading byte order marks are removed, since the library drops only one.
    """

    def to_ical(self) -> bytes:
        return escape(clean_text(self).lstrip(BOM)).encode()


class _Rule(vRecur):
    """RECUR with its parts in their original order; the RFC requires none."""

    def sorted_items(self) -> list[tuple[Any, Any]]:
        return list(self.items())


def request(
    event: Event,
    attendee: Party,
    organizer: Party,
    *,
    recurrence_id: date | datetime | None = None,
) -> bytes:
    """The REQUEST that invites `attendee` to `event`, or to one instance of it (RFC 5546, 3.2.2).

    `organizer.address` is the receipt address, to which clients reply.
    """
    return _bytes(calendar(event, attendee, organizer, Method.REQUEST, recurrence_id))


def cancel(
    event: Event,
    attendee: Party,
    organizer: Party,
    *,
    recurrence_id: date | datetime | None = None,
) -> bytes:
    """The CANCEL that removes `event`, or one instance of it, from the calendar (RFC 5546, 3.2.5)."""
    return _bytes(calendar(event, attendee, organizer, Method.CANCEL, recurrence_id))


def decline(
    event: Event,
    attendee: Party,
    organizer: Party,
    *,
    recurrence_id: date | datetime | None = None,
) -> bytes:
    """The DECLINECOUNTER that rejects a proposed time for `event`, or for one instance of it (RFC 5546, 3.2.8)."""
    return _bytes(calendar(event, attendee, organizer, Method.DECLINECOUNTER, recurrence_id))


def calendar(
    event: Event,
    attendee: Party,
    organizer: Party,
    method: Method,
    recurrence_id: date | datetime | None,
    partstat: Partstat = Partstat.NEEDS_ACTION,
) -> Calendar:
    """The VCALENDAR of one message, with its properties in the order to write them."""
    found = Calendar()
    _set(
        found,
        {
            "VERSION": EscapedText("2.0"),
            "PRODID": EscapedText(PRODID),
            "CALSCALE": EscapedText("GREGORIAN"),
            "METHOD": EscapedText(method.value),
        },
    )
    if _by_zone(event):
        found.add_component(_zone(event.span.timezone, _first_year(event)))
    people = {
        "ORGANIZER": _person(organizer, {}),
        "ATTENDEE": _person(attendee, _role(partstat, asks=event.rsvp)),
    }
    for part in _parts(event, method, recurrence_id):
        found.add_component(_vevent(event, part, people, method))
    return found


def _bytes(component: Component) -> bytes:
    content: bytes = component.to_ical(sorted=False)
    return content


def _set(component: Component, properties: dict[str, Any]) -> None:
    """Add the properties that have a value; each item of a list becomes a line."""
    for name, value in properties.items():
        if value not in (None, []):
            component[name] = value


@lru_cache(maxsize=256)
def _zone(name: str, year: int) -> Component:
    """Our own VTIMEZONE, since the library's Timezone.from_tzid starts daylight saving time an hour late."""
    zone = Timezone.from_ical(written(name, year))
    assert isinstance(zone, Component)
    return zone


def _first_year(event: Event) -> int:
    starts = [event.span.start, *(o.span.start for o in event.overrides), *event.rdates]
    return min(start.year for start in starts)


def _by_zone(event: Event) -> bool:
    """True if times are written with TZID, without which recurring events shift with daylight saving time."""
    return event.recurring and not event.span.all_day and event.span.timezone != "UTC"


def shown(text: str) -> str:
    """A name or address on one line, without quotes and characters that change the direction of text."""
    return clean_name(text if text.isascii() else _BIDI.sub("", text))


def _person(party: Party, role: dict[str, str]) -> vCalAddress:
    """A calendar address with its name last (RFC 5545, 3.3.3)."""
    address = shown(party.address)
    return vCalAddress(f"mailto:{address}", params={**role, "CN": shown(party.name) or address})


def _role(partstat: Partstat, *, asks: bool) -> dict[str, str]:
    """The ATTENDEE's parameters: whether a reply is requested, and their answer (RFC 5545, 3.8.4.1)."""
    known = {"CUTYPE": "INDIVIDUAL", "ROLE": "REQ-PARTICIPANT", "PARTSTAT": partstat.value.upper()}
    return {**known, "RSVP": "TRUE" if asks else "FALSE"}


def _parts(event: Event, method: Method, recurrence_id: date | datetime | None) -> Iterator[Event | Override]:
    """The parts of the message: one instance; or the series, with its overrides unless it is cancelled."""
    if recurrence_id is not None:
        yield instance(event, recurrence_id)
        return
    yield event
    yield from event.overrides if method is Method.REQUEST else ()


def _time(event: Event, value: date | datetime) -> vDate | vDatetime:
    if not isinstance(value, datetime):
        return vDate(value, params={"VALUE": "DATE"})
    if _by_zone(event):
        local = vDatetime(value.astimezone(event.span.zone).replace(tzinfo=None))
        local.params["TZID"] = event.span.timezone
        return local
    return _utc(value)


def _utc(value: datetime) -> vDatetime:
    return vDatetime(value.astimezone(UTC))


def _times(event: Event, values: Iterable[date | datetime]) -> list[vDate | vDatetime]:
    return [_time(event, value) for value in values]


def _dates(event: Event, part: Event | Override) -> dict[str, Any]:
    """The properties that say which instance a part is, or which a series has (RFC 5545, 3.8.4.4 and 3.8.5)."""
    if isinstance(part, Override):
        return {"RECURRENCE-ID": _time(event, part.recurrence_id)}
    return {
        "RRULE": _Rule(event.recurrence) if event.recurrence else None,
        "RDATE": _times(event, event.rdates),
        "EXDATE": _times(event, event.exdates),
    }


def optional(text: str) -> EscapedText | None:
    """`text` as TEXT, or None if it is blank, so that the property is left out."""
    return EscapedText(text) if clean_text(text).lstrip(BOM).strip() else None


def titled(text: str) -> EscapedText:
    """`text` as a SUMMARY, with a default if it is blank, since RFC 5546 requires one."""
    return optional(text) or EscapedText(UNTITLED)


def _url(text: str) -> vUri | None:
    url = "".join(text.split())
    return vUri(url) if url and url.isprintable() else None


def _vevent(
    event: Event, part: Event | Override, people: dict[str, vCalAddress], method: Method
) -> Component:
    if method is Method.DECLINECOUNTER:
        return _declined(event, part, people["ORGANIZER"])
    cancelled = method is Method.CANCEL
    found, all_day = VEvent(), part.span.all_day
    _set(
        found,
        {
            "UID": EscapedText(event.uid),
            "DTSTAMP": _utc(event.dtstamp),
            "SEQUENCE": vInt(event.sequence),
            "DTSTART": _time(event, part.span.start),
            "DTEND": _time(event, part.span.end),
            **_dates(event, part),
            "SUMMARY": titled(part.summary),
            "LOCATION": optional(part.location),
            "DESCRIPTION": optional(part.description),
            "URL": _url(part.url),
            **people,
            "STATUS": EscapedText("CANCELLED" if cancelled else "CONFIRMED"),
            "TRANSP": EscapedText("TRANSPARENT" if all_day or not event.rsvp else "OPAQUE"),
            "CREATED": _utc(event.created),
            "LAST-MODIFIED": _utc(event.dtstamp),
            "COMMENT": optional(event.cancel_reason) if cancelled else None,
        },
    )
    for minutes in _alarms(event, all_day=all_day) if method is Method.REQUEST else ():
        found.add_component(_alarm(minutes))
    return found


def _declined(event: Event, part: Event | Override, organizer: vCalAddress) -> Component:
    """The event's identifying properties only, since RFC 5546, 3.2.8 allows no more."""
    found = VEvent()
    _set(
        found,
        {
            "UID": EscapedText(event.uid),
            "DTSTAMP": _utc(event.dtstamp),
            "SEQUENCE": vInt(event.sequence),
            "RECURRENCE-ID": _time(event, part.recurrence_id) if isinstance(part, Override) else None,
            "ORGANIZER": organizer,
        },
    )
    return found


def alarms_of(event: Event) -> tuple[int, ...]:
    """Minutes before the start at which calendars remind: the event's own, or else the defaults."""
    return _alarms(event, all_day=event.span.all_day)


def _alarms(event: Event, *, all_day: bool) -> tuple[int, ...]:
    """Minutes before the start at which calendars remind."""
    if event.alarm_minutes is not None:
        return event.alarm_minutes
    return () if all_day else (_ALARM_MINUTES,)


def _alarm(minutes: int) -> Component:
    alarm = Alarm()
    _set(
        alarm,
        {
            "ACTION": EscapedText("DISPLAY"),
            "DESCRIPTION": EscapedText("Reminder"),
            "TRIGGER": vDuration(-timedelta(minutes=minutes)),
        },
    )
    return alarm
