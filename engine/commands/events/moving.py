"""What a series takes with it when it changes: the end of its rule, and its exceptions (RFC 5545, 3.8.5)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta

from engine.commands import series
from engine.itip import recurrence
from engine.itip.rule import RecurrenceRule, parse
from engine.itip.values import LAST_YEAR
from engine.model.events import Event, Override
from engine.model.times import Span

_LISTED = 10_000
"""Dates of a series that are looked at; an exception beyond them moves as far as the first date does."""
_FURTHER = timedelta(days=800)
_TEXTS = ("summary", "location", "description", "url")


def rule(old: Event, span: Span, given: str | None = None) -> str:
    """The rule of `old` where its first date is `span` now: `given`, or its own, which ends as much later as it starts.

    By the clock on the wall, like its dates. Raises Refused: INVALID_RECURRENCE.
    """
    if given is not None:
        return recurrence.validated(given, span) if given else ""
    if not old.recurrence or span == old.span:
        return old.recurrence
    parsed = parse(old.recurrence)
    until = recurrence.until_of(parsed, old.span)
    if until is None:
        return recurrence.validated(old.recurrence, span)
    distance = series.wall(span.start, span) - series.wall(old.span.start, old.span)
    if _keeps_days(parsed, old.span, span):
        distance -= timedelta(days=_days(old.span, span))
    end = series.wall(until, old.span) + distance
    if end.year >= LAST_YEAR:
        return recurrence.validated(old.recurrence, span)
    until = series.at_wall(end, span)
    return recurrence.validated(parsed.text(recurrence.until_text(until)), span)


def _keeps_days(parsed: RecurrenceRule, old: Span, new: Span) -> bool:
    """True if the rule names its days, and other ones than a series has that moves as far as its first date does.

    “Every Monday” stays on Mondays if its first date moves to a Tuesday, while by a week it moves as a whole.
    """
    others = parsed.bymonthday or parsed.byyearday or parsed.byweekno
    if not _days(old, new) or not (parsed.byday or others):
        return False
    weekly = parsed.freq in {"DAILY", "WEEKLY"} and not (others or parsed.bymonth)
    return not weekly or _days(old, new) % 7 != 0


def _days(old: Span, new: Span) -> int:
    """By how many days on the wall the first date moves."""
    return (series.wall(new.start, new).date() - series.wall(old.start, old).date()).days


# its exceptions


def fitted(old: Event, new: Event, given: Collection[str]) -> Event:
    """`new`, a change of `old`, with the exceptions fitted to it, but for the fields of them that were `given`.

    An exception stays with its date, and one whose date the series has no more is gone.
    """
    rdates = tuple(dict.fromkeys(_moved(one, old.span, new.span) for one in old.rdates))
    values: dict[str, object] = {"rdates": rdates} if "rdates" not in given else {}
    change = _Change(old, new.model_copy(update=values))
    exdates = new.exdates if "exdates" in given else change.exdates()
    overrides = change.overrides(frozenset(exdates) - frozenset(old.exdates))
    values |= {"exdates": exdates, "overrides": overrides}
    return new.model_copy(update={name: value for name, value in values.items() if name not in given})


class _Change:
    """Where the exceptions of a series are once it is another."""

    def __init__(self, old: Event, new: Event) -> None:
        self._old, self._new = old, new
        self._same = _dates(old) == _dates(new)
        self._ended = old.recurring and not new.recurring
        self._days = _days(old.span, new.span)
        self._rules = [parse(one.recurrence) if one.recurrence else None for one in (old, new)]
        known = [*old.exdates, *(one.recurrence_id for one in old.overrides)]
        last = max(map(old.span.moment, known), default=None)
        self._before: dict[date | datetime, int] = {}
        self._after: list[date | datetime] = []
        if last and not (self._same or self._ended):
            self._before = {one: number for number, one in enumerate(recurrence.starts(old, last, _LISTED))}
            until = last + timedelta(days=abs(self._days)) + _FURTHER
            self._after = recurrence.starts(new, until, 2 * _LISTED)
        self._stands = frozenset(self._after)
        self._stay = self._keep_days()

    def exdates(self) -> tuple[date | datetime, ...]:
        """The dates that are cancelled."""
        if self._same or self._ended:
            return self._old.exdates if self._same else ()
        places = (self._excluded(one) for one in self._old.exdates)
        return tuple(dict.fromkeys(place for place in places if place is not None))

    def overrides(self, excluded: Collection[date | datetime]) -> tuple[Override, ...]:
        """The dates that differ, without those `excluded`."""
        if self._ended:
            return ()
        found: dict[date | datetime, Override] = {}
        for one in self._old.overrides:
            place = self._place(one.recurrence_id)
            if place is not None and place not in excluded:
                found[place] = _following(one, self._old, self._new, place)
        return tuple(found.values())

    def _excluded(self, one: date | datetime) -> date | datetime | None:
        if self._old.span == self._new.span:
            return one  # Should the rule become a longer one again, the date is still out.
        first = one == self._old.span.start
        # A first date that was out is not missed where the series begins on another of its days.
        return None if first and self._stay else self._place(one)

    def _place(self, one: date | datetime) -> date | datetime | None:
        """The start that an instance has now; None if it is none any more."""
        if self._same:
            return one
        moved = _moved(one, self._old.span, self._new.span)
        if one not in self._before:
            return moved
        if not self._stay:
            return moved if moved in self._stands else self._counted(one)
        stayed = series.aligned(self._new.span, series.wall(one, self._old.span).date())
        if stayed in self._stands:
            return stayed
        return self._new.span.start if one == self._old.span.start else None

    def _keep_days(self) -> bool:
        """True if the rule names the same days as before, and the first date moved to another one than they do."""
        old, new = self._rules
        same = old and new and replace(old, count=None, until="") == replace(new, count=None, until="")
        return bool(same and old and _keeps_days(old, self._old.span, self._new.span))

    def _counted(self, one: date | datetime) -> date | datetime | None:
        """The date with the same number, where dates are not all equally far apart, such as those of months."""
        old, new = self._rules
        alike = old and new and (old.freq, old.interval) == (new.freq, new.interval)
        number = self._before[one]
        return self._after[number] if alike and self._days and number < len(self._after) else None


def _dates(event: Event) -> tuple[object, ...]:
    return event.span.start, event.span.timezone, event.recurrence, event.rdates


def _moved(value: date | datetime, old: Span, new: Span) -> date | datetime:
    """By the clock on the wall, so that a change of zone or of summer time moves every instance alike."""
    clock = series.wall(value, old)
    if old.all_day != new.all_day or value == series.aligned(old, clock.date()):
        return series.aligned(new, clock.date() + timedelta(days=_days(old, new)))
    return series.at_wall(clock + (series.wall(new.start, new) - series.wall(old.start, old)), new)


def _following(override: Override, old: Event, new: Event, recurrence_id: date | datetime) -> Override:
    """An override in its changed series: what it says as the series said it goes with the series, its own stays."""
    texts = {name: getattr(new, name) for name in _TEXTS if getattr(override, name) == getattr(old, name)}
    span = _span(override, old.span, recurrence.at(new.span, recurrence_id))
    return override.model_copy(update={**texts, "recurrence_id": recurrence_id, "span": span})


def _span(override: Override, series_span: Span, moved: Span) -> Span:
    """When an instance takes place whose series' own time for it is `moved` now."""
    own, plain = override.span, recurrence.at(series_span, override.recurrence_id)
    if (own.start, own.end) == (plain.start, plain.end):
        return moved
    if series_span.all_day != moved.all_day != own.all_day:
        return recurrence.at(moved, series.aligned(moved, series.wall(own.start, series_span).date()))
    if own.timezone == series_span.timezone:
        return own.model_copy(update={"timezone": moved.timezone})
    return own
