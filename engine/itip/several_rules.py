"""Several recurrence rules of one event, or rules with several times of day, as one rule and further dates.

A stored event has one rule, which recurs at the time of day at which the event starts (RFC 5545, 3.8.5.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from itertools import product

from engine.itip.expansion import Budget, forward
from engine.itip.recurrence import until_of
from engine.itip.rule import MAX_INSTANCES, RecurrenceRule, parse, refused
from engine.model.times import Span

MAX_DATES = 400
"""The most dates beside the rule: every mail about the event lists them."""
_MAX_RULES = 10
_MAX_TIMES = 48
_Start = tuple[date | datetime, time | None]
"""A start, and the time of day that the rule names for it, which daylight saving time may move."""
_CLOCK = {"BYHOUR": 24, "BYMINUTE": 60, "BYSECOND": 60}


def are_several(rules: Sequence[str]) -> bool:
    """True if these RRULE values are more than one rule at one time of day."""
    return len(rules) > 1 or any("," in part for rule in rules for part in _time_parts(rule))


def _time_parts(rule: str) -> Iterator[str]:
    return (part for part in rule.upper().split(";") if part.strip().partition("=")[0] in _CLOCK)


@dataclass(frozen=True)
class _Series:
    """One rule with the times of day at which it recurs."""

    rule: RecurrenceRule
    times: tuple[time, ...]
    until: date | datetime | None

    @property
    def endless(self) -> bool:
        return self.rule.count is None and self.until is None


def as_one(rules: Sequence[str], span: Span, budget: Budget) -> tuple[str, tuple[date | datetime, ...]]:
    """One RRULE value and further starts that together give all instances of the rules.

    `budget`: the days that may still be examined for the whole calendar. Raises Refused: INVALID_RECURRENCE for
    rules that cannot be expressed so: two rules or times without an end, or too many dates.
    """
    if len(rules) > _MAX_RULES:
        raise refused(f"The event has {len(rules)} recurrence rules; {_MAX_RULES} are allowed.")
    series = [_read(rule, span) for rule in rules]
    kept = _kept(series, span)
    starts = {id(one): _starts(one, span, budget) for one in series if not one.endless}
    own_clock = _clock(span)
    held = {start for start, clock in starts.get(id(kept), ()) if clock == own_clock}
    added = {start for found in starts.values() for start, _ in found} - held - {span.start}
    if kept.endless:
        added -= _up_to(kept, span, budget, max(added, default=span.start))
    if len(added) > MAX_DATES:
        raise refused(f"The event's recurrence rules give {len(added)} dates; {MAX_DATES} are allowed.")
    rule = replace(kept.rule, bytime=(), count=len(held | {span.start}) if kept.rule.count else None)
    return rule.text(rule.until), tuple(sorted(added))


def _read(text: str, span: Span) -> _Series:
    rule = parse(text)
    times = _times(rule, span)
    if len(times) > 1 and rule.bysetpos:
        raise refused("BYSETPOS cannot be combined with several times of day.")
    return _Series(rule, times, until_of(rule, span))


def _times(rule: RecurrenceRule, span: Span) -> tuple[time, ...]:
    """The times of day of a rule; that of the event if it names none."""
    start = _clock(span) or time()
    if rule.bytime and span.all_day:
        raise refused("An all-day event recurs without a time of day.")
    clock = {"BYHOUR": start.hour, "BYMINUTE": start.minute, "BYSECOND": start.second}
    given = {name: _numbers(name, value) for name, value in rule.bytime}
    parts = [given.get(name, [value]) for name, value in clock.items()]
    if len(parts[0]) * len(parts[1]) * len(parts[2]) > _MAX_TIMES:
        raise refused(f"The recurrence rule has more than {_MAX_TIMES} times of day.")
    return tuple(sorted({time(hour, minute, second) for hour, minute, second in product(*parts)}))


def _numbers(name: str, value: str) -> list[int]:
    pieces = [piece.strip() for piece in value.split(",")]
    if not all(p.isascii() and p.isdecimal() and len(p) <= 2 and int(p) < _CLOCK[name] for p in pieces):
        raise refused(f"{name}={value[:20]} is not a time of day.")
    return [int(piece) for piece in pieces]


def _kept(series: Sequence[_Series], span: Span) -> _Series:
    """The rule to store: the one without an end, else the first that recurs at the event's time of day."""
    endless = [one for one in series if one.endless]
    if len(endless) > 1 or any(len(one.times) > 1 for one in endless):
        raise refused("The event has several recurrence rules or times of day without an end.")
    clock = _clock(span)
    at_start = [one for one in endless or series if clock is None or clock in one.times]
    if not at_start:
        raise refused("No recurrence rule has the time of day at which the event starts.")
    return at_start[0]


def _clock(span: Span) -> time | None:
    """The time of day at which the event starts; None for an all-day event."""
    return span.start.astimezone(span.zone).time() if isinstance(span.start, datetime) else None


def _starts(series: _Series, span: Span, budget: Budget) -> list[_Start]:
    """All starts of a rule that ends, in order; the event's own start counts as the first."""
    found: list[_Start] = []
    for start, clock in _walk(series, span, budget):
        if series.until is not None and start > series.until:
            break
        found.append((start, clock))
        if len(found) == series.rule.count:
            break
        if len(found) > MAX_INSTANCES:
            raise refused("The event's recurrence rules give too many dates.")
    if budget.left < 0:
        raise refused("The event's recurrence rules reach too far into the future.")
    if series.rule.count and (not found or found[0][0] != span.start):
        raise refused("A recurrence rule with COUNT does not begin when the event does.")
    return found


def _up_to(series: _Series, span: Span, budget: Budget, last: date | datetime) -> set[date | datetime]:
    """The starts of an endless rule up to `last`, the last date of the others."""
    found: set[date | datetime] = set()
    for start, _ in _walk(series, span, budget):
        if start > last:
            break
        found.add(start)
    return found


def _walk(series: _Series, span: Span, budget: Budget) -> Iterator[_Start]:
    first = span.start.astimezone(span.zone).date() if isinstance(span.start, datetime) else span.start
    for day in forward(series.rule, first, None, budget):
        if span.all_day:
            yield day, None
            continue
        for clock in series.times:
            start = datetime.combine(day, clock, tzinfo=span.zone).astimezone(UTC)
            if start >= span.start_utc:
                yield start, clock
