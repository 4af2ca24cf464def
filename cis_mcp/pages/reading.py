"""How a visitor's words were read, part by part, so that they see what was looked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.mail.locale.language import ENGLISH, Language, noop
from engine.mail.outgoing import words
from engine.model.searching import Window
from engine.search.asking import Understood
from engine.search.leaving_out import ReadingPart, parts

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
_CHIPS_SHOWN = 12
_BIT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of a reading; `rest`: the words that ask for the same without it, None if it stays."""

    text: str
    name: str
    rest: str | None


def chips(query: str, understood: Understood, now: datetime, language: Language = ENGLISH) -> list[Chip]:
    """What was looked for: `1 May 2027 – 31 May 2027`, `Sundays`, `17:00 – 22:00`, `foxes`."""
    found = [_chip(part, language) for part in parts(query, understood, now)]
    return [chip for chip in found if chip.text][:_CHIPS_SHOWN]


def _chip(part: ReadingPart, language: Language) -> Chip:
    text = _text(part, language)
    return Chip(text, str(part.value) if part.kind == "unknown" else text, part.rest)


def _text(part: ReadingPart, language: Language) -> str:
    match part.kind, part.value:
        case "span", Window() as span:
            return _span(span, language)
        case "days", frozenset() as days:
            return _days(days, language)
        case "hours", (int(start), int(end)):
            return f"{_clock(start)} – {_clock(end)}"
        case "correction", (read, given):
            return language.say("“{read}” for “{given}”", read=str(read), given=str(given))
        case "unknown", word:
            return language.say("no event has “{word}”", word=str(word))
    return str(part.value)


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
