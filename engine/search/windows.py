"""Spans of time as people name them: days, weeks and months relative to today."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Sequence
from datetime import MAXYEAR, MINYEAR, date, datetime, time, timedelta, tzinfo

from engine.model.searching import Window

DAY = timedelta(days=1)


def days(first: date, count: int = 1) -> Window:
    """`count` whole days from `first` on. Raises OverflowError if they lie outside the calendar."""
    return Window(start=midnight(first), end=midnight(first + count * DAY))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def week(day: date, ahead: int = 0) -> Window:
    """The week, Monday to Sunday, that is `ahead` weeks after the one of `day`."""
    return days(day - day.weekday() * DAY + 7 * ahead * DAY, 7)


def weekend(day: date, ahead: int = 0) -> Window:
    """Saturday and Sunday of the week that is `ahead` weeks after the one of `day`."""
    return days(day + (5 - day.weekday() + 7 * ahead) * DAY, 2)


def months(year: int, month: int, count: int = 1) -> Window:
    """`count` calendar months; `month` may lie outside 1–12. Raises OverflowError, ValueError."""
    return Window(start=midnight(_first(year, month)), end=midnight(_first(year, month + count)))


def _first(year: int, month: int) -> date:
    years, index = divmod(month - 1, 12)
    if not MINYEAR < year + years < MAXYEAR:
        raise OverflowError("outside the calendar")
    return date(year + years, index + 1, 1)


def year(number: int) -> Window:
    return months(number, 1, 12)


def coming(today: date, weekday: int) -> date:
    """The next day that is a `weekday`, today included."""
    return today + (weekday - today.weekday()) % 7 * DAY


def in_week(today: date, weekday: int, ahead: int) -> date:
    """The `weekday` of the week that is `ahead` weeks after this one."""
    return today + (weekday - today.weekday() + 7 * ahead) * DAY


def year_of(today: date, month: int, day: int | None = None) -> int:
    """The year in which this month or day next occurs, today included."""
    if day is None:
        return today.year + (month < today.month)
    year = today.year + ((month, day) < (today.month, today.day))
    while (month, day) == (2, 29) and not isleap(year):
        year += 1
    return year


def part_of(window: Window, part: str) -> Window:
    """The early, middle or late third of a span, or one of its halves, in whole days."""
    assert window.start is not None and window.end is not None
    if part.endswith("half"):
        middle = window.start + timedelta(days=(window.end - window.start).days // 2)
        early, late = Window(start=window.start, end=middle), Window(start=middle, end=window.end)
        return early if part == "first half" else late
    third = timedelta(days=(window.end - window.start).days // 3)
    if part == "early":
        return Window(start=window.start, end=window.start + third)
    if part == "late":
        return Window(start=window.end - third, end=window.end)
    return Window(start=window.start + third, end=window.end - third)


def nth(window: Window, weekday: int, number: int) -> date | None:
    """The first, second, … or last (-1) such weekday of a span; None if it has none."""
    assert window.start is not None and window.end is not None
    first, last = window.start.date(), window.end.date() - DAY
    if number > 0:
        found = coming(first, weekday) + 7 * (number - 1) * DAY
    else:
        found = last - (last.weekday() - weekday) % 7 * DAY
    return found if first <= found <= last else None


def both(one: Window, other: Window, zone: tzinfo | None) -> Window:
    """The intersection of two spans; `zone` as for `alike`."""
    pair = alike((one, other), zone)
    starts = [w.start for w in pair if w.start]
    ends = [w.end for w in pair if w.end]
    return Window(start=max(starts, default=None), end=min(ends, default=None))


def outside(span: Window, out: Window, zone: tzinfo | None) -> list[Window]:
    """The parts of a span before and after another one; `zone` as for `alike`."""
    apart = [Window(end=out.start)] if out.start else []
    apart += [Window(start=out.end)] if out.end else []
    parts = [both(span, one, zone) for one in apart]
    return [part for part in parts if not part.empty]


def alike(spans: Sequence[Window], zone: tzinfo | None) -> Sequence[Window]:
    """Spans that can be compared: if some are local and others moments, the moments become local times in `zone`."""
    moments = {end.tzinfo is not None for span in spans for end in (span.start, span.end) if end}
    return [_local(span, zone) for span in spans] if len(moments) > 1 else spans


def _local(span: Window, zone: tzinfo | None) -> Window:
    def local(end: datetime | None) -> datetime | None:
        return end.astimezone(zone).replace(tzinfo=None) if end and end.tzinfo else end

    return Window(start=local(span.start), end=local(span.end))


def later(start: datetime, end: datetime) -> datetime:
    """The end, a year later if it is not after the start: “from December to January”."""
    return end if end > start else end.replace(year=end.year + 1)
