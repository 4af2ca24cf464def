"""Read a web page's schema.org Events, in JSON-LD or microdata, as a calendar with a VEVENT for each Event."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from engine.imports import ldjson, schedule
from engine.imports.ldjson import Node
from engine.imports.microdata import Microdata, holds_items, unescaped
from engine.itip import read, zones
from engine.itip.bounds import Allowance, too_many
from engine.itip.content_lines import Component, Property, clean_text, decode, escape
from engine.itip.feed import MAX_BYTES, MAX_EVENTS, Calendar, FeedEvent, UnreadableEvent
from engine.itip.message import ItipEvent, told_apart
from engine.itip.values import read_duration, write_day, write_local
from engine.itip.zone_context import Clocks
from engine.mail import html
from engine.refusals import Code, Refused

_PAGE = re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype|!--|html|head|body|meta|script|\?xml)", re.IGNORECASE)
_TIME = re.compile(
    r"([12]\d{3}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d)?)(?:[.,]\d{1,9})?\s?(Z|[+-]\d\d(?::?\d\d)?)?)?",
    re.IGNORECASE,
)
_ADDRESS = ("streetAddress", "postalCode", "addressLocality", "addressRegion", "addressCountry")
_STATUSES = frozenset({"", "EventScheduled", "EventRescheduled", "EventMovedOnline", "EventCancelled"})
_PLACES = 5
_TEXT_MAX = 200_000
_SHOWN = 60


def is_page(data: bytes | bytearray) -> bool:
    """True if the bytes begin like a web page."""
    return _PAGE.match(data) is not None


def may_hold_events(data: bytes | bytearray) -> bool:
    """True for a web page with any JSON-LD or schema.org items."""
    return is_page(data) and (b"ld+json" in data.lower() or holds_items(data))


def read_page(data: bytes, *, default_zone: str | None = None) -> Calendar:
    """The Events of a page of at most 20 MB; `default_zone` is the IANA zone of times that name none.

    Raises Refused: INVALID_CALENDAR, TOO_LARGE.
    """
    text = decode(data, MAX_BYTES)
    page, unreadable = ldjson.LinkedData(text), list[UnreadableEvent]()
    nodes = _nodes(page, unreadable)
    items = Microdata(text) if not nodes and holds_items(data) else None
    if items:
        # Pages with both say the same twice, so microdata counts only without JSON-LD.
        nodes = _bounded(list(ldjson.events(items.events, Allowance(ldjson.MAX_OBJECTS, "objects"))))
    if not nodes and not unreadable:
        raise Refused(
            Code.INVALID_CALENDAR,
            "This is a web page without events (schema.org Event, in JSON-LD or microdata).",
            "Give an iCalendar file (.ics), or the page of an event.",
        )
    # The content of an unreadable block is unknown, so no event counts as removed.
    whole = not (page.cut or (items and items.cut)) and not unreadable and "</html" in text.lower()
    found: list[ItipEvent] = []
    for node in nodes:
        try:
            found.append(_event(node, default_zone))
        except Refused as refused:
            unreadable.append(UnreadableEvent(_uid(node)[:200], refused))
            # Only an @id tells which event of an earlier import it was.
            whole = whole and bool(_own_id(node))
    bad = {each.uid for each in unreadable}
    entries = tuple(FeedEvent(e.uid, e, ()) for e in told_apart(found) if e.uid not in bad)
    return Calendar(entries, tuple(unreadable), whole)


def _nodes(page: ldjson.LinkedData, unreadable: list[UnreadableEvent]) -> list[Node]:
    """All Events; a block that is not JSON is reported and skipped."""
    nodes: list[Node] = []
    objects = Allowance(ldjson.MAX_OBJECTS, "objects")
    for block in page.blocks:
        try:
            nodes += ldjson.events(ldjson.loaded(block), objects)
        except ValueError:
            unreadable.append(UnreadableEvent("", _unreadable("JSON-LD", " ".join(block[:_SHOWN].split()))))
    return _bounded(nodes)


def _bounded(nodes: list[Node]) -> list[Node]:
    if len(nodes) > MAX_EVENTS:
        raise too_many(MAX_EVENTS, "events")
    return nodes


def _unreadable(name: str, text: str) -> Refused:
    return Refused(
        Code.INVALID_CALENDAR,
        f"The page's {name} “{text[:_SHOWN]}” cannot be read.",
        "Tell the owner of the page, or give an iCalendar file (.ics).",
    )


def _event(node: Node, default_zone: str | None) -> ItipEvent:
    left_out = list[str]()
    times = _scheduled(node, default_zone, left_out) or list(_times(node, default_zone, left_out))
    component = Component("VEVENT", [*times, *_words(node)])
    status = ldjson.last(_text(node, "eventStatus"))
    if status == "EventCancelled":
        component.properties.append(Property("STATUS", {}, "CANCELLED"))
    elif status not in _STATUSES:
        left_out.append(f"its status “{status[:_SHOWN]}”")
    event = read.event_of(component, Clocks.of(Component("VCALENDAR"), default_zone), "PUBLISH")
    return event.model_copy(update={"left_out": (*event.left_out, *left_out)})


# words


def _words(node: Node) -> Iterator[Property]:
    values = {
        "UID": _uid(node),
        "SUMMARY": _plain(_text(node, "name")),
        "DESCRIPTION": _plain(_text(node, "description")),
        "LOCATION": _location(node.get("location")),
        "URL": _text(node, "url"),
    }
    return (Property(name, {}, escape(value)) for name, value in values.items() if value)


def _uid(node: Node) -> str:
    """The @id, else the link and first start; empty without these. An @id such as #event is ignored as not unique."""
    url = _text(node, "url")
    if own := _own_id(node):
        return own
    start = _text(node, "previousStartDate") or _text(node, "startDate")
    return f"{url} {start}" if url and start else ""


def _own_id(node: Node) -> str:
    own = _text(node, "@id")
    return own if "://" in own or own.lower().startswith("urn:") else ""


def _text(node: Node, name: str) -> str:
    """The text of a field, or the first of several; empty if it is not text."""
    value = node.get(name)
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("@value") or value.get("@id")
    return clean_text(value.strip()[:_TEXT_MAX]) if isinstance(value, str) else ""


def _plain(text: str) -> str:
    """`text` without tags and entities; many pages escape twice."""
    return html.plain(unescaped(text))


def _location(value: object) -> str:
    """The places of an event: each with its name, address and link, if given."""
    places = value[:_PLACES] if isinstance(value, list) else [value]
    pieces = [piece for place in places for piece in _place(place)]
    return ", ".join(dict.fromkeys(" ".join(_plain(piece).split()) for piece in pieces if piece))


def _place(place: object) -> list[str]:
    if isinstance(place, str):
        return [clean_text(place.strip()[:_TEXT_MAX])]
    if not isinstance(place, dict):
        return []
    link = _text(place, "url") if place.get("@type") == "VirtualLocation" else ""
    return [_text(place, "name"), *_address(place), link]


def _address(place: Node) -> list[str]:
    address = place.get("address")
    if not isinstance(address, dict):
        return [_text(place, "address")]
    country = address.get("addressCountry")
    named = _text(country, "name") if isinstance(country, dict) else ""
    return [*(_text(address, name) for name in _ADDRESS), named]


# times


def _scheduled(node: Node, default_zone: str | None, left_out: list[str]) -> list[Property]:
    """The times of an event that recurs by an eventSchedule; empty without a readable one."""
    schedules = node.get("eventSchedule")
    several = schedules if isinstance(schedules, list) else [schedules]
    found = [one for one in several if isinstance(one, dict)]
    if len(found) != 1:
        left_out += [f"its {len(found)} eventSchedules; only one can be read"] if found else []
        return []
    try:
        read = schedule.read(found[0], _text(node, "startDate"), default_zone)
    except schedule.NotUnderstood as why:
        left_out.append(f"its eventSchedule, of which {why} cannot be read")
        return []
    if read.fixed:
        left_out.append(
            "the zone of its eventSchedule, since an offset alone is an hour off once clocks change"
        )
    times = list(read.properties())
    length = _text(found[0], "duration") or _text(node, "duration")
    if read.end is None and isinstance(read.start, datetime) and length and _is_duration(length):
        times.append(Property("DURATION", {}, length))
    return times


def _times(node: Node, default_zone: str | None, left_out: list[str]) -> Iterator[Property]:
    """DTSTART and DTEND, or DURATION; the end day is inclusive in schema.org, but not in DTEND."""
    text = _text(node, "startDate")
    if not text:
        why = (
            "has no eventSchedule that can be read, and no start"
            if node.get("eventSchedule")
            else "has no start"
        )
        raise Refused(Code.INVALID_CALENDAR, f"The event {why}.", "Give it a startDate.")
    start = _moment("startDate", text)
    yield _property("DTSTART", start, default_zone)
    end, duration = _text(node, "endDate"), _text(node, "duration")
    if end:
        last = _moment("endDate", end)
        if not isinstance(start, datetime):
            day = last.date() if isinstance(last, datetime) else last
            yield _property("DTEND", day + timedelta(days=1), default_zone)
        elif isinstance(last, datetime):
            yield _property("DTEND", last, default_zone)
        else:
            left_out.append("its end, which is a day without a time")
    elif duration and _is_duration(duration):
        yield Property("DURATION", {}, duration)
    elif duration:
        left_out.append(f"its duration “{duration[:_SHOWN]}”, which cannot be read")


def _is_duration(text: str) -> bool:
    try:
        read_duration(text)
    except ValueError:
        return False
    return True


def _moment(name: str, text: str) -> date | datetime:
    match = _TIME.fullmatch(text) if len(text) <= _SHOWN else None
    if match is None:
        raise _unreadable(name, text)
    day, clock, offset = match.groups()
    try:
        if not clock:
            return date.fromisoformat(day)
        return datetime.fromisoformat(f"{day}T{clock}{(offset or '').upper()}")
    except ValueError:
        raise _unreadable(name, text) from None


def _property(name: str, moment: date | datetime, default_zone: str | None) -> Property:
    """A time in `default_zone` if its offset is that zone's, else with its own offset."""
    if not isinstance(moment, datetime):
        return Property(name, {}, write_day(moment))
    offset = moment.utcoffset()
    if offset is None:
        return Property(name, {}, write_local(moment))
    given = zones.resolve(default_zone) if default_zone else None
    same = given if given and moment.astimezone(zones.info(given)).utcoffset() == offset else None
    zone = same or (zones.fixed(offset) if offset else None)
    if zone:
        return Property(name, {"TZID": zone}, write_local(moment))
    return Property(name, {}, f"{write_local(moment.astimezone(UTC))}Z")
