"""What a query leaves out is left out, or nothing is found: never the opposite. It is 1 March 2027."""

from __future__ import annotations

import pytest

from engine.commands.events.events import CancelEvent
from engine.commands.events.timing import Timing
from engine.engine import Engine
from engine.model.events import EventStatus
from engine.model.queries import EventQuery
from engine.search.asking import Found
from engine.search.grammar import read
from tests.support.clock import START
from tests.support.engines import created, do
from tests.tools.caller import Mode, calling, text_of

FOXES, BEARS, YOGA, CALLED_OFF = "Foxes at Owls", "Bears at Owls", "Sunrise Yoga", "Sunset Yoga"


async def _search(engine: Engine, words: str) -> Found:
    return await engine.search(EventQuery(query=words), engine.local)


async def _titles(engine: Engine, words: str) -> list[str]:
    return [event.summary for event in (await _search(engine, words)).events]


def _at(start: str) -> Timing:
    return Timing(start=start, duration="PT2H", timezone="America/New_York")


@pytest.fixture
async def town(engine: Engine) -> Engine:
    """Two games and two lessons, one of them cancelled."""
    await created(engine, summary=FOXES, location="Owl Park, Boston", when=_at("2027-05-02T19:05"))
    await created(engine, summary=BEARS, location="Owl Park, Boston", when=_at("2027-06-05T19:05"))
    await created(engine, summary=YOGA, location="Riverside, Denver", when=_at("2027-06-09T08:00"))
    off = await created(
        engine, summary=CALLED_OFF, location="Riverside, Boston", when=_at("2027-07-02T20:00")
    )
    await do(engine, CancelEvent(uid=off.uid))
    return engine


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("Owls home games except against Foxes", [BEARS]),
        ("Owls games other than the Foxes game", [BEARS]),
        ("Owls games, not Foxes or Bears", []),
        ("Owls games in 2027 but not in May", [BEARS]),
        ("Owls games except May 2", [BEARS]),
        ("Owls games except from May 1 to May 9", [BEARS]),
        ("Owls games without May and June", []),
        ("Owls games not after May", [FOXES]),
        ("Owls games not playing the Foxes", [BEARS]),
        ("yoga that is not cancelled", [YOGA]),
        ("yoga that isn't canceled", [YOGA]),
        ("yoga not in Denver", [CALLED_OFF]),
        ("yoga not in Boston", [YOGA]),
        ("events not in Boston", [YOGA]),
        ("every game but the Foxes game", [BEARS]),
        ("Owls games every day but Sunday", [BEARS]),
        ("Owls games except Saturdays and Sundays", []),
        ("Owls games except Monday to Saturday", [FOXES]),
        ("events in June except Yoga", [BEARS]),
        ('events in June except "Sunrise Yoga"', [BEARS]),
        ("tomorrow or later, not Foxes or yoga", []),
        ("anything in June but not Yoga", [BEARS]),
        ("Owls games, I do not want Foxes", [BEARS]),
        ("Owls games not facing the Foxes", [BEARS]),
        ("Owls games, not those in May", [BEARS]),
        ("yoga not located in Boston", [YOGA]),
        ("show me all but Foxes", [BEARS, YOGA, CALLED_OFF]),
    ],
)
async def test_what_is_left_out_is_not_found(town: Engine, words: str, right: list[str]) -> None:
    found = await _search(town, words)
    assert ([event.summary for event in found.events], found.read.unknown) == (right, ())


@pytest.mark.parametrize(
    "words",
    [
        "Owls games except in the evening",
        "Owls games not before 7 pm",
        "Owls games except against Foxes in May",
        "Owls games not in May at Owl Park",
        "Owls games except Foxes and Bears",
        "Owls games in 2028 but not in May",
        "Owls games except the next one",
        "Owls games except away games",
        "Owls games except Sunday evenings",
        "Owls games without kids",
        "not Foxes",
        "Owls games except against Hawks",
        "why can I not see Owls games",
        "why can I not see the games in May",
        "I have no Owls game",
        "there is no Owls game in my calendar",
        "I don't need tickets, when do the Owls play",
        "I am not getting mails about the games in May",
        "I am not going to the Owls game",
        "Owls games, do not find Foxes",
    ],
)
async def test_what_cannot_be_left_out_finds_nothing_and_is_told(town: Engine, words: str) -> None:
    found = await _search(town, words)
    assert (found.events, found.search_cursor, len(found.read.unknown)) == ((), None, 1)


@pytest.mark.parametrize(
    "words",
    [
        "not sure when, Owls games",
        "Owls games, only in May or not",
        "I could not find the Owls game",
        "I could not find the games in May",
        "I do not know when the Owls play",
    ],
)
async def test_a_no_of_the_person_who_asks_leaves_nothing_out(town: Engine, words: str) -> None:
    assert FOXES in await _titles(town, words)


async def test_a_no_in_the_name_of_an_event_is_its_name(town: Engine) -> None:
    await created(town, summary="No Limit Poker", when=_at("2027-05-08T20:00"))
    assert await _titles(town, "No Limit Poker in May") == ["No Limit Poker"]


@pytest.mark.parametrize("words", ["next Owls game", "the first game", "next two Owls games"])
async def test_the_next_one_is_one_that_takes_place(town: Engine, words: str) -> None:
    (first,) = (await _search(town, "Foxes")).events
    await do(town, CancelEvent(uid=first.uid))
    found = await _search(town, words)
    assert [event.summary for event in found.events] == [BEARS]
    assert found.understood.status is EventStatus.CONFIRMED
    off = await _search(town, "next cancelled Owls game")
    assert [event.summary for event in off.events] == [FOXES]


async def test_a_tool_says_what_it_cannot_leave_out_and_offers_nothing_instead(
    town: Engine, mode: Mode
) -> None:
    async with calling(town, mode) as caller:
        result = await caller.call("search_events", query="Owls games except in the evening")
        data = await caller.ok("search_events", query="Owls games except in the evening")
    assert "The search cannot leave out “except in the evening”" in text_of(result)
    assert (data["events"], data["search_cursor"], data["near_misses"]) == ([], None, [])
    assert data["understood"]["unknown"] == ["except in the evening"]


async def test_what_was_left_out_is_told(town: Engine, mode: Mode) -> None:
    async with calling(town, mode) as caller:
        data = await caller.ok("search_events", query="Owls games except against Foxes")
    assert data["understood"]["words"] == ["owls", "not foxes"]


def test_spans_that_are_left_out_cut_those_that_are_asked_for() -> None:
    spans = read("games in May except May 5 to 7", START).spans
    assert [(f"{one.start:%m-%d}", f"{one.end:%m-%d}") for one in spans] == [
        ("05-01", "05-05"),
        ("05-08", "06-01"),
    ]
    (nothing,) = read("games in May except in May", START).spans
    assert nothing.empty
