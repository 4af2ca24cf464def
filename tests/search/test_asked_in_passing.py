"""What people ask for in passing: games of no team, clocks of other places, small talk, slips in our own words."""

from __future__ import annotations

import pytest

from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.queries import EventQuery
from engine.search.asking import Found
from engine.search.slips import corrected
from tests.support.engines import created

OWLS, YOGA = "Foxes at Owls", "Yoga at Sunrise"


async def _search(engine: Engine, words: str, timezone: str | None = None) -> Found:
    return await engine.search(EventQuery(query=words), engine.local, timezone)


async def _titles(engine: Engine, words: str, timezone: str | None = None) -> list[str]:
    return [event.summary for event in (await _search(engine, words, timezone)).events]


@pytest.fixture
async def town(engine: Engine) -> Engine:
    """A game at 19:05, and a lesson each week, both in Boston."""
    game = Timing(start="2027-05-02T19:05", duration="PT2H", timezone="America/New_York")
    lesson = Timing(start="2027-05-02T08:00", duration="PT1H", timezone="America/New_York")
    await created(engine, summary=OWLS, location="Owl Park, Boston", when=game)
    weekly = {"when": lesson, "recurrence": "FREQ=WEEKLY;COUNT=4"}
    await created(engine, summary=YOGA, location="Riverside, Boston", **weekly)
    return engine


@pytest.mark.parametrize(
    "words", ["games in May", "games in Boston", "who plays on Sundays?", "gmaes in May"]
)
async def test_games_are_events_with_two_sides(town: Engine, words: str) -> None:
    assert await _titles(town, words) == [OWLS]


async def test_games_are_any_events_where_none_has_two_sides(engine: Engine) -> None:
    await created(
        engine,
        summary="Chess tournament",
        when=Timing(start="2027-05-02T10:00", duration="PT2H", timezone="UTC"),
    )
    assert await _titles(engine, "chess games in May") == ["Chess tournament"]


@pytest.mark.parametrize(
    "words",
    [
        "tickets for the Owls game",
        "first meeting of Owls and Foxes",
        "Owls home games, since it is spring",
        "any Owls games left for my dad?",
        "early Owls games in May",
        "Owls hoem games",
        "Owls games at 7:05",
    ],
)
async def test_small_talk_and_slips_hide_no_event(town: Engine, words: str) -> None:
    assert await _titles(town, words) == [OWLS]


@pytest.mark.parametrize(
    ("words", "zone"),
    [
        ("Owls games before 2 am in London", "Europe/London"),
        ("Owls games in the morning, Tokyo time", "Asia/Tokyo"),
        ("Owls games on a Tokyo clock in the morning", "Asia/Tokyo"),
        ("Owls games after 6 pm Eastern", "America/New_York"),
    ],
)
async def test_a_clock_that_is_named_counts(town: Engine, words: str, zone: str) -> None:
    found = await _search(town, words)
    assert [event.summary for event in found.events] == [OWLS]
    assert found.understood.zone == zone


async def test_a_place_where_events_are_is_no_clock(town: Engine) -> None:
    await created(town, summary="Talk", location="Library, London")
    found = await _search(town, "Owls games after 2 pm in London")
    assert (found.events, found.understood.zone) == ((), None)


async def test_a_town_alone_is_a_place_although_a_team_is_called_so(town: Engine) -> None:
    when = Timing(start="2027-05-09T19:05", duration="PT2H", timezone="America/Chicago")
    await created(town, summary="Boston Foxes at Chicago Owls", location="Lake Park, Chicago", when=when)
    assert await _titles(town, "Boston in May") == [YOGA, OWLS]


def test_a_word_that_an_event_has_is_no_slip() -> None:
    assert corrected("hoem games", {"hoem"}) == ("hoem games", {})
    assert corrected('hoem games "hoem team"', ()) == ('home games "hoem team"', {"hoem": "home"})
