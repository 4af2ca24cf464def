"""Evaluate the VTIMEZONEs of received calendars (RFC 5545, 3.6.5)."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from engine.itip import zones
from engine.itip.content_lines import Component
from engine.itip.expansion import Budget, forward
from engine.itip.rule import RecurrenceRule, parse
from engine.itip.values import read_value
from engine.refusals import Code, Refused

_OFFSET = re.compile(r"([+-])(\d{1,2})(\d\d)(\d\d)?")
_YEARS = 4  # an embedded definition is read for this many years before and after the event
_MAX_ONSETS = 400
_MAX_PROPERTIES = 5_000
_MAX_DAYS = 7  # weekdays of one rule: the rules of time zones are simple
_MAX_RULE = 300
_KEPT_DAYS = 20_000
_CACHED = 8_000  # characters of a definition that is worth keeping
_PART_COST = 20  # reading one of its parts costs as much as examining this many days


@dataclass(frozen=True, slots=True)
class Observances:
    """Changes of UTC offset: `offsets[i]` applies from the local time `onsets[i]` on, `before` until the first."""

    onsets: tuple[datetime, ...]
    offsets: tuple[timedelta, ...]
    before: timedelta

    def offset(self, local: datetime) -> timedelta:
        """The UTC offset at the naive local time `local`."""
        index = bisect_right(self.onsets, local)
        return self.offsets[index - 1] if index else self.before

    def utc(self, local: datetime) -> datetime:
        """The moment in UTC of the naive local time `local`."""
        return (local - self.offset(local)).replace(tzinfo=UTC)


# reading


def _offset(component: Component, name: str) -> timedelta | None:
    prop = component.first(name)
    match = _OFFSET.fullmatch(prop.value.strip().replace(":", "")) if prop else None
    if not match:
        return None
    sign, hours, minutes, seconds = match.groups()
    offset = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
    return None if offset >= timedelta(days=1) else -offset if sign == "-" else offset


def _moment(text: str) -> datetime | None:
    try:
        value, _ = read_value(text.partition("/")[0])
    except ValueError:
        return None
    return value if isinstance(value, datetime) else datetime.combine(value, time())


@lru_cache(maxsize=512)
def _rule(text: str) -> RecurrenceRule | None:
    """The rule, or None if it cannot be parsed or is longer than those of time zones."""
    try:
        return parse(text) if len(text) <= _MAX_RULE else None
    except Refused:
        return None


def _yearly(text: str, start: datetime, year: int, budget: Budget) -> list[datetime]:
    """Onsets of a yearly rule in the years around `year`; empty for a rule of another kind."""
    rule = _rule(text)
    if rule is None:
        return []
    until = _moment(rule.until) if rule.until else None
    found: list[datetime] = []
    odd = len(rule.byday) > _MAX_DAYS or rule.byweekno or rule.byyearday or rule.bysetpos
    if rule.freq != "YEARLY" or odd or (until and until.year < year - _YEARS) or budget.left < 0:
        return found
    for day in forward(rule, start.date(), date(max(year - _YEARS, start.year), 1, 1), budget):
        onset = datetime.combine(day, start.time())
        if day.year > year + _YEARS or (until and onset > until) or len(found) >= _MAX_ONSETS:
            break
        found.append(onset)
    return found


def _onsets(component: Component, year: int, budget: Budget) -> list[datetime]:
    first = component.first("DTSTART")
    start = _moment(first.value) if first else None
    if start is None or start.year > year + _YEARS:
        return []
    texts = [text for p in component.all("RDATE") for text in p.value.split(",")]
    if not budget.spend(len(texts)):
        return []
    rdates = [moment for text in texts if (moment := _moment(text))]
    rules = [p.value for p in component.all("RRULE")][:1]
    found = [onset for rule in rules for onset in _yearly(rule, start, year, budget)]
    return [start, *rdates, *found]


def evaluate(component: Component, year: int, budget: Budget | None = None) -> Observances | None:
    """The offsets that an embedded VTIMEZONE defines around `year`; None if it defines none.

    Raises Refused(TOO_LARGE) if that takes more than `budget`.
    """
    return define(component).around(year, budget or Budget())


@dataclass(frozen=True, slots=True)
class Definition:
    """A VTIMEZONE, compared by its text; `text` is empty if it is too long to be cached."""

    text: str
    component: Component = field(compare=False)

    def around(self, year: int, budget: Budget) -> Observances | None:
        """As `evaluate`; a cached result spends as much of the budget as a new one."""
        if self.text:
            observed, spent = _kept(self, year)
            budget.spend(spent)
        else:
            observed = _evaluated(self.component, year, budget)
        if budget.left < 0:
            raise complicated()
        return observed


def complicated() -> Refused:
    """The refusal of time zones that take too long to evaluate."""
    return Refused(
        Code.TOO_LARGE, "The calendar's own time zones are too complicated.", "Use IANA names for zones."
    )


def define(component: Component) -> Definition:
    """The definition in `component`. Raises Refused(TOO_LARGE) if it has more than 5,000 components and properties."""
    parts = (component, *component.components)
    if len(parts) + sum(len(part.properties) for part in parts) > _MAX_PROPERTIES:
        raise complicated()
    lines = [f"{part.name}\t{p.name}\t{p.value}" for part in parts for p in part.properties]
    text = "\n".join(lines)
    return Definition(text if len(text) <= _CACHED else "", component)


@lru_cache(maxsize=128)
def _kept(definition: Definition, year: int) -> tuple[Observances | None, int]:
    """The offsets of a definition, cached since the same few recur; and how many days of the budget they cost."""
    budget = Budget(_KEPT_DAYS)
    observed = _evaluated(definition.component, year, budget)
    return observed, _KEPT_DAYS - budget.left


def _evaluated(component: Component, year: int, budget: Budget) -> Observances | None:
    changes: list[tuple[datetime, timedelta, timedelta]] = []
    for part in component.components:
        if not budget.spend(_PART_COST):
            return None
        after, before = _offset(part, "TZOFFSETTO"), _offset(part, "TZOFFSETFROM")
        if after is not None:
            before = after if before is None else before
            # local times that the clock skips use the offset before the change (RFC 5545, 3.3.5)
            jump = max(after - before, timedelta())
            changes += [(onset + jump, after, before) for onset in _onsets(part, year, budget)]
    if not changes or budget.left < 0:
        return None
    changes.sort()
    return Observances(tuple(c[0] for c in changes), tuple(c[1] for c in changes), changes[0][2])


def _samples(observed: Observances, start: datetime) -> list[datetime]:
    """Local times over two years from `start` on; not before, since definitions often begin with the event's year."""
    end = start + timedelta(days=730)
    weekly = [start + timedelta(days=7 * n) for n in range(105)]
    near = [o for o in observed.onsets if start < o - timedelta(days=1) and o < end]
    return weekly + [o + timedelta(hours=h) for o in near for h in (-13, -4, 4, 13)]


def equivalent(observed: Observances, start: datetime) -> str | None:
    """An IANA zone with the same offsets as `observed` for two years from the naive local time `start`, or None."""
    samples = [(local, observed.offset(local)) for local in _samples(observed, start)]
    distinct = {offset for _, offset in samples}
    if len(distinct) == 1 and (zone := zones.fixed(distinct.pop())):
        return zone
    for name in zones.representatives():
        zone_info = zones.info(name)
        if all(local.replace(tzinfo=zone_info).utcoffset() == offset for local, offset in samples):
            return name
    return None


def agrees(observed: Observances, zone: str, year: int) -> bool:
    """True if the definition has the offsets of the IANA zone `zone` throughout `year`."""
    return _same(observed, zone, _of_year(year, observed))


def abbreviated(component: Component, observed: Observances, zone: str, year: int) -> bool:
    """True if the definition has only the standard time of `zone` and omits its daylight saving time."""
    if any(part.name == "DAYLIGHT" for part in component.components):
        return False
    offsets = {observed.offset(local) for local in _of_year(year, observed)}
    info = zones.info(zone)
    own = {local.replace(tzinfo=info).utcoffset() for local in _of_year(year, observed)}
    return len(offsets) == 1 and offsets <= own


def _of_year(year: int, observed: Observances) -> list[datetime]:
    """Local times throughout `year`: every week, and before and after each change."""
    weekly = [datetime(year, 1, 1, 12) + timedelta(days=7 * n) for n in range(53)]  # noqa: DTZ001
    near = [o + timedelta(hours=h) for o in observed.onsets if o.year == year for h in (-4, 4)]
    return [moment for moment in (*weekly, *near[:40]) if moment.year == year]


def _same(observed: Observances, zone: str, samples: Iterable[datetime]) -> bool:
    info = zones.info(zone)
    return all(local.replace(tzinfo=info).utcoffset() == observed.offset(local) for local in samples)
