"""Questions about the season, each with its right answers, told by the games and not by the search."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from bench.season import Game

NOW = datetime(2027, 4, 14, 15, 0, tzinfo=UTC)
"""A Wednesday, two weeks into the season."""

TODAY = NOW.date()
Right = Callable[[Game], bool]
_NEW_YORK = "America/New_York"


@dataclass(frozen=True)
class Question:
    """A query and which games are right; `timezone`: the caller's clock, empty: that of each game."""

    query: str
    right: Right
    timezone: str = ""


def _is(club: str) -> Right:
    return lambda g: club in {g.home.club, g.away.club}


def _home(club: str) -> Right:
    return lambda g: g.home.club == club


def _away(club: str) -> Right:
    return lambda g: g.away.club == club


def _on(*days: date) -> Right:
    return lambda g: g.start.date() in days


def _month(*months: int) -> Right:
    return lambda g: g.start.month in months


def _span(first: date, last: date) -> Right:
    return lambda g: first <= g.start.date() <= last


def _weekdays(*days: int) -> Right:
    return lambda g: g.start.weekday() in days


def _clock(since: time, until: time) -> Right:
    return lambda g: since <= g.start.time() < until


def _all(*conditions: Right) -> Right:
    return lambda g: all(condition(g) for condition in conditions)


def _any(*conditions: Right) -> Right:
    return lambda g: any(condition(g) for condition in conditions)


def _not(condition: Right) -> Right:
    return lambda g: not condition(g)


def _day(month: int, day: int) -> date:
    return date(2027, month, day)


def _there(zone: str, condition: Callable[[datetime], bool]) -> Right:
    """A condition on the start as a clock in `zone` shows it."""

    def right(game: Game) -> bool:
        return condition(game.start.replace(tzinfo=ZoneInfo(game.home.zone)).astimezone(ZoneInfo(zone)))

    return right


def _meet(one: str, other: str) -> Right:
    return lambda g: {g.home.club, g.away.club} == {one, other}


_WEEKEND = _weekdays(5, 6)
_EVENING = _clock(time(17), time(23))
_MORNING = _clock(time(5), time(12))
_AFTERNOON = _clock(time(12), time(17))
_NIGHT = _clock(time(18), time.max)

QUESTIONS = (
    # teams
    Question("Orioles home games on weekend evenings in May", _all(_home("Orioles"), _WEEKEND, _EVENING, _month(5))),
    Question("Orioles", _is("Orioles")),
    Question("orioles games", _is("Orioles")),
    Question("Bayport Orioles home games", _home("Orioles")),
    Question("home games of the Lanterns", _home("Lanterns")),
    Question("away games of the Seals in July", _all(_away("Seals"), _month(7))),
    Question("Brewers on the road in June", _all(_away("Brewers"), _month(6))),
    Question("Cubs at home this weekend", _all(_home("Cubs"), _on(_day(4, 17), _day(4, 18)))),
    Question("Orioles vs Lanterns", _meet("Orioles", "Lanterns")),
    Question("Orioles home games against the Lanterns", _all(_home("Orioles"), _away("Lanterns"))),
    Question("Lanterns away games against the Orioles", _all(_home("Orioles"), _away("Lanterns"))),
    Question("when do the Yorkers play the Comets?", _meet("Yorkers", "Comets")),
    Question("Pale Sox games in August", _all(_is("Pale Sox"), _month(8))),
    Question("who plays the Loons on Sundays", _all(_is("Loons"), _weekdays(6))),
    Question("show me all Monarchs home games please", _home("Monarchs")),
    # places
    Question("games at Ivy Field", _home("Cubs")),
    Question("games at Harbor Yards in May", _all(_home("Orioles"), _month(5))),
    Question("games in Bayport", _home("Orioles")),
    Question("Orioles games in Northfield", _all(_away("Orioles"), _home("Lanterns"))),
    Question("Sunshine Dome this week", _all(_home("Pelicans"), _span(_day(4, 12), _day(4, 18)))),
    Question("Seals at Puget Park", _all(_is("Seals"), _home("Navigators"))),
    # slips, beginnings, plurals
    Question("Oriols home games", _home("Orioles")),
    Question("Lanters in June", _all(_is("Lanterns"), _month(6))),
    Question("Navigatros away games", _away("Navigators")),
    Question("Wranglres home games in may", _all(_home("Wranglers"), _month(5))),
    Question("Oriole games", _is("Orioles")),
    Question("astro games in July", _all(_is("Astronauts"), _month(7))),
    Question("games at Sunshin Dome", _home("Pelicans")),
    Question("Scorpoins vs Summits", _meet("Scorpions", "Summits")),
    Question("ORIOLES HOME GAMES MAY", _all(_home("Orioles"), _month(5))),
    # days
    Question("games today", _on(TODAY)),
    Question("games tomorrow evening", _all(_on(_day(4, 15)), _EVENING)),
    Question("tonight", _all(_on(TODAY), _clock(time(17), time.max))),
    Question("Orioles next Friday", _all(_is("Orioles"), _on(_day(4, 23)))),
    Question("Orioles this Friday", _all(_is("Orioles"), _on(_day(4, 16)))),
    Question("Friday", _on(_day(4, 16))),
    Question("this weekend", _on(_day(4, 17), _day(4, 18))),
    Question("next weekend", _on(_day(4, 24), _day(4, 25))),
    Question("Comets next week", _all(_is("Comets"), _span(_day(4, 19), _day(4, 25)))),
    Question("Comets in two weeks", _all(_is("Comets"), _span(_day(4, 26), _day(5, 2)))),
    Question("Comets in 3 days", _all(_is("Comets"), _on(_day(4, 17)))),
    Question("June 5", _on(_day(6, 5))),
    Question("games on 5 June", _on(_day(6, 5))),
    Question("the 4th of July", _on(_day(7, 4))),
    Question("games on July 4th, 2027", _on(_day(7, 4))),
    Question("2027-05-02", _on(_day(5, 2))),
    Question("games on 6/5/2027", _on(_day(6, 5))),
    Question("between 3 and 7 June", _span(_day(6, 3), _day(6, 7))),
    Question("Halos from June 3 to June 7", _all(_is("Halos"), _span(_day(6, 3), _day(6, 7)))),
    Question("Halos games June 3-7", _all(_is("Halos"), _span(_day(6, 3), _day(6, 7)))),
    Question("Seals after June 5", _all(_is("Seals"), lambda g: g.start.date() > _day(6, 5))),
    Question("Seals before May", _all(_is("Seals"), lambda g: g.start.date() < _day(5, 1))),
    Question("Orioles since the first of May until the end of June", _all(_is("Orioles"), _month(5, 6))),
    Question("first weekend of May", _on(_day(5, 1), _day(5, 2))),
    Question("last Friday in June", _on(_day(6, 25))),
    Question("the last week of May", _span(_day(5, 25), _day(5, 31))),
    Question("early June Bells games", _all(_is("Bells"), _span(_day(6, 1), _day(6, 10)))),
    Question("late August at Cove Park", _all(_home("Seals"), _span(_day(8, 22), _day(8, 31)))),
    Question("Marlins in May or June", _all(_is("Marlins"), _month(5, 6))),
    Question("Marlins next month", _all(_is("Marlins"), _month(5))),
    Question("Marlins in Q3", _all(_is("Marlins"), _month(7, 8, 9))),
    Question("Marlins within the next 10 days", _all(_is("Marlins"), _span(TODAY, _day(4, 24)))),
    Question("Marlins in the week of May 12", _all(_is("Marlins"), _span(_day(5, 10), _day(5, 16)))),
    # days of the week and times of day
    Question("Orioles on weekends", _all(_is("Orioles"), _WEEKEND)),
    Question("Orioles on weekdays in the afternoon", _all(_is("Orioles"), _not(_WEEKEND), _AFTERNOON)),
    Question("Tuesday and Thursday games of the Oaks", _all(_is("Oaks"), _weekdays(1, 3))),
    Question("Friday night games at Ivy Field", _all(_home("Cubs"), _weekdays(4), _NIGHT)),
    Question(
        "Saturdays in May after lunch at Barley Park",
        _all(_home("Brewers"), _weekdays(5), _month(5), _clock(time(13), time.max)),
    ),
    Question("Orioles Saturday afternoons", _all(_is("Orioles"), _weekdays(5), _AFTERNOON)),
    Question("Chiefs games after 7pm", _all(_is("Chiefs"), _clock(time(19), time.max))),
    Question("Chiefs before 1pm", _all(_is("Chiefs"), _clock(time(0), time(13)))),
    Question("Chiefs between 1 and 2 pm", _all(_is("Chiefs"), _clock(time(13), time(14)))),
    Question("Chiefs day games", _all(_is("Chiefs"), _clock(time(6), time(17)))),
    Question("Chiefs at 7:05pm on Mondays", _all(_is("Chiefs"), _weekdays(0), _clock(time(18, 50), time(19, 21)))),
    Question("weekday mornings", _all(_not(_WEEKEND), _MORNING)),
    Question("weekend afternoon games in September", _all(_WEEKEND, _AFTERNOON, _month(9))),
    # a caller's clock
    Question("Halos evening games", _all(_is("Halos"), _there(_NEW_YORK, lambda t: 17 <= t.hour < 23)), _NEW_YORK),
    Question("Seals home games after 10pm", _all(_home("Seals"), _there(_NEW_YORK, lambda t: t.hour >= 22)), _NEW_YORK),
    Question(
        "games on Sundays in May",
        _there("Asia/Tokyo", lambda t: t.weekday() == 6 and t.month == 5),
        "Asia/Tokyo",
    ),
    # nothing
    Question("Orioles in December", lambda _: False),
    Question("Orioles vs Zzyzx", lambda _: False),
    Question("cancelled games", lambda _: False),
)  # fmt: skip


def grades(right: set[str], found: set[str]) -> tuple[float, float]:
    """Precision and recall; where nothing is right, finding nothing is both."""
    if not right and not found:
        return 1.0, 1.0
    both = len(right & found)
    return (both / len(found) if found else 1.0), (both / len(right) if right else float(not found))
