"""The events that a page shows: filtered, grouped, and limited in number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, lru_cache
from itertools import groupby
from typing import TypeVar

from cis_mcp.pages.rows import PageRow
from engine.mail.locale.language import ENGLISH, Language
from engine.mail.outgoing import words
from engine.model.pages import Grouping, Page, Show

FIRST = 100
"""Rows of the view that visitors see first."""
_TEAMS_LEAST = 2
_CHOICES_MAX = 200
_WORDS_MAX = 12
_TEXT_MAX = 200
_DAYS_BEGIN = timedelta(minutes=15)
"""Of the hour, where in some zone a day may begin."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class View:
    """What a visitor asks to see; all of it comes from the address, so all of it is bounded."""

    query: str = ""
    team: str = ""
    side: str = ""
    place: str = ""
    month: str = ""
    whole: bool = False

    @property
    def filtered(self) -> bool:
        """True if not all events are shown."""
        return any((self.query, self.team, self.place, self.month))

    @property
    def plain(self) -> tuple[str, ...]:
        """The words of the query, which a row must all have."""
        return tuple(self.query.lower().split())[:_WORDS_MAX]


def view_of(values: Mapping[str, str]) -> View:
    """The view that an address asks for; what is too long is asked for by nobody, and finds nothing."""

    def one(name: str) -> str:
        return " ".join(values.get(name, "")[:_TEXT_MAX].split())

    side = one("side")
    return View(
        query=one("q"),
        team=one("team"),
        side=side if side in {"home", "away"} else "",
        place=one("place"),
        month=one("month"),
        whole=values.get("all") == "1",
    )


@dataclass(frozen=True, slots=True)
class RowGroup:
    """The rows under one heading."""

    key: str
    heading: str
    rows: tuple[PageRow, ...]


@dataclass(frozen=True)
class PageListing:
    """The rows of a page as it is now, and by what visitors may choose among them.

    `until`: the moment from which on another listing is to be made, since an event or the next date of a series is
    over, or the words that choose its events may mean other days; None: none.
    """

    rows: tuple[PageRow, ...]
    until: datetime | None
    teams: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    months: tuple[date, ...] = ()
    zones: tuple[str, ...] = ()
    by_key: dict[str, PageRow] = field(default_factory=dict)

    @property
    def one_zone(self) -> str:
        """The zone of all rows; empty if there are several."""
        return self.zones[0] if len(self.zones) == 1 else ""

    @property
    def slots(self) -> tuple[str, ...]:
        """The uids of those that have so many places and no more."""
        return tuple(row.uid for row in self.rows if row.places)

    @cached_property
    def searched(self) -> tuple[tuple[str, ...], tuple[date, ...]]:
        """What a visitor's words are looked for in: a text of each row, and its day."""
        return tuple(row.searched for row in self.rows), tuple(row.day for row in self.rows)

    @cached_property
    def days(self) -> frozenset[date]:
        """The days of its rows."""
        return frozenset(self.searched[1])

    def named(self, keys: Sequence[str]) -> tuple[PageRow, ...]:
        """The rows with these keys, in the order of the page; unknown keys name none."""
        wanted = set(keys)
        return tuple(row for row in self.rows if row.key in wanted)


def listing(page: Page, rows: Sequence[PageRow], now: datetime) -> PageListing:
    """The listing of those of `rows` that the page shows now."""
    shown = [row for row in rows if _shown(page, row, now)]
    ends = [end for row in rows for end in (row.over, row.span.end_utc) if end and end > now]
    if page.selection.query:
        ends.append(now + _DAYS_BEGIN - (now - _EPOCH) % _DAYS_BEGIN)
    teams = Counter(team for row in shown for team in row.teams)
    return PageListing(
        rows=tuple(shown),
        until=min(ends, default=None),
        teams=tuple(sorted(t for t, n in teams.items() if n >= _TEAMS_LEAST))[:_CHOICES_MAX],
        places=_several(sorted({row.place for row in shown if row.place})),
        months=_several(sorted({row.day.replace(day=1) for row in shown})),
        zones=tuple(sorted({row.span.timezone for row in shown if not row.span.all_day})),
        by_key={row.key: row for row in shown},
    )


def _shown(page: Page, row: PageRow, now: datetime) -> bool:
    if row.past(now) and Show.PAST not in page.shows:
        return False
    return not row.cancelled or Show.CANCELLED in page.shows


def _several(values: Sequence[T]) -> tuple[T, ...]:
    """Choices are offered where there are two or more."""
    return tuple(values)[:_CHOICES_MAX] if len(values) > 1 else ()


def fitting(listed: PageListing, view: View, language: Language = ENGLISH) -> list[PageRow]:
    """The rows that meet all conditions of the view."""
    return narrowed(_found(listed, view, language), replace(view, month=""))


def narrowed(rows: Iterable[PageRow], view: View) -> list[PageRow]:
    """Those of `rows` that meet the conditions of the view other than its words."""
    return [
        row
        for row in rows
        if (not view.month or row.month == view.month)
        and (not view.place or row.place == view.place)
        and (not view.team or _plays(row, view.team, view.side))
    ]


def _found(listed: PageListing, view: View, language: Language) -> Iterable[PageRow]:
    """The rows of its month that show each of its words: a season has few days, so those are asked, not its rows."""
    if not view.plain and not view.month:
        return listed.rows
    found = list(zip(listed.rows, *listed.searched, strict=True))
    if view.month:
        days = {day for day in listed.days if f"{day:%Y-%m}" == view.month}
        found = [each for each in found if each[2] in days]
    for word in view.plain:
        days = {day for day in listed.days if word in _day(day, language)}
        found = [each for each in found if word in each[1] or each[2] in days]
    return [row for row, _, _ in found]


@lru_cache(maxsize=4_096)
def _day(day: date, language: Language) -> str:
    return words.day(day, language).lower()


def _plays(row: PageRow, team: str, side: str) -> bool:
    if side:
        return team == (row.home if side == "home" else row.away)
    return team in row.teams


def groups(rows: Sequence[PageRow], by: Grouping, language: Language = ENGLISH) -> Iterator[RowGroup]:
    """Rows under headings, in their order."""
    for key, found in groupby(rows, lambda row: _first_day(row.day, by)):
        yield RowGroup(key=f"{key:%Y-%m}", heading=_heading(key, by, language), rows=tuple(found))


def _first_day(day: date, by: Grouping) -> date:
    if by is Grouping.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if by is Grouping.WEEK else day


def _heading(day: date, by: Grouping, language: Language) -> str:
    if by is Grouping.MONTH:
        return words.month(day, language)
    told = words.day(day, language)
    return language.say("Week of {day}", day=told) if by is Grouping.WEEK else told
