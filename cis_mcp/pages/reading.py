"""How a visitor's words were read, part by part, so that they see what was looked for."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.mail.outgoing import words
from engine.model.searching import Window
from engine.search.asking import Understood

_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_WEEKEND = frozenset({5, 6})
_SPANS_SHOWN = 3
_BIT = timedelta(seconds=1)


def parts(understood: Understood) -> list[str]:
    """What was looked for: `1 May 2027 – 31 May 2027`, `Sundays`, `17:00 – 22:00`, `foxes`."""
    found = [_span(span) for span in understood.spans[:_SPANS_SHOWN]]
    found += [_days(understood.days)] if understood.days else []
    found += [f"{_clock(start)} – {_clock(end)}" for start, end in understood.hours]
    found += understood.words.words
    found += [f"“{read}” for “{given}”" for given, read in understood.words.corrections.items()]
    found += [f"no event has “{word}”" for word in understood.words.unknown]
    return [part for part in found if part]


def _span(span: Window) -> str:
    if span.start is None:
        return f"before {_day(span.end)}" if span.end else ""
    if span.end is None:
        return f"from {_day(span.start)} on"
    first, last = _day(span.start), _day(span.end - _BIT)
    return first if first == last else f"{first} – {last}"


def _day(moment: datetime) -> str:
    return words.day(moment.date()).partition(", ")[2]


def _days(days: frozenset[int]) -> str:
    if days == _WEEKEND:
        return "weekends"
    return ", ".join(_WEEKDAYS[day] for day in sorted(days))


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
