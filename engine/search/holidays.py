"""Holidays by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from engine.search import windows
from engine.search.windows import DAY

_Rule = Callable[[int], date]
_MONDAY, _THURSDAY, _SUNDAY = 0, 3, 6


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm, Nature, 20 April 1876)."""
    century, rest = divmod(year, 100)
    leaps, age = century // 4, year % 19
    epact = (19 * age + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (age + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _fixed(month: int, day: int) -> _Rule:
    return lambda year: date(year, month, day)


def _nth(month: int, weekday: int, number: int) -> _Rule:
    def day(year: int) -> date:
        found = windows.nth(windows.months(year, month), weekday, number)
        assert found is not None, "each month has four of every weekday"
        return found

    return day


def _after_easter(days: int) -> _Rule:
    return lambda year: easter(year) + days * DAY


def _victoria(year: int) -> date:
    """The Monday before 25 May."""
    return date(year, 5, 24) - date(year, 5, 24).weekday() * DAY


def _advent(year: int) -> date:
    """The fourth Sunday before Christmas."""
    christmas = date(year, 12, 25)
    return christmas - (christmas.weekday() + 1) * DAY - 21 * DAY


_RULES: dict[str, _Rule] = {
    "new year|new year day|new years day|new years": _fixed(1, 1),
    "new year eve|new years eve": _fixed(12, 31),
    "martin luther king day|mlk day": _nth(1, _MONDAY, 3),
    "groundhog day": _fixed(2, 2),
    "valentine day|valentines day|valentine|valentines": _fixed(2, 14),
    "presidents day|president day|presidents' day": _nth(2, _MONDAY, 3),
    "st patrick day|saint patrick day|st patricks day|saint patricks day": _fixed(3, 17),
    "april fools|april fool day|april fools day": _fixed(4, 1),
    "shrove tuesday|pancake day|mardi gras": _after_easter(-47),
    "ash wednesday": _after_easter(-46),
    "palm sunday": _after_easter(-7),
    "good friday": _after_easter(-2),
    "easter eve|easter saturday|holy saturday": _after_easter(-1),
    "easter|easter sunday|easter day": _after_easter(0),
    "easter monday": _after_easter(1),
    "ascension day": _after_easter(39),
    "whit sunday|pentecost": _after_easter(49),
    "whit monday|pentecost monday": _after_easter(50),
    "corpus christi": _after_easter(60),
    "earth day": _fixed(4, 22),
    "st george day|saint george day": _fixed(4, 23),
    "may day": _fixed(5, 1),
    "early may bank holiday": _nth(5, _MONDAY, 1),
    "spring bank holiday": _nth(5, _MONDAY, -1),
    "summer bank holiday|august bank holiday": _nth(8, _MONDAY, -1),
    "cinco de mayo": _fixed(5, 5),
    "mother day|mothers day|mothers' day": _nth(5, _SUNDAY, 2),
    "victoria day": _victoria,
    "memorial day": _nth(5, _MONDAY, -1),
    "flag day": _fixed(6, 14),
    "father day|fathers day|fathers' day": _nth(6, _SUNDAY, 3),
    "juneteenth": _fixed(6, 19),
    "canada day": _fixed(7, 1),
    "independence day|fourth of july|4th of july": _fixed(7, 4),
    "bastille day": _fixed(7, 14),
    "labor day|labour day": _nth(9, _MONDAY, 1),
    "german unity day": _fixed(10, 3),
    "columbus day|indigenous peoples day": _nth(10, _MONDAY, 2),
    "halloween|hallowe'en": _fixed(10, 31),
    "all saints day|all saints|all saints' day": _fixed(11, 1),
    "guy fawkes night|bonfire night": _fixed(11, 5),
    "veterans day|veteran day|remembrance day|armistice day": _fixed(11, 11),
    "thanksgiving|thanksgiving day": _nth(11, _THURSDAY, 4),
    "black friday": lambda year: _nth(11, _THURSDAY, 4)(year) + DAY,
    "cyber monday": lambda year: _nth(11, _THURSDAY, 4)(year) + 4 * DAY,
    "first advent|first sunday of advent": _advent,
    "st nicholas day|saint nicholas day": _fixed(12, 6),
    "christmas eve|xmas eve": _fixed(12, 24),
    "christmas|christmas day|xmas|xmas day": _fixed(12, 25),
    "boxing day|st stephen day|saint stephen day": _fixed(12, 26),
}  # fmt: skip
"""Rules by the names of holidays, without possessives; if countries differ on the day, the most common one."""

_NAMES = {tuple(name.split()): rule for names, rule in _RULES.items() for name in names.split("|")}
LONGEST = max(len(name) for name in _NAMES)
BEGINNINGS = frozenset(name[0] for name in _NAMES)
"""The first words of holidays' names."""

SINGLE = frozenset(name[0] for name in _NAMES if len(name) == 1)
"""Holidays of one word, which may be part of a title: “Christmas Carols”."""


def named(words: tuple[str, ...]) -> tuple[int, _Rule] | None:
    """The longest name of a holiday at the beginning of `words`: how many words it takes, and when it is."""
    for length in range(min(LONGEST, len(words)), 0, -1):
        if rule := _NAMES.get(words[:length]):
            return length, rule
    return None


def coming(rule: _Rule, today: date) -> date:
    """The next such day, today included."""
    this = rule(today.year)
    return this if this >= today else rule(today.year + 1)


def long_weekend(day: date) -> tuple[date, int]:
    """The first day of the weekend that a holiday extends, such as Saturday for a Monday, and its length in days."""
    match day.weekday():
        case 0 | 1:
            return day - (day.weekday() + 2) * DAY, day.weekday() + 3
        case 3 | 4:
            return day, 7 - day.weekday()
    saturday = day + (5 - day.weekday()) * DAY
    return saturday, 2
