"""Read calendar text into an iTIP message, as tolerant as real clients require (RFC 5546; interop 2)."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.itip.clocks import Clocks, unreadable
from engine.itip.lines import Component, Property, clean_name, decode, parse
from engine.itip.message import ItipAttendee, ItipEvent, ItipMessage
from engine.itip.values import read_address, read_duration, read_utc
from engine.model import Partstat, Party, Span
from engine.refusals import Code, Refused

MAX_EVENTS = 5_000
_MAX_ATTENDEES = 5_000
_MAX_UID = 1_000
_MAX_SEQUENCE = 2**31 - 1
_DAY = timedelta(days=1)
_CREATING = frozenset({"REQUEST", "PUBLISH", "ADD"})
_PARTSTATS = {p.value.upper(): p for p in Partstat}
_CONFERENCES = (
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
)
_MEETING = re.compile(
    r"https://(?:meet\.google\.com/[a-z]|[\w.-]{0,60}zoom\.us/[jsw]/|teams\.(?:microsoft|live)\.com/"
    r"|[\w.-]{1,60}\.webex\.com/)[^\s<>\"']{2,1000}",
    re.IGNORECASE,
)


def read(text: bytes, *, method_hint: str = "", default_zone: str | None = None) -> ItipMessage:
    """The iTIP message that calendar text holds; METHOD in the text wins over `method_hint`.

    `default_zone` is the IANA zone of times that name none. Times of a REPLY may stay unread (`span` None).
    Raises Refused: INVALID_CALENDAR, NOT_AN_EVENT, MISSING_UID_IN_CALENDAR, UNKNOWN_TIMEZONE,
    INVALID_RECURRENCE, TOO_LARGE.
    """
    calendars = [c for c in parse(decode(text)) if c.name == "VCALENDAR"]
    if not calendars:
        raise Refused(Code.INVALID_CALENDAR, "There is no calendar in the text.", "Send an iCalendar event.")
    found = [(calendar, event) for calendar in calendars for event in calendar.inside("VEVENT")]
    _check_events(calendars, found)
    first = found[0][0]
    method = first.text("METHOD").strip() or method_hint.strip() or "PUBLISH"
    method = method.upper()[:40]
    clocks = {id(calendar): Clocks.of(calendar, default_zone) for calendar in calendars}
    events = tuple(_event(event, clocks[id(calendar)], method) for calendar, event in found)
    return ItipMessage(method=method, prodid=clean_name(first.text("PRODID"))[:200], events=events)


def _check_events(calendars: list[Component], found: list[tuple[Component, Component]]) -> None:
    if len(found) > MAX_EVENTS:
        raise Refused(
            Code.TOO_LARGE,
            f"The calendar has {len(found)} events; {MAX_EVENTS} are allowed.",
            "Split it into smaller ones.",
        )
    if not found:
        kinds = sorted({c.name for calendar in calendars for c in calendar.components} - {"VTIMEZONE"})
        holds = f"holds {', '.join(kinds)[:80]} and no event" if kinds else "holds no event"
        raise Refused(Code.NOT_AN_EVENT, f"The calendar {holds}.", "Send an event (VEVENT).")


def _event(component: Component, clocks: Clocks, method: str) -> ItipEvent:
    creating = method in _CREATING
    span = _span(component, clocks, creating=creating)
    return ItipEvent(
        uid=_uid(component),
        sequence=_sequence(component),
        dtstamp=next((t for p in component.all("DTSTAMP") if (t := read_utc(p.value))), None),
        recurrence_id=_recurrence_id(component, clocks, method),
        organizer=_organizer(component),
        sent_by=next((read_address(p.params.get("SENT-BY", "")) for p in component.all("ORGANIZER")), ""),
        attendees=_attendees(component),
        span=span,
        summary=component.text("SUMMARY"),
        description=component.text("DESCRIPTION"),
        location=component.text("LOCATION"),
        url=component.text("URL").strip(),
        conference=_conference(component),
        recurrence=_recurrence(component) if creating else "",
        rdates=_dates(component, "RDATE", clocks, span) if creating else (),
        exdates=_dates(component, "EXDATE", clocks, span) if creating else (),
        status=component.text("STATUS").strip().upper()[:40],
        comment="\n".join(p.text for p in component.all("COMMENT") if p.text.strip()),
    )


def _uid(component: Component) -> str:
    uid = component.text("UID").strip()
    if not uid:
        raise Refused(
            Code.MISSING_UID_IN_CALENDAR,
            "The event has no UID.",
            "Send it from a calendar program, which gives each event a UID.",
        )
    if len(uid) > _MAX_UID:
        raise Refused(
            Code.INVALID_CALENDAR, "The event's UID is too long.", f"Use at most {_MAX_UID} characters."
        )
    return uid


def _sequence(component: Component) -> int | None:
    """SEQUENCE within 0 to 2**31-1; Outlook keeps another copy of it."""
    for name in ("SEQUENCE", "X-MICROSOFT-CDO-APPT-SEQUENCE"):
        prop = component.first(name)
        if prop and re.fullmatch(r"\s*[+-]?\d{1,40}\s*", prop.value):
            return max(0, min(int(prop.value), _MAX_SEQUENCE))
    return None


# people


def _name(prop: Property) -> str:
    return clean_name(prop.params.get("CN", ""))[:200].strip()


def _organizer(component: Component) -> Party | None:
    for prop in component.all("ORGANIZER"):
        address = read_address(prop.value, prop.params.get("EMAIL", ""))
        if address:
            return Party(address=address, name=_name(prop))
    return None


def _addresses(prop: Property, name: str) -> tuple[str, ...]:
    pieces = prop.params.get(name, "")[:4_000].split(",")
    return tuple(address for piece in pieces if (address := read_address(piece)))


def _attendees(component: Component) -> tuple[ItipAttendee, ...]:
    """The attendees by address; RFC 5545, 3.2.12 has unknown answers count as none."""
    found: dict[str, ItipAttendee] = {}
    for prop in component.all("ATTENDEE"):
        address = read_address(prop.value, prop.params.get("EMAIL", ""))
        if address and address not in found:
            partstat = prop.params.get("PARTSTAT", "").strip().upper()
            found[address] = ItipAttendee(
                address=address,
                name=_name(prop),
                partstat=_PARTSTATS.get(partstat, Partstat.NEEDS_ACTION),
                delegated_to=_addresses(prop, "DELEGATED-TO"),
                delegated_from=_addresses(prop, "DELEGATED-FROM"),
                sent_by=read_address(prop.params.get("SENT-BY", "")),
            )
        if len(found) > _MAX_ATTENDEES:
            raise Refused(
                Code.TOO_LARGE, "The event has too many attendees.", "Invite them with a bulk send."
            )
    return tuple(found.values())


# words


def _conference(component: Component) -> str:
    for name in _CONFERENCES:
        link = component.text(name).strip()
        if re.fullmatch(r"https?://\S{3,1000}", link):
            return link
    text = f"{component.text('LOCATION')}\n{component.text('DESCRIPTION')}"
    match = _MEETING.search(text)
    return match.group(0).rstrip(".,;)>") if match else ""


# times


def _span(component: Component, clocks: Clocks, *, creating: bool) -> Span | None:
    """Start and end; only what creates an event has to have them."""
    try:
        return _read_span(component, clocks)
    except Refused:
        if creating:
            raise
        return None


def _read_span(component: Component, clocks: Clocks) -> Span:
    prop = component.first("DTSTART")
    if prop is None:
        raise Refused(
            Code.INVALID_CALENDAR, "The event has no start.", "Send it again with a start time (DTSTART)."
        )
    start = clocks.moment(prop)
    zone = clocks.zone(prop, start, recurring=component.first("RRULE") is not None)
    end = _same_type(start, _end(component, clocks, start, zone), zone)
    if end < start:
        raise Refused(Code.INVALID_CALENDAR, "The event ends before it starts.", "Send it with a later end.")
    if not isinstance(start, datetime):
        return Span(start=start, end=max(end, start + _DAY), timezone=zone)
    return _midnights(component, Span(start=start, end=end, timezone=zone))


def _end(component: Component, clocks: Clocks, start: date | datetime, zone: str) -> date | datetime:
    """DTEND, else DTSTART and DURATION, else what RFC 5545, 3.6.1 says of events without either."""
    prop = component.first("DTEND")
    if prop is not None and prop.value.strip():
        return clocks.moment(prop)
    duration = component.first("DURATION")
    if duration is None:
        return start if isinstance(start, datetime) else start + _DAY
    try:
        length = read_duration(duration.value)
        if not isinstance(start, datetime):
            return start + max(length, _DAY)
        if not re.search("[DW]", duration.value.upper()):
            return start + length
        # a day is a day on the clock, whatever summer time does to its hours
        days = start.astimezone(ZoneInfo(zone)) + timedelta(days=length.days)
        return days.astimezone(start.tzinfo) + timedelta(seconds=length.seconds)
    except (ValueError, OverflowError) as error:
        raise unreadable(duration) from error


def _same_type(start: date | datetime, value: date | datetime, zone: str) -> date | datetime:
    """`value` as a day where `start` is one, as a moment where `start` is one."""
    if isinstance(start, datetime) and not isinstance(value, datetime):
        return datetime.combine(value, time(), tzinfo=ZoneInfo(zone)).astimezone(start.tzinfo)
    if not isinstance(start, datetime) and isinstance(value, datetime):
        return value.astimezone(ZoneInfo(zone)).date()
    return value


def _midnights(component: Component, span: Span) -> Span:
    """`span` as days where Outlook marks an event from midnight to midnight as all-day."""
    if component.text("X-MICROSOFT-CDO-ALLDAYEVENT").strip().upper() != "TRUE":
        return span
    start, end = span.start_utc.astimezone(span.zone), span.end_utc.astimezone(span.zone)
    if start.time() != time() or end.time() != time() or start == end:
        return span
    return Span(start=start.date(), end=end.date(), timezone=span.timezone)


def _recurrence_id(component: Component, clocks: Clocks, method: str) -> date | datetime | None:
    prop = component.first("RECURRENCE-ID")
    if prop is None or not prop.value.strip():
        return None
    if prop.params.get("RANGE", "").upper() == "THISANDFUTURE" and method != "REPLY":
        raise Refused(
            Code.INVALID_RECURRENCE,
            "A change to one instance and all that follow is not understood.",
            "Change the whole series, or single instances.",
        )
    return clocks.moment(prop)


def _recurrence(component: Component) -> str:
    rules = {p.value.strip().upper() for p in component.all("RRULE") if p.value.strip()}
    if len(rules) > 1:
        raise Refused(
            Code.INVALID_RECURRENCE, "The event has several recurrence rules.", "Use one rule an event."
        )
    return next(iter(rules), "")[:2_000]


def _dates(component: Component, name: str, clocks: Clocks, span: Span | None) -> tuple[date | datetime, ...]:
    """RDATE or EXDATE in the type of DTSTART; a bare day means the instance on that day."""
    if span is None:
        return ()
    found: set[date | datetime] = set()
    for prop in component.all(name):
        for value in clocks.moments(prop):
            if isinstance(span.start, datetime) and not isinstance(value, datetime):
                clock = span.start.astimezone(span.zone).timetz()
                value = datetime.combine(value, clock).astimezone(span.start.tzinfo)  # noqa: PLW2901
            found.add(_same_type(span.start, value, span.timezone))
    return tuple(sorted(found, key=span.moment))
