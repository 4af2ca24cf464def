"""How a visitor's words were read, part by part, so that they see what was looked for."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.mail.locale.language import ENGLISH, Language, noop
from engine.mail.outgoing import words
from engine.model.searching import Window
from engine.search.asking import Understood

_WEEKDAYS = (
    noop("Mondays"),
    noop("Tuesdays"),
    noop("Wednesdays"),
    noop("Thursdays"),
    noop("Fridays"),
    noop("Saturdays"),
    noop("Sundays"),
)
_WEEKEND = frozenset({5, 6})
_SPANS_SHOWN = 3
_BIT = timedelta(seconds=1)


def parts(understood: Understood, language: Language = ENGLISH) -> list[str]:
    """What was looked for: `1 May 2027 – 31 May 2027`, `Sundays`, `17:00 – 22:00`, `foxes`."""
    found = [_span(span, language) for span in understood.spans[:_SPANS_SHOWN]]
    found += [_days(understood.days, language)] if understood.days else []
    found += [f"{_clock(start)} – {_clock(end)}" for start, end in understood.hours]
    found += understood.words.words
    corrected = understood.words.corrections.items()
    found += [language.say("“{read}” for “{given}”", read=read, given=given) for given, read in corrected]
    found += [language.say("no event has “{word}”", word=word) for word in understood.words.unknown]
    return [part for part in found if part]


def _span(span: Window, language: Language) -> str:
    if span.start is None:
        return language.say("before {day}", day=_day(span.end, language)) if span.end else ""
    if span.end is None:
        return language.say("from {day} on", day=_day(span.start, language))
    first, last = _day(span.start, language), _day(span.end - _BIT, language)
    return first if first == last else f"{first} – {last}"


def _day(moment: datetime, language: Language) -> str:
    return words.day_of_year(moment.date(), language)


def _days(days: frozenset[int], language: Language) -> str:
    if days == _WEEKEND:
        return language.say("weekends")
    between = language.term("between the names of a list", ", ")
    return between.join(language.say(_WEEKDAYS[day]) for day in sorted(days))


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
