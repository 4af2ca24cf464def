"""Recurrence rules on calendar days, with bounded work for every rule (RFC 5545, 3.3.10).

dateutil's expansion is not used: it searches until the year 9999 for a rule that never matches, and it cannot
start in the middle of a series. The tests compare this one with dateutil's.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import replace
from datetime import MAXYEAR, date, timedelta
from functools import lru_cache
from itertools import count

from engine.itip.rule import RecurrenceRule

_BUDGET = 150_000  # days looked at in one walk: 400 years of a yearly rule
_END = date(MAXYEAR, 1, 1)


class Budget:
    """The number of days that one expansion, or several together, may still examine."""

    def __init__(self, days: int = _BUDGET) -> None:
        self.left = days

    def spend(self, days: int) -> bool:
        """Use up `days`; False if that is more than was left."""
        self.left -= days
        return self.left >= 0


def _with_defaults(rule: RecurrenceRule, start: date) -> RecurrenceRule:
    """`rule` with what DTSTART says where the rule does not (RFC 5545, 3.3.10)."""
    if rule.byweekno or rule.byyearday or rule.bymonthday or rule.byday:
        return rule
    if rule.freq == "WEEKLY":
        return replace(rule, byday=((0, start.weekday()),))
    if rule.freq == "MONTHLY":
        return replace(rule, bymonthday=frozenset({start.day}))
    if rule.freq == "YEARLY":
        return replace(
            rule, bymonthday=frozenset({start.day}), bymonth=rule.bymonth or frozenset({start.month})
        )
    return rule


def _shifted(first: date, days: int) -> date | None:
    try:
        return first + timedelta(days=days)
    except OverflowError:
        return None


def _period(rule: RecurrenceRule, start: date, index: int) -> list[date]:
    """The days of the rule's period number `index`, 0 being the one that holds `start`."""
    step = index * rule.interval
    if rule.freq == "YEARLY":
        year = start.year + step
        months = [month for month in range(1, 13) if _wanted_month(rule, month)]
        return [day for month in months for day in _month(year, month)] if year < MAXYEAR else []
    if rule.freq == "MONTHLY":
        year, month = divmod(start.year * 12 + start.month - 1 + step, 12)
        return _month(year, month + 1) if year < MAXYEAR and _wanted_month(rule, month + 1) else []
    if rule.freq == "WEEKLY":
        first = _shifted(start, 7 * step - (start.weekday() - rule.wkst) % 7)
        return [d for n in range(7) if first and (d := _shifted(first, n))]
    day = _shifted(start, step)
    return [day] if day else []


def _wanted_month(rule: RecurrenceRule, month: int) -> bool:
    return not rule.bymonth or month in rule.bymonth


def _month(year: int, month: int) -> list[date]:
    return [date(year, month, day) for day in range(1, calendar.monthrange(year, month)[1] + 1)]


def _week_matches(rule: RecurrenceRule, day: date) -> bool:
    """BYWEEKNO: weeks begin on WKST; week 1 is the first with four days in the year."""
    for year in (day.year - 1, day.year, day.year + 1):
        if not 1 < year < MAXYEAR - 1:
            continue
        first, after = _first_week(year, rule.wkst), _first_week(year + 1, rule.wkst)
        if first <= day < after:
            number, total = (day - first).days // 7 + 1, (after - first).days // 7
            return number in rule.byweekno or number - total - 1 in rule.byweekno
    return False


@lru_cache(maxsize=1024)
def _first_week(year: int, wkst: int) -> date:
    fourth = date(year, 1, 4)
    return fourth - timedelta(days=(fourth.weekday() - wkst) % 7)


def _day_matches(rule: RecurrenceRule, day: date) -> bool:
    """BYDAY: the weekday, and its number from either end of the month or the year."""
    in_year = rule.freq == "YEARLY" and not rule.bymonth
    position = day.timetuple().tm_yday if in_year else day.day
    length = 365 + calendar.isleap(day.year) if in_year else calendar.monthrange(day.year, day.month)[1]
    forward, backward = (position - 1) // 7 + 1, -((length - position) // 7 + 1)
    return any((n, day.weekday()) in rule.days for n in (0, forward, backward))


def _matches(rule: RecurrenceRule, day: date) -> bool:
    if rule.bymonth and day.month not in rule.bymonth:
        return False
    if rule.byweekno and not _week_matches(rule, day):
        return False
    if rule.byyearday:
        number, total = day.timetuple().tm_yday, 365 + calendar.isleap(day.year)
        if number not in rule.byyearday and number - total - 1 not in rule.byyearday:
            return False
    if rule.bymonthday:
        total = calendar.monthrange(day.year, day.month)[1]
        if day.day not in rule.bymonthday and day.day - total - 1 not in rule.bymonthday:
            return False
    return not rule.byday or _day_matches(rule, day)


def _in_period(rule: RecurrenceRule, days: list[date]) -> list[date]:
    found = [day for day in days if _matches(rule, day)]
    if not rule.bysetpos:
        return found
    picked = {n - 1 if n > 0 else len(found) + n for n in rule.bysetpos}
    return [day for index, day in enumerate(found) if index in picked]


def _index(rule: RecurrenceRule, start: date, day: date) -> int:
    """Number of the last period that begins on or before `day`."""
    if rule.freq == "YEARLY":
        units = day.year - start.year
    elif rule.freq == "MONTHLY":
        units = (day.year - start.year) * 12 + day.month - start.month
    elif rule.freq == "WEEKLY":
        units = ((day - start).days + (start.weekday() - rule.wkst) % 7) // 7
    else:
        units = (day - start).days
    return units // rule.interval


def forward(
    rule: RecurrenceRule, start: date, since: date | None = None, budget: Budget | None = None
) -> Iterator[date]:
    """Days that match `rule`, in order, not before `start`; from about `since` if given.

    Ends when the calendar or the budget of days to examine is used up; the first days may
    lie somewhat before `since`. The caller applies COUNT and UNTIL.
    """
    rule = _with_defaults(rule, start)
    index = max(0, _index(rule, start, since) - 1) if since else 0
    budget = budget or Budget()
    for number in count(index):
        days = _period(rule, start, number)
        yield from (day for day in _in_period(rule, days) if start <= day < _END)
        if not budget.spend(len(days) + 1) or (not days and _past_calendar(rule, start, number)):
            return


def backward(rule: RecurrenceRule, start: date, last: date) -> Iterator[date]:
    """Days that match `rule` from `last` back to `start`, newest first, with the same budget."""
    rule = _with_defaults(rule, start)
    budget = Budget()
    for number in range(_index(rule, start, last) + 1, -1, -1):
        days = _period(rule, start, number)
        yield from (day for day in reversed(_in_period(rule, days)) if start <= day <= last)
        if not budget.spend(len(days) + 1):
            return


def _past_calendar(rule: RecurrenceRule, start: date, index: int) -> bool:
    per_year = {"YEARLY": 1, "MONTHLY": 12, "WEEKLY": 52, "DAILY": 365}[rule.freq]
    return start.year + index * rule.interval // per_year >= MAXYEAR - 2
