"""The times that a query asks for, as SQL conditions on occasions of events."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.model.queries import EventQuery
from engine.model.searching import Wanted, Window
from engine.store.sqlite.instances import wall

DAY = 86_400
_EAST, _WEST = 15 * 3_600, 13 * 3_600
"""The greatest differences of local time from UTC in seconds, plus an hour."""

_END = int(datetime(2300, 1, 1, tzinfo=UTC).timestamp())
"""No event begins before 1970 or after this."""

LONGEST = 400 * DAY
_YEARS_BACK, _YEARS_ON, _YEARS_MAX = 5, 8, 20


@dataclass
class Times:
    """Conditions on an occasion `o`, with their values; `lo` and `hi` bound the starts of short ones in UTC seconds."""

    where: list[str] = field(default_factory=list)
    values: list[object] = field(default_factory=list)
    lo: int | None = None
    hi: int | None = None

    def add(self, condition: str, *values: object) -> None:
        self.where.append(condition)
        self.values += values

    def since(self, lo: int) -> None:
        lo = max(0, min(lo, _END))
        self.lo = lo if self.lo is None else max(self.lo, lo)

    def until(self, hi: int) -> None:
        hi = max(0, min(hi, _END))
        self.hi = hi if self.hi is None else min(self.hi, hi)

    def sql(self, alias: str = "o") -> str:
        """The conditions on the occasion named `alias`."""
        if not self.where:
            return "1"
        if alias == "o":
            return " AND ".join(self.where)
        return re.sub(r"\bo\.", f"{alias}.", " AND ".join(self.where))


def times(query: EventQuery) -> Times:
    """The conditions of `query` on an occasion's times."""
    found, wanted = Times(), query.wanted or Wanted()
    spans = tuple(span for span in wanted.spans if not span.empty)
    if query.after:
        own = query.after.tzinfo is None
        found.add(f"{'o.local + o.ends - o.starts' if own else 'o.ends'} > ?", _exact(query.after))
        found.since(_seconds(query.after) - DAY - 3_600 - (_EAST if own else 0))
    if query.before:
        own = query.before.tzinfo is None
        found.add(f"{'o.local' if own else 'o.starts'} < ?", _exact(query.before))
        found.until(_seconds(query.before) + (_WEST if own else 0))
    if not (spans or wanted.days or wanted.hours):
        return found
    _bound(found, spans)
    local, values = _local(wanted.zone, found, wanted.asked)
    _spans(found, spans, local, values)
    _days(found, wanted, local, values)
    _hours(found, wanted, local, values)
    return found


def _bound(found: Times, spans: tuple[Window, ...]) -> None:
    """Set bounds in UTC, wide enough for every zone, for the index."""
    starts, ends = [s.start for s in spans], [s.end for s in spans]
    if spans and all(starts):
        found.since(
            min(_seconds(start) - (_EAST if start.tzinfo is None else 0) for start in starts if start)
        )
    if spans and all(ends):
        found.until(max(_seconds(end) + (_WEST if end.tzinfo is None else 0) for end in ends if end))


def _exact(moment: datetime) -> float:
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _seconds(moment: datetime) -> int:
    return wall(moment) if moment.tzinfo is None else int(moment.timestamp())


def _local(zone: str | None, found: Times, asked: datetime | None) -> tuple[str, list[object]]:
    """The SQL for an occasion's local start in `zone`; days of all-day events are the same everywhere."""
    if zone is None:
        return "o.local", []
    first, last = _years(found, asked)
    arms, values = "", list[object]()
    steps = [step for year in range(first, last + 1) for step in _steps(zone, year)]
    for until, offset in steps[:-1]:
        arms += " WHEN o.starts < ? THEN ?"
        values += [until, offset]
    otherwise = steps[-1][1]
    shift = f"CASE{arms} ELSE ? END" if arms else "?"
    return f"iif(o.minute IS NULL, o.local, o.starts + {shift})", [*values, otherwise]


def _years(found: Times, asked: datetime | None) -> tuple[int, int]:
    """The years whose offset changes count: those searched, or the ones around today if there are many."""
    assert asked is not None, "another clock needs the time of the question"
    last = datetime.fromtimestamp(found.hi, UTC).year if found.hi is not None else None
    first = datetime.fromtimestamp(found.lo, UTC).year if found.lo is not None else None
    if first is None:
        first = asked.year - _YEARS_BACK if last is None else min(last, asked.year - _YEARS_BACK)
    if last is None:
        last = max(first, asked.year) + _YEARS_ON
    if last - first > _YEARS_MAX:
        first = max(first, min(asked.year - _YEARS_BACK, last))
    return first, max(first, min(last, first + _YEARS_MAX))


@lru_cache(maxsize=4096)
def _steps(zone: str, year: int) -> list[tuple[int, int]]:
    """The offsets of a zone within a year, each with the second until which it applies."""
    info, end = ZoneInfo(zone), int(datetime(year + 1, 1, 1, tzinfo=UTC).timestamp())
    at = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    found = []
    while at < end:
        following = min(at + 7 * DAY, end)
        if _offset(info, at) != _offset(info, following - 1):
            found.append((_change(info, at, following - 1), _offset(info, at)))
        at = following
    return [*found, (end, _offset(info, end - 1))]


def _change(info: ZoneInfo, low: int, high: int) -> int:
    """The first second with the same offset as `high`."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _offset(info, middle) == _offset(info, high) else (middle, high)
    return high


def _offset(info: ZoneInfo, at: int) -> int:
    offset = datetime.fromtimestamp(at, info).utcoffset() or timedelta()
    return int(offset.total_seconds())


def _spans(found: Times, spans: tuple[Window, ...], local: str, values: list[object]) -> None:
    """Add the condition that an event starts in a span or, if it lasts several days, overlaps it."""
    alternatives, given = [], list[object]()
    for span in spans:
        start, end = ("0", "?") if span.start is None else ("?", "?")
        clock, shown = (local, values) if span.local else ("o.starts", [])
        low, high = span.start, span.end
        parts = []
        if low is not None:
            parts.append(f"{clock} + iif(o.long, o.ends - o.starts - 1, 0) >= {start}")
            given += [*shown, _seconds(low)]
        if high is not None:
            parts.append(f"{clock} < {end}")
            given += [*shown, _seconds(high)]
        alternatives.append(" AND ".join(parts) or "1")
    if alternatives:
        found.add("(" + " OR ".join(f"({one})" for one in alternatives) + ")", *given)


def _days(found: Times, wanted: Wanted, local: str, values: list[object]) -> None:
    if not wanted.days or len(wanted.days) == 7:
        return
    mask = sum(1 << day for day in wanted.days)
    if wanted.zone is None:
        found.add("o.days & ?", mask)
    else:
        # 1 January 1970 was a Thursday.
        found.add(f"(iif(o.long, o.days, 1 << (({local}) / {DAY} + 3) % 7)) & ?", *values, mask)


def _hours(found: Times, wanted: Wanted, local: str, values: list[object]) -> None:
    if not wanted.hours:
        return
    minute, shown = ("o.minute", []) if wanted.zone is None else (f"(({local}) % {DAY} / 60)", values)
    parts, given = [], list[object]()
    for since, until in wanted.hours:
        parts.append(f"({minute} >= ? AND {minute} < ?)")
        given += [*shown, since, *shown, until]
    found.add(f"o.minute IS NOT NULL AND ({' OR '.join(parts)})", *given)
