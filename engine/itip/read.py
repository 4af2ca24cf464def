"""Read calendar text into an iTIP message, as tolerantly as real clients require (RFC 5546)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from engine.itip.bounds import Allowance
from engine.itip.content_lines import Component, Property, clean_name, decode, unfolded
from engine.itip.exclusion import excluded_by_rule
from engine.itip.expansion import Budget
from engine.itip.message import ItipAttendee, ItipEvent, ItipMessage
from engine.itip.repairs import Repairs
from engine.itip.times import (
    reaches_on,
    read_dates,
    read_periods,
    read_recurrence,
    read_recurrence_id,
    read_span,
)
from engine.itip.tree import grown
from engine.itip.values import read_address, read_stamp
from engine.itip.zone_context import MAX_VALUES, Clocks
from engine.model.people import Partstat, Party
from engine.model.times import Instant, Span
from engine.refusals import Code, Refused

MAX_EVENTS = 5_000
_MAX_ATTENDEES = 5_000
_MAX_ADDRESSES = 20_000
"""The most people that all events of one mail may name, in any role."""
_MAX_DELEGATES = 20
_MAX_CALENDARS = 1_000
_MAX_UID = 1_000
_MAX_SEQUENCE = 2**31 - 1
_ONCE = frozenset(
    {
        "UID",
        "DTSTAMP",
        "DTSTART",
        "DTEND",
        "DURATION",
        "SEQUENCE",
        "SUMMARY",
        "STATUS",
        "ORGANIZER",
        "LOCATION",
    }
)
_STAMPS = ("DTSTAMP", "X-MICROSOFT-CDO-REPLYTIME", "X-MICROSOFT-CDO-ATTENDEE-CRITICAL-CHANGE")
_FIRST_STAMP = 1990
_ZONE_DAYS = 120_000
"""The most days examined for all time zones that one mail defines: a usual definition takes a few hundred."""
_CREATING = frozenset({"REQUEST", "PUBLISH", "ADD"})
_ANSWERING = frozenset({"REPLY", "COUNTER", "REFRESH"})
_PARTSTATS = {p.value.upper(): p for p in Partstat}
_CONFERENCES = (
    "X-GOOGLE-CONFERENCE",
    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
    "X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
    "X-MICROSOFT-ONLINEMEETINGCONFLINK",
    "CONFERENCE",
)
_NUMBER = re.compile(r"\s*[+-]?\d{1,40}\s*")
_WEB = re.compile(r"https?://\S{3,1000}")
_MEETING = re.compile(
    r"https://(?:meet\.google\.com/[a-z]|[\w.-]{0,60}zoom\.us/[jsw]/|teams\.(?:microsoft|live)\.com/"
    r"|[\w.-]{1,60}\.webex\.com/)[^\s<>\"']{2,1000}",
    re.IGNORECASE,
)


def read(
    text: bytes, *, method_hint: str = "", default_zone: str | None = None, answers: bool = False
) -> ItipMessage:
    """The iTIP message that calendar text holds; METHOD in the text wins over `method_hint`.

    `default_zone` is the IANA zone of times that name none. `answers`: the text is read as a reply, whatever its
    METHOD; a reply may have no readable times (`span` None). `repaired` lists what had to be repaired.
    Raises Refused: INVALID_CALENDAR, NOT_AN_EVENT, MISSING_UID_IN_CALENDAR, UNKNOWN_TIMEZONE,
    INVALID_RECURRENCE, TOO_LARGE.
    """
    repairs = Repairs()
    lines = unfolded(decode(text, repairs=repairs))
    return of_lines(lines, repairs, method_hint=method_hint, default_zone=default_zone, answers=answers)


def of_lines(
    lines: Iterable[str],
    repairs: Repairs,
    *,
    method_hint: str = "",
    default_zone: str | None = None,
    answers: bool = False,
) -> ItipMessage:
    """As `read`, for unfolded lines; `repairs` holds what was repaired in decoding them."""
    calendars = [c for c in grown(lines, repairs) if c.name == "VCALENDAR"]
    if not calendars:
        raise Refused(Code.INVALID_CALENDAR, "There is no calendar in the text.", "Send an iCalendar event.")
    Allowance(_MAX_CALENDARS, "calendars").take(len(calendars))
    found = [(calendar, event) for calendar in calendars for event in calendar.inside("VEVENT")]
    _check_events(calendars, found)
    if len(calendars) > 1:
        repairs.note("several calendars read as one")
    first = found[0][0]
    method = first.text("METHOD").strip() or method_hint.strip() or "PUBLISH"
    method = method.upper()[:40]
    budget, values = Budget(_ZONE_DAYS), Allowance(MAX_VALUES, "dates in lists")
    clocks = {
        id(calendar): Clocks.of(calendar, default_zone, repairs, budget, values) for calendar in calendars
    }
    people = allowed_people()
    kind = "REPLY" if answers else method
    events = tuple(event_of(event, clocks[id(calendar)], kind, people) for calendar, event in found)
    prodid = clean_name(first.text("PRODID"))[:200]
    return ItipMessage(method=method, prodid=prodid, events=events, repaired=repairs.notes())


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


def event_of(component: Component, clocks: Clocks, method: str, people: Allowance | None = None) -> ItipEvent:
    """One VEVENT of a calendar; `people` is how many more it may name. Raises Refused as `read` does."""
    creating = method in _CREATING
    _note_repeated(component, clocks.repairs)
    span = read_span(component, clocks, creating=creating)
    left_out: list[str] = []
    recurrence, further = read_recurrence(component, clocks, span, left_out) if creating else ("", ())
    rdates = read_dates(component, "RDATE", clocks, span, left_out) if creating else ()
    return ItipEvent(
        uid=_uid(component, left_out, needed=method not in _ANSWERING),
        sequence=_sequence(component),
        recurrence_id=read_recurrence_id(component, clocks, span),
        following=method not in _ANSWERING and reaches_on(component),
        span=span,
        summary=component.text("SUMMARY"),
        description=_description(component),
        location=component.text("LOCATION"),
        url=component.text("URL").strip(),
        conference=_conference(component),
        recurrence=recurrence,
        rdates=tuple(sorted({*rdates, *further})) if further else rdates,
        periods=read_periods(component, clocks, span) if creating else (),
        exdates=_exdates(component, clocks, span, recurrence, left_out) if creating else (),
        status=component.text("STATUS").strip().upper()[:40],
        left_out=tuple(left_out),
        **own_of(component, people or allowed_people()),
    )


OWN = frozenset({"ATTENDEE", "ORGANIZER", "COMMENT", *_STAMPS})
"""The properties that only `own_of` reads."""


def allowed_people() -> Allowance:
    """A new allowance of the people that all events of one mail may name."""
    return Allowance(_MAX_ADDRESSES, "addresses")


def own_of(component: Component, people: Allowance) -> dict[str, Any]:
    """The fields in which replies to one event differ: who answers, to whom, when, and with which comment.

    Raises Refused(TOO_LARGE) for more people than `people` allows.
    """
    dtstamp, vague = _dtstamp(component)
    return {
        "dtstamp": dtstamp,
        "vague_stamp": vague,
        "organizer": _organizer(component),
        "sent_by": next((read_address(p.params.get("SENT-BY", "")) for p in component.all("ORGANIZER")), ""),
        "attendees": _attendees(component, people),
        "nameless": _nameless(component),
        "comment": "\n".join(text for p in component.all("COMMENT") if (text := p.text).strip()),
    }


def _exdates(
    component: Component, clocks: Clocks, span: Span | None, recurrence: str, left_out: list[str]
) -> tuple[Instant, ...]:
    dates = read_dates(component, "EXDATE", clocks, span, left_out)
    excluded = excluded_by_rule(component, span, recurrence)
    return tuple(sorted({*dates, *excluded}, key=span.moment)) if span and excluded else dates


def _note_repeated(component: Component, repairs: Repairs) -> None:
    """Note properties that occur twice though only one is allowed; the first counts (RFC 5545, 3.6.1)."""
    names = [p.name for p in component.properties if p.name in _ONCE]
    if len(names) != len(set(names)):
        for name in sorted(n for n in set(names) if names.count(n) > 1):
            repairs.note(f"more than one {name}")
    if "DTEND" in names and "DURATION" in names:
        repairs.note("DURATION beside DTEND left out")


def _dtstamp(component: Component) -> tuple[datetime | None, bool]:
    """DTSTAMP and whether it is vague; otherwise Outlook's time of the reply, which is in 1601 if there was none."""
    for name in _STAMPS:
        for prop in component.all(name):
            stamp = read_stamp(prop.value)
            if stamp and stamp[0].year > _FIRST_STAMP:
                return stamp
    return None, False


def _uid(component: Component, left_out: list[str], *, needed: bool) -> str:
    """UID; empty for a reply without one, since its token identifies the event.

    An event without a UID is identified by its title and start, so that sending it again does not create another.
    """
    uid = component.text("UID").strip()
    if not uid and needed:
        start, title = component.first("DTSTART"), component.text("SUMMARY").strip()
        if start is None or not title:
            raise Refused(
                Code.MISSING_UID_IN_CALENDAR,
                "The event has no UID.",
                "Send it from a calendar program, which gives each event a UID.",
            )
        left_out.append("it has no UID, so that it is known by its title and start alone")
        named = f"{start.params.get('TZID', '')}\n{start.value.strip()}\n{title}"
        return f"without-uid-{hashlib.sha256(named.encode(errors='surrogatepass')).hexdigest()[:40]}"
    if len(uid) > _MAX_UID:
        raise Refused(
            Code.INVALID_CALENDAR, "The event's UID is too long.", f"Use at most {_MAX_UID} characters."
        )
    return uid


def _sequence(component: Component) -> int | None:
    """SEQUENCE, or Outlook's copy of it, brought within 0 and 2**31-1; None if neither is a number."""
    for name in ("SEQUENCE", "X-MICROSOFT-CDO-APPT-SEQUENCE"):
        prop = component.first(name)
        if prop and _NUMBER.fullmatch(prop.value):
            return max(0, min(int(prop.value.strip()), _MAX_SEQUENCE))
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


def _addresses(prop: Property, name: str, people: Allowance) -> tuple[str, ...]:
    """The addresses in a parameter such as DELEGATED-TO."""
    listed = prop.params.get(name, "")
    if not listed:
        return ()
    if listed.count(",") >= _MAX_DELEGATES:
        raise Refused(
            Code.TOO_LARGE,
            f"An attendee has more than {_MAX_DELEGATES} addresses in {name}.",
            "Invite them as attendees.",
        )
    pieces = listed.split(",")
    people.take(len(pieces))
    return tuple(address for piece in pieces if (address := read_address(piece)))


def _attendees(component: Component, people: Allowance) -> tuple[ItipAttendee, ...]:
    """The attendees, once per address; an unknown PARTSTAT counts as NEEDS-ACTION (RFC 5545, 3.2.12)."""
    found: dict[str, ItipAttendee] = {}
    for prop in component.all("ATTENDEE"):
        people.take()
        address = read_address(prop.value, prop.params.get("EMAIL", ""))
        if address and address not in found:
            partstat = prop.params.get("PARTSTAT", "").strip().upper()
            found[address] = ItipAttendee(
                address=address,
                name=_name(prop),
                partstat=_PARTSTATS.get(partstat, Partstat.NEEDS_ACTION),
                delegated_to=_addresses(prop, "DELEGATED-TO", people),
                delegated_from=_addresses(prop, "DELEGATED-FROM", people),
                sent_by=read_address(prop.params.get("SENT-BY", "")),
            )
        if len(found) > _MAX_ATTENDEES:
            raise Refused(
                Code.TOO_LARGE, "The event has too many attendees.", "Invite them with a bulk send."
            )
    return tuple(found.values())


def _nameless(component: Component) -> Partstat | None:
    for prop in component.all("ATTENDEE"):
        if not read_address(prop.value, prop.params.get("EMAIL", "")):
            return _PARTSTATS.get(prop.params.get("PARTSTAT", "").strip().upper())
    return None


# words


def _description(component: Component) -> str:
    """DESCRIPTION; else the HTML that some programs write instead of it (RFC 9073, 6.5)."""
    texts = (component.text(name) for name in ("DESCRIPTION", "X-ALT-DESC", "STYLED-DESCRIPTION"))
    return next((text for text in texts if text), "")


def _conference(component: Component) -> str:
    for name in _CONFERENCES:
        link = component.text(name).strip()
        if link and _WEB.fullmatch(link):
            return link
    text = f"{component.text('LOCATION')}\n{component.text('DESCRIPTION')}"
    match = _MEETING.search(text)
    return match.group(0).rstrip(".,;)>") if match else ""
