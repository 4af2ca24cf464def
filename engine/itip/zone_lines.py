"""Write the VTIMEZONEs of outgoing calendars (RFC 5545, 3.6.5)."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from engine.itip.content_lines import fold
from engine.itip.rule import WEEKDAYS
from engine.itip.values import write_local

_HORIZON = 20  # years written ahead if no yearly rule describes them


def _pattern(onsets: list[datetime]) -> str | None:
    """The yearly rule that all `onsets` follow, one a year up to the horizon, or None."""
    years = [onset.year for onset in onsets]
    same = {(onset.month, onset.weekday(), onset.time()) for onset in onsets}
    if len(onsets) < _HORIZON - 1 or len(same) != 1 or years != list(range(years[0], years[0] + len(years))):
        return None
    numbers = {(onset.day - 1) // 7 + 1 for onset in onsets}
    last = all(onset.day + 7 > calendar.monthrange(onset.year, onset.month)[1] for onset in onsets)
    if not last and len(numbers) != 1:
        return None
    number, weekday = -1 if last else numbers.pop(), WEEKDAYS[onsets[0].weekday()]
    return f"FREQ=YEARLY;BYMONTH={onsets[0].month};BYDAY={number}{weekday}"


def _signed(offset: timedelta) -> str:
    total = int(offset.total_seconds())
    hours, rest = divmod(abs(total), 3600)
    seconds = f"{rest % 60:02d}" if rest % 60 else ""
    return f"{'-' if total < 0 else '+'}{hours:02d}{rest // 60:02d}{seconds}"


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of offset; `onset` is local time at the offset before it."""

    onset: datetime
    before: timedelta
    after: timedelta
    name: str


def _local_offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> _Change:
    """The one change of offset between two moments in UTC, found to the second."""
    before, after = _local_offset(zone, low), _local_offset(zone, high)
    while high - low > timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        low, high = (middle, high) if _local_offset(zone, middle) == before else (low, middle)
    name = high.astimezone(zone).tzname() or _signed(after)
    return _Change((high + before).replace(tzinfo=None), before, after, name)


def _changes(zone: ZoneInfo, year: int) -> list[_Change]:
    """The changes of offset in `zone` from the year before `year` on; the first is the state at that time."""
    moment = datetime(year - 1, 1, 1, tzinfo=UTC)
    offset = _local_offset(zone, moment)
    start = moment.replace(tzinfo=None)
    found = [_Change(start, offset, offset, moment.astimezone(zone).tzname() or _signed(offset))]
    for _ in range((_HORIZON + 1) * 366):
        following = moment + timedelta(days=1)
        if _local_offset(zone, following) != found[-1].after:
            found.append(_change(zone, moment, following))
        moment = following
    return found


def _observance(changes: list[_Change]) -> list[str]:
    """The lines of one STANDARD or DAYLIGHT part, for equal changes in several years."""
    first, onsets = changes[0], [change.onset for change in changes]
    kind = "DAYLIGHT" if first.after > first.before else "STANDARD"
    pattern = _pattern(onsets)
    further = [f"RRULE:{pattern}"] if pattern else [f"RDATE:{write_local(onset)}" for onset in onsets[1:]]
    return [
        f"BEGIN:{kind}",
        f"DTSTART:{write_local(onsets[0])}",
        f"TZOFFSETFROM:{_signed(first.before)}",
        f"TZOFFSETTO:{_signed(first.after)}",
        f"TZNAME:{first.name}",
        *further,
        f"END:{kind}",
    ]


@lru_cache(maxsize=256)
def written(zone: str, year: int) -> bytes:
    """The VTIMEZONE of the IANA zone `zone` for an event that starts in `year`, as folded lines.

    A zone whose clocks change by a yearly rule gets that rule, the form that all clients understand.
    icalendar's Timezone.from_tzid is not used: it starts daylight saving time an hour late.
    """
    groups: dict[tuple[timedelta, timedelta, str], list[_Change]] = {}
    for change in _changes(ZoneInfo(zone), year):
        groups.setdefault((change.before, change.after, change.name), []).append(change)
    lines = ["BEGIN:VTIMEZONE", f"TZID:{zone}"]
    for group in groups.values():
        lines += _observance(group)
    return b"".join(fold(line) for line in [*lines, "END:VTIMEZONE"])
