"""Questions made from wordings, each with its right answers, told by the events' facts and not by the search."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.search.world import BASEBALL, FOOTBALL, NOW, Fact, Team

_WORDINGS = Path(__file__).with_name("wordings.txt")
_MONTHS = ("May", "June", "July", "August", "September")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_SHORT = tuple(name[:3].lower() for name in _WEEKDAYS)
_TIMES = 3
"""So many times each wording is filled."""

Test = Callable[[Fact, datetime], bool]


@dataclass(frozen=True)
class Question:
    """A query, its right answers in order, each with its start where one was asked for by its order."""

    wording: str
    query: str
    right: tuple[str, ...]
    timezone: str | None = None
    held_back: bool = False
    ordered: tuple[datetime, ...] = ()


@dataclass(frozen=True)
class Wording:
    """How something is asked for, and what it means."""

    text: str
    meaning: tuple[tuple[str, str], ...]
    held_back: bool


def wordings() -> Iterator[Wording]:
    """The lines of the data file; every third is held back."""
    lines = [line for line in _WORDINGS.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    for number, line in enumerate(lines):
        text, _, meaning = line.rpartition("|")
        conditions = tuple(
            (name, value) for name, _, value in (one.partition("=") for one in meaning.split())
        )
        yield Wording(text.strip(), conditions, number % 3 == 2)


def questions(facts: Sequence[Fact]) -> Iterator[Question]:
    """Each wording filled in several ways; those that nothing answers are left out."""
    for wording in wordings():
        chance = random.Random(wording.text)
        made: dict[str, Question] = {}
        for _ in range(_TIMES * 4):
            slots = _slots(chance)
            query = wording.text.format_map(slots)
            if query not in made:
                made[query] = _filled(wording, slots, facts)
            if sum(bool(question.right) for question in made.values()) == _TIMES:
                break
        yield from (question for question in made.values() if question.right)


def _slots(chance: random.Random) -> dict[str, str]:
    team, other = chance.sample(BASEBALL, 2)
    football, against = chance.sample(FOOTBALL, 2)
    month, weekday, place = chance.choice(_MONTHS), chance.choice(_WEEKDAYS), chance.choice(BASEBALL)
    course, subject = chance.choice((("Pottery for Beginners", "pottery"), ("Watercolour Painting", "watercolour"),
                                     ("Salsa Dancing", "salsa"), ("Spanish for Beginners", "Spanish")))  # fmt: skip
    return {
        "team": team.club, "other": other.club, "fullteam": team.name, "otherfull": other.name,
        "othercity": other.town, "TEAM": team.club.upper(), "month": month, "MONTH": month.upper(),
        "weekday": weekday, "city": place.town, "park": place.ground, "football": football.club,
        "footballother": against.club, "fallmonth": chance.choice(("September", "October", "November")),
        "course": course, "subject": subject,
        "topic": chance.choice(("cloud security", "tax basics", "email deliverability", "accessible design")),
        "venue": chance.choice(("Clay Studio", "Language House", "Red Cellar", "Art House")),
    }  # fmt: skip


def _filled(wording: Wording, slots: dict[str, str], facts: Sequence[Fact]) -> Question:
    meaning = [(name, value.format_map(slots)) for name, value in wording.meaning]
    asked = dict(meaning)
    zone = asked.get("zone")
    tests = [partial(_CONDITIONS[name], value) for name, value in meaning if name in _CONDITIONS]
    order = next((name for name in ("first", "last") if name in asked), "")
    found = list(_answers(facts, tests, ZoneInfo(zone) if zone else None, upcoming=bool(order)))
    if order:
        count = int(asked[order])
        found = found[:count] if order == "first" else found[-count:]
    return Question(
        wording=wording.text,
        query=wording.text.format_map(slots),
        right=tuple(fact.uid for _, fact in found),
        timezone=zone,
        held_back=wording.held_back,
        ordered=tuple(start for start, _ in found) if order else (),
    )


def _answers(
    facts: Sequence[Fact], tests: Sequence[Test], zone: ZoneInfo | None, *, upcoming: bool
) -> list[tuple[datetime, Fact]]:
    """The first instance of each event that fits; `upcoming`: of those that are still to come."""
    found = []
    for fact in facts:
        clocks = [start.astimezone(zone) for start in fact.starts] if zone else fact.clocks
        for start, clock in zip(fact.starts, clocks, strict=True):
            if (not upcoming or start >= NOW) and all(test(fact, clock) for test in tests):
                found.append((start.astimezone(UTC), fact))
                break
    return sorted(found, key=lambda pair: (pair[0], pair[1].number))


def _is(team: Team | None, name: str) -> bool:
    return team is not None and name in {team.club, team.name}


def _team(value: str, fact: Fact, _: datetime) -> bool:
    return _is(fact.home, value) or _is(fact.away, value)


def _month(value: str, _: Fact, clock: datetime) -> bool:
    names = ("", "January", "February", "March", "April", *_MONTHS, "October", "November", "December")
    return any(
        clock.month == (int(one) if one.isdigit() else names.index(one.title())) for one in value.split(",")
    )


def _weekdays(value: str) -> set[int]:
    return {_SHORT.index(one[:3].lower()) for one in value.split(",")}


def _minutes(value: str) -> int:
    clock = time.fromisoformat(value)
    return clock.hour * 60 + clock.minute


def _minute(clock: datetime) -> int:
    return clock.hour * 60 + clock.minute


def _days(value: str, _: Fact, clock: datetime) -> bool:
    """“2027-06-12..2027-06-14”, or days of the month: “1-15”."""
    if ".." in value:
        first, last = (date.fromisoformat(one) for one in value.split(".."))
        return first <= clock.date() <= last
    first_day, last_day = (int(one) for one in value.split("-"))
    return first_day <= clock.day <= last_day


def _nth(value: str, _: Fact, clock: datetime) -> bool:
    return clock.weekday() == _SHORT.index(value[1:]) and (clock.day - 1) // 7 + 1 == int(value[0])


def _text(value: str, fact: Fact, _: datetime) -> bool:
    return value.replace("_", " ").lower() in fact.summary.lower()


def _place(value: str, fact: Fact, _: datetime) -> bool:
    return value.replace("_", " ") in fact.location


def _at(value: str, _: Fact, clock: datetime) -> bool:
    return abs(_minute(clock) - _minutes(value)) <= timedelta(minutes=15).total_seconds() // 60


_CONDITIONS: dict[str, Callable[[str, Fact, datetime], bool]] = {
    "team": _team,
    "home": lambda value, fact, _: _is(fact.home, value),
    "away": lambda value, fact, _: _is(fact.away, value),
    "either": lambda value, fact, clock: any(_team(one, fact, clock) for one in value.split(",")),
    "kind": lambda value, fact, _: fact.kind == value,
    "sport": lambda value, fact, _: fact.sport == value,
    "city": lambda value, fact, _: fact.city == value,
    "place": _place,
    "title": _text,
    "topic": _text,
    "online": lambda _, fact, __: fact.location == "Online",
    "month": _month,
    "weekday": lambda value, _, clock: clock.weekday() in _weekdays(value),
    "notweekday": lambda value, _, clock: clock.weekday() not in _weekdays(value),
    "days": _days,
    "nth": _nth,
    "from": lambda value, _, clock: _minute(clock) >= _minutes(value),
    "until": lambda value, _, clock: _minute(clock) < _minutes(value),
    "at": _at,
}
