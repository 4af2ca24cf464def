"""Instances that an EXRULE excludes (RFC 2445, 4.8.5.2); RFC 5545 has only EXDATE, so their dates are stored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from itertools import islice, takewhile

from engine.itip.content_lines import Component
from engine.itip.recurrence import matching
from engine.itip.rule import MAX_TEXT, RecurrenceRule, parse
from engine.itip.vcalendar import modern
from engine.model.times import Span
from engine.refusals import Code, Refused

_DATES_MAX = 1_000
_RULES_MAX = 5


def excluded_by_rule(component: Component, span: Span | None, recurrence: str) -> frozenset[date | datetime]:
    """Starts of the instances that EXRULE excludes. Raises Refused(INVALID_RECURRENCE) if they cannot be listed."""
    texts = {modern(p.value.strip().upper()) for p in component.all("EXRULE") if p.value.strip()}
    if not texts or span is None or not recurrence:
        return frozenset()
    if len(texts) > _RULES_MAX or any(len(text) > MAX_TEXT for text in texts):
        raise _refused()
    series = parse(recurrence)
    return frozenset(start for text in texts for start in _both(parse(text), series, span))


def _both(rule: RecurrenceRule, series: RecurrenceRule, span: Span) -> list[date | datetime]:
    """The starts that both rules have; refused if neither ends."""
    if not (_ends(rule) or _ends(series)):
        raise _refused()
    first, second = (rule, series) if _ends(rule) else (series, rule)
    starts = list(islice(matching(first, span), _DATES_MAX + 1))
    if len(starts) > _DATES_MAX:
        raise _refused()
    return _shared(starts, matching(second, span))


def _shared(starts: list[date | datetime], others: Iterator[date | datetime]) -> list[date | datetime]:
    last = max(starts, default=None)
    known = set(takewhile(lambda start: last is not None and start <= last, others))
    return [start for start in starts if start in known]


def _ends(rule: RecurrenceRule) -> bool:
    return bool(rule.count or rule.until)


def _refused() -> Refused:
    return Refused(
        Code.INVALID_RECURRENCE,
        "The event leaves out instances by a rule (EXRULE) that does not end.",
        "List the dates to leave out instead (EXDATE).",
    )
