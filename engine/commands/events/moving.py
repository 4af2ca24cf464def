"""What a series takes with it when it changes: the end of its rule, and its exceptions (RFC 5545, 3.8.5)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta

from engine.commands import series
from engine.itip import recurrence
from engine.itip.rule import RecurrenceRule, parse
from engine.itip.values import LAST_YEAR
from engine.model.events import Event, Override
from engine.model.times import Span

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
    if not (parsed.byday or others):
        return False
    weekly = parsed.freq in {"DAILY", "WEEKLY"} and not (others or parsed.bymonth)
    return not weekly or _days(old, new) % 7 != 0


def _days(old: Span, new: Span) -> int:
    """By how many days on the wall the first date moves."""
    return (series.wall(new.start, new).date() - series.wall(old.start, old).date()).days


# its exceptions


def fitted(old: Event, new: Event, given: Collection[str]) -> Event:
    """`new`, a change of `old`, with the exceptions fitted to it, but for the fields of them that were `given`."""
    values: dict[str, object] = {}
    if old.recurring and old.span.all_day == new.span.all_day:
        values["rdates"] = _moved(old.rdates, old.span, new.span)
        values["exdates"] = _moved(old.exdates, old.span, new.span)
    values["overrides"] = tuple(_following(one, old, new) for one in old.overrides)
    return new.model_copy(update={name: value for name, value in values.items() if name not in given})


def _moved(values: Sequence[date | datetime], old: Span, new: Span) -> tuple[date | datetime, ...]:
    """By the clock on the wall, so that a change of zone or of summer time moves every instance alike."""
    distance = series.wall(new.start, new) - series.wall(old.start, old)
    return tuple(series.at_wall(series.wall(value, old) + distance, new) for value in values)


def _following(override: Override, old: Event, new: Event) -> Override:
    """An override in its changed series: what it says as the series said it goes with the series, its own stays."""
    recurrence_id = override.recurrence_id
    if old.span.all_day == new.span.all_day:
        (recurrence_id,) = _moved([recurrence_id], old.span, new.span)
    texts = {name: getattr(new, name) for name in _TEXTS if getattr(override, name) == getattr(old, name)}
    span = _span(override, old.span, recurrence.at(new.span, recurrence_id))
    return override.model_copy(update={**texts, "recurrence_id": recurrence_id, "span": span})


def _span(override: Override, series_span: Span, moved: Span) -> Span:
    """When an instance takes place whose series' own time for it is `moved` now."""
    own, plain = override.span, recurrence.at(series_span, override.recurrence_id)
    if (own.start, own.end) == (plain.start, plain.end):
        return moved
    if own.timezone == series_span.timezone:
        return own.model_copy(update={"timezone": moved.timezone})
    return own
