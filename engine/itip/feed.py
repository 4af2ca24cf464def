"""Read a whole calendar, such as a season's schedule: an unreadable event does not affect the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeVar

from engine.itip import read
from engine.itip.bounds import Allowance
from engine.itip.content_lines import Component, decode
from engine.itip.expansion import Budget
from engine.itip.message import ItipEvent, told_apart
from engine.itip.tree import parse
from engine.itip.values import read_duration
from engine.itip.zone_context import Clocks
from engine.model.feeds import GONE
from engine.refusals import Code, Refused

MAX_BYTES = 20_000_000
MAX_LINES = 600_000
MAX_EVENTS = 10_000
_MAX_VALUES = 100_000
_MAX_ADDRESSES = 100_000
_ZONE_DAYS = 400_000
_UID_SHOWN = 200
_METHOD = "PUBLISH"

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class FeedEvent:
    """One event of a calendar with its overridden instances; `digest` changes when their content does.

    `event` is a single instance if the calendar holds it without its series.
    """

    uid: str
    event: ItipEvent
    instances: tuple[ItipEvent, ...]

    @property
    def digest(self) -> str:
        contents = [
            e.model_copy(update={"dtstamp": None, "vague_stamp": False, "sequence": None})
            for e in (self.event, *self.instances)
        ]
        digest = hashlib.sha256("\n".join(e.model_dump_json() for e in contents).encode()).hexdigest()
        return GONE + digest if self.event.status == "CANCELLED" else digest


@dataclass(frozen=True, slots=True)
class UnreadableEvent:
    """An event that cannot be read, and why; `uid` is empty if it has none."""

    uid: str
    refused: Refused


@dataclass(frozen=True, slots=True)
class Calendar:
    """The readable events of a calendar, in order, and those that cannot be read.

    `whole`: the calendar ends with its END; otherwise it was cut off, and an event that it lacks may still exist.
    """

    entries: tuple[FeedEvent, ...]
    unreadable: tuple[UnreadableEvent, ...]
    whole: bool = True
    refresh_s: int = 0
    """Seconds after which it asks to be read again (RFC 7986, 5.7); 0: it does not say."""


def read_calendar(data: bytes, *, default_zone: str | None = None) -> Calendar:
    """All events of a calendar of at most 20 MB, 600,000 lines and 10,000 events; it may have none.

    `default_zone` is the IANA zone of times that name none.
    Raises Refused: INVALID_CALENDAR, TOO_LARGE.
    """
    if data.count(b"\n") + data.count(b"\r") > 2 * MAX_LINES:
        raise _too_large("lines", MAX_LINES)
    text = decode(data, MAX_BYTES)
    calendars = [c for c in parse(text, max_lines=MAX_LINES) if c.name == "VCALENDAR"]
    if not calendars:
        raise Refused(
            Code.INVALID_CALENDAR, "There is no calendar in the text.", "Give an iCalendar file (.ics)."
        )
    if sum(1 for calendar in calendars for _ in calendar.inside("VEVENT")) > MAX_EVENTS:
        raise _too_large("events", MAX_EVENTS)
    events: list[ItipEvent] = []
    unreadable: list[UnreadableEvent] = []
    people = Allowance(_MAX_ADDRESSES, "addresses")
    for component, clocks in _components(calendars, default_zone):
        try:
            _refuse_cut(component)
            events.append(read.event_of(component, clocks, _METHOD, people))
        except Refused as refused:
            unreadable.append(UnreadableEvent(component.text("UID").strip()[:_UID_SHOWN], refused))
    bad = {each.uid for each in unreadable}
    whole = not any(calendar.unended for calendar in calendars)
    entries = tuple(e for e in _entries(events) if e.uid not in bad)
    return Calendar(entries, tuple(unreadable), whole, _refresh_s(calendars[0]))


def _refresh_s(calendar: Component) -> int:
    """REFRESH-INTERVAL in seconds, or its older form X-PUBLISHED-TTL; 0 if neither can be read."""
    for name in ("REFRESH-INTERVAL", "X-PUBLISHED-TTL"):
        try:
            return max(0, int(read_duration(calendar.text(name).strip()).total_seconds()))
        except (ValueError, OverflowError):
            continue
    return 0


def _refuse_cut(component: Component) -> None:
    """Refuse an event that was cut off: what is left of it may name another time than the whole did."""
    if component.unended:
        raise Refused(
            Code.INVALID_CALENDAR,
            "The calendar ends in the middle of this event.",
            "Send the whole calendar.",
        )


def _components(calendars: list[Component], default_zone: str | None) -> Iterator[tuple[Component, Clocks]]:
    budget, values = Budget(_ZONE_DAYS), Allowance(_MAX_VALUES, "dates in lists")
    for calendar in calendars:
        clocks = Clocks.of(calendar, default_zone, budget=budget, values=values)
        for component in calendar.inside("VEVENT"):
            yield component, clocks


def _entries(events: list[ItipEvent]) -> Iterator[FeedEvent]:
    """The events with their instances; events that share a UID are distinguished as in a mail."""
    series = [event for event in events if event.recurrence_id is None]
    instances: dict[str, dict[date | datetime, ItipEvent]] = {}
    for event in events:
        if event.recurrence_id is not None:
            _keep_newest(instances.setdefault(event.uid, {}), event.recurrence_id, event)
    for event in told_apart(series):
        yield FeedEvent(event.uid, event, tuple(instances.pop(event.uid, {}).values()))
    for alone in instances.values():
        for event in alone.values():
            yield FeedEvent(event.occurrence_uid, event, ())


def _keep_newest(kept: dict[K, ItipEvent], key: K, event: ItipEvent) -> None:
    before = kept.get(key)
    if before is None or (event.sequence or 0) >= (before.sequence or 0):
        kept[key] = event


def _too_large(what: str, limit: int) -> Refused:
    return Refused(
        Code.TOO_LARGE, f"The calendar has more than {limit:,} {what}.", "Split it into smaller ones."
    )
