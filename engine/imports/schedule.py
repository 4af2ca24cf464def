"""Converts a schema.org eventSchedule to the properties of a VEVENT: start, end, RRULE and EXDATE."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from engine.imports.ldjson import Node, last
from engine.itip import rule, zones
from engine.itip.content_lines import Property
from engine.itip.expansion import Budget, forward
from engine.itip.values import write_day, write_local
from engine.refusals import Refused

_FREQUENCY = re.compile(r"P(\d{1,3})([DWMY])", re.IGNORECASE)
_FREQ = {"D": "DAILY", "W": "WEEKLY", "M": "MONTHLY", "Y": "YEARLY"}
_WORDS = {
    "daily": ("DAILY", 1),
    "weekly": ("WEEKLY", 1),
    "biweekly": ("WEEKLY", 2),
    "monthly": ("MONTHLY", 1),
    "yearly": ("YEARLY", 1),
    "annually": ("YEARLY", 1),
}
_CLOCK = re.compile(r"(?:\d{4}-\d\d-\d\dT)?([01]\d|2[0-3]):?([0-5]\d)(?::?[0-5]\d)?", re.IGNORECASE)
_OFFSET = re.compile(r":\d\d(?:[.,]\d{1,9})?(?:Z|([+-])(\d\d)(?::?(\d\d))?)\Z", re.IGNORECASE)
_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ].{0,30})?")
_BYDAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)[A-Z]*", re.IGNORECASE)
_LAST_MINUTE = timedelta(hours=23, minutes=59)
_HOURS_MAX = 14
_LISTED_MAX = 400
_LOOKED_AT = 4_000
"""The most days examined for the first one that matches."""


class NotUnderstood(ValueError):  # noqa: N818 -- reads as what it is
    """The schedule, or a part of it, cannot be read; the message names the part."""


@dataclass(frozen=True)
class Schedule:
    """The first start, the recurrence and the zone of a schedule; `zone` is empty if it names none.

    `fixed`: only the offset of its start tells a zone, so that the clock is that of one half of the year.
    """

    start: date | datetime
    end: datetime | None
    rule: str
    gone: tuple[date, ...]
    zone: str
    fixed: bool = False

    def properties(self) -> Iterator[Property]:
        """The lines of a VEVENT."""
        yield self._property("DTSTART", self.start)
        if self.end is not None:
            yield self._property("DTEND", self.end)
        yield Property("RRULE", {}, self.rule)
        for day in self.gone:
            clock = self.start.time() if isinstance(self.start, datetime) else None
            left_out = day if clock is None else datetime.combine(day, clock)
            yield self._property("EXDATE", left_out)

    def _property(self, name: str, moment: date | datetime) -> Property:
        if not isinstance(moment, datetime):
            return Property(name, {"VALUE": "DATE"}, write_day(moment))
        return Property(name, {"TZID": self.zone} if self.zone else {}, write_local(moment))


def read(node: Node, start: str, default_zone: str | None) -> Schedule:
    """The schedule `node`; `start` is the event's own, for one that has none.

    `default_zone`: for a schedule that names none. Raises NotUnderstood; Refused: UNKNOWN_TIMEZONE.
    """
    begins = _text(node, "startTime") or (start if "T" in start else "")
    offset = _offset(begins)
    named = _text(node, "scheduleTimezone") or default_zone or ""
    zone = zones.require(named) if named else _fixed(offset)
    places = _Places(zones.info(zone) if named else None, begins)
    text = _rule(node, places)
    gone = tuple(places.day("exceptDate", value) for value in _texts(node, "exceptDate"))
    said = _text(node, "startDate") or start
    day, first = _day("startDate", said), _first(places.day("startDate", said), text)
    if not begins:
        return Schedule(first, None, text, gone, zone)
    begin = datetime.combine(first, places.local(day, "startTime", begins).time())
    ends = _text(node, "endTime")
    end = datetime.combine(first, places.local(day, "endTime", ends).time()) if ends else None
    if end is not None and end <= begin:
        end += timedelta(days=1)
    return Schedule(begin, end, text, gone, zone, fixed=bool(offset and not named))


@dataclass(frozen=True)
class _Places:
    """How the times of a schedule that have an offset read on the clock of its zone, if it names one."""

    zone: ZoneInfo | None
    begins: str

    def local(self, day: date, name: str, text: str) -> datetime:
        """The time `text` of `day`, as the schedule's clock shows it."""
        moment = datetime.combine(day, time()) + _clock(name, text)
        offset = _offset(text)
        if self.zone is None or offset is None:
            return moment
        try:
            return moment.replace(tzinfo=timezone(offset)).astimezone(self.zone).replace(tzinfo=None)
        except OverflowError:
            raise NotUnderstood(f"{name} “{text[:40]}”") from None

    def day(self, name: str, text: str) -> date:
        """The day that `text` names; a midnight or 23:59 is of the day as written, unless the schedule begins then."""
        day = _day(name, text)
        if not self.begins or "T" not in text.upper() or _offset(text) is None:
            return day
        clock = _clock(name, text)
        written = clock in {timedelta(), _LAST_MINUTE} and clock != _clock("startTime", self.begins)
        return day if written else self.local(day, name, text).date()


def _first(day: date, text: str) -> date:
    """The first day from `day` on that matches the rule, since a schedule may begin before its first occurrence."""
    try:
        return next(forward(rule.parse(text), day, None, Budget(_LOOKED_AT)), day)
    except Refused as refused:
        raise NotUnderstood(refused.message) from refused


def _rule(node: Node, places: _Places) -> str:
    freq, interval = _frequency(node)
    week = _text(node, "byMonthWeek")
    days = [_weekday(value, week) for value in _texts(node, "byDay")]
    parts = {
        "FREQ": freq,
        "INTERVAL": str(interval) if interval > 1 else "",
        "BYDAY": ",".join(days),
        "BYMONTH": ",".join(_texts(node, "byMonth")),
        "BYMONTHDAY": ",".join(_texts(node, "byMonthDay")),
        "COUNT": _text(node, "repeatCount"),
    }
    until = _text(node, "endDate")
    if until and not parts["COUNT"]:
        parts["UNTIL"] = write_day(places.day("endDate", until))
    return ";".join(f"{name}={value}" for name, value in parts.items() if value)


def _frequency(node: Node) -> tuple[str, int]:
    text = _text(node, "repeatFrequency")
    if match := _FREQUENCY.fullmatch(text):
        return _FREQ[match[2].upper()], int(match[1])
    if not text and node.get("byDay"):
        return "WEEKLY", 1
    if (word := last(text).lower()) in _WORDS:
        return _WORDS[word]
    raise NotUnderstood(f"repeatFrequency “{text[:40]}”")


def _weekday(value: str, week: str) -> str:
    match = _BYDAY.fullmatch(last(value))
    if match is None:
        raise NotUnderstood(f"byDay “{value[:40]}”")
    return f"{match[1] or week}{match[2].upper()}"


def _clock(name: str, text: str) -> timedelta:
    match = _CLOCK.match(text)
    if match is None:
        raise NotUnderstood(f"{name} “{text[:40]}”")
    return timedelta(hours=int(match[1]), minutes=int(match[2]))


def _offset(text: str) -> timedelta | None:
    """The offset from UTC that a time is written with."""
    match = _OFFSET.search(text)
    if match is None or int(match[2] or 0) > _HOURS_MAX:
        return None
    offset = timedelta(hours=int(match[2] or 0), minutes=int(match[3] or 0))
    return -offset if match[1] == "-" else offset


def _fixed(offset: timedelta | None) -> str:
    """The zone that always has an offset; empty if there is none."""
    return "" if offset is None else zones.fixed(offset) or ""


def _day(name: str, text: str) -> date:
    match = _DAY.fullmatch(text)
    try:
        return date.fromisoformat(match[1] if match else "")
    except ValueError:
        raise NotUnderstood(f"{name} “{text[:40]}”") from None


def _texts(node: Node, name: str) -> list[str]:
    """The texts of a field that may be one or a list."""
    value = node.get(name)
    values = value[:_LISTED_MAX] if isinstance(value, list) else [value]
    named = [v.get("@id") or v.get("name") if isinstance(v, dict) else v for v in values]
    return [v.strip() for v in named if isinstance(v, str) and v.strip()]


def _text(node: Node, name: str) -> str:
    return next(iter(_texts(node, name)), "")
