"""What a series takes with it when it changes: the end of its rule (RFC 5545, 3.3.10)."""

from __future__ import annotations

from datetime import timedelta

from engine.commands import series
from engine.itip import recurrence
from engine.itip.rule import RecurrenceRule, parse
from engine.itip.values import LAST_YEAR
from engine.model.events import Event
from engine.model.times import Span


def rule(old: Event, span: Span) -> str:
    """The rule of `old` where its first date moves to `span`: an UNTIL moves as the dates do, by the clock on the wall.

    Raises Refused: INVALID_RECURRENCE.
    """
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
