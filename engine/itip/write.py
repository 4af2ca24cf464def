"""Write the invites, updates and cancellations that go out, one attendee each (RFC 5546, 3.2; interop 1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from engine.itip.lines import escape, fold, param
from engine.itip.recurrence import at
from engine.itip.values import write_day, write_local, write_utc
from engine.itip.vtimezone import written
from engine.model import Event, Method, Override, Party, Span

PRODID = "-//CIS//Calendar Invite Server//EN"
UNTITLED = "Invitation"
_ALARM = ("BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:Reminder", "TRIGGER:-PT15M", "END:VALARM")


def request(
    event: Event,
    attendee: Party,
    organizer: Party,
    *,
    recurrence_id: date | datetime | None = None,
) -> bytes:
    """The REQUEST that invites `attendee` to `event`, or to one instance of it (RFC 5546, 3.2.2).

    `organizer.address` is the receipt address, to which clients answer.
    """
    return _calendar(event, attendee, organizer, Method.REQUEST, recurrence_id)


def cancel(
    event: Event,
    attendee: Party,
    organizer: Party,
    *,
    recurrence_id: date | datetime | None = None,
) -> bytes:
    """The CANCEL that takes `event`, or one instance of it, out of the calendar (RFC 5546, 3.2.5)."""
    return _calendar(event, attendee, organizer, Method.CANCEL, recurrence_id)


def _calendar(
    event: Event,
    attendee: Party,
    organizer: Party,
    method: Method,
    recurrence_id: date | datetime | None,
) -> bytes:
    head = ["BEGIN:VCALENDAR", "VERSION:2.0", f"PRODID:{PRODID}", "CALSCALE:GREGORIAN", f"METHOD:{method}"]
    people = [
        _person("ORGANIZER", "", organizer),
        _person(
            "ATTENDEE", ";CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE", attendee
        ),
    ]
    blocks = [_vevent(event, part, people, method) for part in _parts(event, method, recurrence_id)]
    zone = written(event.span.timezone, _first_year(event)) if _by_zone(event) else b""
    body = b"".join(fold(line) for block in blocks for line in block)
    return b"".join(fold(line) for line in head) + zone + body + b"END:VCALENDAR\r\n"


def _first_year(event: Event) -> int:
    starts = [event.span.start, *(o.span.start for o in event.overrides), *event.rdates]
    return min(start.year for start in starts)


def _by_zone(event: Event) -> bool:
    """True where times are written by TZID: recurring events drift over summer time otherwise."""
    return event.recurring and not event.span.all_day and event.span.timezone != "UTC"


def _person(name: str, params: str, party: Party) -> str:
    cn = f";CN={param(party.name) or param(party.address)}"
    return f"{name}{params}{cn}:mailto:{param(party.address).strip(chr(34))}"


def _parts(event: Event, method: Method, recurrence_id: date | datetime | None) -> Iterator[Event | Override]:
    """What the message speaks of: one instance; or the series, with its overrides unless it is cancelled."""
    if recurrence_id is None:
        yield event
        yield from event.overrides if method is Method.REQUEST else ()
        return
    yield event.override(recurrence_id) or Override(
        recurrence_id=recurrence_id,
        span=at(event.span, recurrence_id),
        summary=event.summary,
        location=event.location,
        description=event.description,
        url=event.url,
    )


def _time(event: Event, name: str, value: date | datetime) -> str:
    if not isinstance(value, datetime):
        return f"{name};VALUE=DATE:{write_day(value)}"
    if _by_zone(event):
        return f"{name};TZID={param(event.span.timezone)}:{write_local(value.astimezone(event.span.zone))}"
    return f"{name}:{write_utc(value)}"


def _dates(event: Event) -> list[str]:
    rule = [f"RRULE:{event.recurrence}"] if event.recurrence else []
    rdates = [_time(event, "RDATE", value) for value in event.rdates]
    return [*rule, *rdates, *(_time(event, "EXDATE", value) for value in event.exdates)]


def _texts(part: Event | Override) -> list[str]:
    """SUMMARY always, since RFC 5546 asks for it; the others where there is something to say (B11)."""
    summary, location, description = map(escape, (part.summary, part.location, part.description))
    texts = [f"SUMMARY:{summary if summary.strip() else UNTITLED}"]
    texts += [f"LOCATION:{location}"] if location.strip() else []
    texts += [f"DESCRIPTION:{description}"] if description.strip() else []
    url = "".join(part.url.split())
    return [*texts, f"URL:{url}"] if url.isprintable() and url else texts


def _vevent(event: Event, part: Event | Override, people: list[str], method: Method) -> list[str]:
    cancelled = method is Method.CANCEL
    span: Span = part.span
    own = [_time(event, "RECURRENCE-ID", part.recurrence_id)] if isinstance(part, Override) else _dates(event)
    reason = escape(event.cancel_reason) if cancelled else ""
    return [
        "BEGIN:VEVENT",
        f"UID:{escape(event.uid)}",
        f"DTSTAMP:{write_utc(event.dtstamp)}",
        f"SEQUENCE:{event.sequence}",
        _time(event, "DTSTART", span.start),
        _time(event, "DTEND", span.end),
        *own,
        *_texts(part),
        *people,
        f"STATUS:{'CANCELLED' if cancelled else 'CONFIRMED'}",
        f"TRANSP:{'TRANSPARENT' if span.all_day else 'OPAQUE'}",
        f"CREATED:{write_utc(event.created)}",
        f"LAST-MODIFIED:{write_utc(event.dtstamp)}",
        *([f"COMMENT:{reason}"] if reason.strip() else ()),
        *(() if cancelled or span.all_day else _ALARM),
        "END:VEVENT",
    ]
