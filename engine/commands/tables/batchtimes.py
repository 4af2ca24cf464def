"""Dates and times as people write them in a table, read into the texts of a `Timing`; never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from engine.commands.events.timing import Timing
from engine.model.times import Span
from engine.refusals import Code, Refused

_TEXT_MAX = 60
_CLOCK = re.compile(
    r"(?P<h>\d{1,2})(?:[:.](?P<m>\d{2})(?::(?P<s>\d{2}))?)?\s*(?P<half>[ap]\.?m\.?)?", re.IGNORECASE
)
_DATE_AND_CLOCK = re.compile(
    r"(?P<date>.*\d{4}.*?),?\s+(?:at\s+)?(?P<clock>\d{1,2}(?:[:.]\d{2}){0,2}\s*(?:[ap]\.?m\.?)?)",
    re.IGNORECASE,
)
_WEEKDAY = re.compile(r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]{0,6}\.?,?\s+", re.IGNORECASE)
_SLASHES = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_FORMATS = ("%d %B %Y", "%d %b %Y", "%B %d %Y", "%b %d %Y", "%d-%b-%Y", "%d.%m.%Y", "%Y/%m/%d")
_LENGTH = re.compile(
    r"(?:(?P<h>\d{1,4})\s*h(?:ours?|rs?)?\.?)?\s*(?:(?P<m>\d{1,5})\s*m(?:in(?:ute)?s?)?\.?)?", re.IGNORECASE
)
_YES, _NO = {"yes", "y", "true", "1", "x"}, {"no", "n", "false", "0"}
_HINT = "Write dates as 2027-05-02 and times as 19:00."


@dataclass(frozen=True, slots=True)
class _Given:
    """What one cell says: a day, a time of day, an offset from UTC; each may be lacking."""

    day: date | None = None
    clock: time | None = None
    offset: str = ""


def timing(cells: Mapping[str, str], base: Span | None = None) -> Timing | None:
    """The times that the cells date, start, end_date, end, duration, timezone and all_day give; None for none.

    What they leave open, a day or a time of day, is that of `base`, the event as it is. The end of an all-day
    event is its last day. Raises Refused: INVALID_TIME.
    """
    all_day = _flag(cells.get("all_day", ""))
    start = _start(cells, base, all_day)
    found = Timing(
        start=_text(start) if start else None,
        end=_end(cells, base, start, all_day),
        duration=_length(cells["duration"]) if cells.get("duration") else None,
        timezone=cells.get("timezone") or None,
        all_day=all_day,
    )
    return None if found.empty else found


def _start(cells: Mapping[str, str], base: Span | None, all_day: bool | None) -> _Given | None:
    day, given = _read(cells.get("date", ""), "date"), _read(cells.get("start", ""), "start")
    if day == _Given() and given == _Given():
        return None
    clock = given.clock or day.clock
    local = base.local(base.start) if base else None
    if clock is None and isinstance(local, datetime) and not all_day:
        clock = local.time()
    on = given.day or day.day or (local.date() if isinstance(local, datetime) else local)
    if on is None:
        raise Refused(Code.INVALID_TIME, "The row has a time and no date.", _HINT)
    return _Given(on, None if all_day else clock, given.offset or day.offset)


def _end(
    cells: Mapping[str, str], base: Span | None, start: _Given | None, all_day: bool | None
) -> str | None:
    """The end as text; a time without a date is on the day of the start."""
    last, given = _read(cells.get("end_date", ""), "end_date"), _read(cells.get("end", ""), "end")
    if last == _Given() and given == _Given():
        return None
    timed = not all_day and (start.clock is not None if start else bool(base and not base.all_day))
    local = base.local(base.end) if base and not start else None
    on = given.day or last.day or (start.day if start else _day_of(local))
    if on is None:
        raise Refused(Code.INVALID_TIME, "The row has an end and no date.", _HINT)
    if not timed:
        return (on + timedelta(days=1)).isoformat()
    clock = given.clock or last.clock or (local.time() if isinstance(local, datetime) else None)
    return _text(_Given(on, clock, given.offset or last.offset or (start.offset if start else "")))


def _day_of(value: date | datetime | None) -> date | None:
    return value.date() if isinstance(value, datetime) else value


def _text(given: _Given) -> str:
    assert given.day is not None
    if given.clock is None:
        return given.day.isoformat()
    return datetime.combine(given.day, given.clock).isoformat() + given.offset


def has_offset(cell: str) -> bool:
    """True if a cell gives its offset from UTC beside the time, as in 2027-05-02T19:00-04:00."""
    cell = " ".join(cell.split())
    found = _iso(cell) if len(cell) <= _TEXT_MAX else None
    return found is not None and bool(found.offset)


def _read(cell: str, what: str) -> _Given:
    """What a cell says of a day and a time of day. Raises Refused: INVALID_TIME."""
    cell = " ".join(cell.split())
    if not cell:
        return _Given()
    if len(cell) <= _TEXT_MAX:
        found = _iso(cell) or _clock_alone(cell) or _both(cell) or _day_alone(cell, what)
        if found:
            return found
    raise Refused(Code.INVALID_TIME, f"{what} “{cell[:40]}” is not understood.", _HINT)


def _iso(cell: str) -> _Given | None:
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return None
    if len(cell) <= len("2027-05-02") and ":" not in cell:
        return _Given(moment.date())
    offset = moment.isoformat()[len(moment.replace(tzinfo=None).isoformat()) :]
    return _Given(moment.date(), moment.time(), "Z" if cell.upper().endswith("Z") else offset)


def _clock_alone(cell: str) -> _Given | None:
    clock = _clock(cell)
    return _Given(clock=clock) if clock is not None else None


def _both(cell: str) -> _Given | None:
    match = _DATE_AND_CLOCK.fullmatch(cell)
    if not match:
        return None
    day, clock = _day_alone(match["date"], "date"), _clock(match["clock"])
    return _Given(day.day, clock) if day and clock is not None else None


def _clock(text: str) -> time | None:
    match = _CLOCK.fullmatch(text)
    if not match or not (match["m"] or match["half"]):
        return None
    hour, half = int(match["h"]), (match["half"] or "").lower()[:1]
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    try:
        return time(hour, int(match["m"] or 0), int(match["s"] or 0))
    except ValueError:
        return None


def _day_alone(cell: str, what: str) -> _Given | None:
    words = _WEEKDAY.sub("", cell, count=1).replace(",", " ")
    words = " ".join(words.split())
    slashes = _SLASHES.fullmatch(words)
    if slashes:
        return _Given(_slashed(*map(int, slashes.groups()), cell=cell, what=what))
    for form in ("%Y-%m-%d", *_FORMATS):
        try:
            return _Given(datetime.strptime(words, form).date())  # noqa: DTZ007 -- a day has no zone
        except ValueError:
            continue
    return None


def _slashed(first: int, second: int, year: int, *, cell: str, what: str) -> date:
    """A date with slashes, where only one order of day and month can be meant."""
    orders = {(first, second), (second, first)}
    days = {day for month, number in orders if (day := _date(year, month, number))}
    if len(days) == 1:
        return days.pop()
    why = "is no date" if not days else "may mean two dates: " + " or ".join(sorted(map(str, days)))
    raise Refused(Code.INVALID_TIME, f"{what} “{cell[:40]}” {why}.", _HINT)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _length(cell: str) -> str:
    """A duration as ISO 8601: 2h, 90 min, 1h30m, 1:30; anything else as it is."""
    cell = " ".join(cell.split())
    if len(cell) > _TEXT_MAX:
        raise Refused(Code.INVALID_TIME, f"duration “{cell[:40]}…” is not understood.", "Write it as 1h30m.")
    match = _LENGTH.fullmatch(cell) or re.fullmatch(r"(?P<h>\d{1,3}):(?P<m>\d{2})", cell)
    if not match or not (match["h"] or match["m"]):
        return cell
    return f"PT{int(match['h'] or 0)}H{int(match['m'] or 0)}M"


def _flag(cell: str) -> bool | None:
    word = cell.strip().lower()
    if word in _YES | _NO:
        return word in _YES
    if word:
        raise Refused(Code.INVALID_TIME, f"all_day “{word[:20]}” is not understood.", "Write yes or no.")
    return None
