"""Questions in the words of people, put to search_events by a client: each finds what it means and nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.commands.events.timing import Timing
from engine.engine import Engine
from tests.support.engines import created, invite
from tests.tools.caller import Caller, calling, text_of

NY, DENVER = "America/New_York", "America/Denver"
TOWN = (
    ("Owls - Bears", "Owl Park, Boston", "2027-05-01T19:00", NY),  # a Saturday
    ("Owls - Foxes", "Owl Park, Boston", "2027-05-04T19:00", NY),  # a Tuesday
    ("Bears - Owls", "Bear Field, Chicago", "2027-05-11T19:00", NY),  # a Tuesday
    ("Denver Hawks - Owls", "Summit Field, Denver", "2027-05-16T13:00", DENVER),
    ("Owls - Denver Hawks", "Owl Park, Boston", "2027-05-22T13:00", NY),
    ("Concert", "Hall, Denver", "2027-05-13T20:00", DENVER),
    ("Concert", "Hall, Boston", "2027-05-13T20:00", NY),
    ("Fireworks", "Harbour, Boston", "2027-07-04T21:00", NY),
    ("Carols", "Harbour, Boston", "2027-12-24T18:00", NY),
)
OWLS_BEARS, OWLS_FOXES, BEARS_OWLS, HAWKS_OWLS, OWLS_HAWKS, IN_DENVER, IN_BOSTON, FIREWORKS, CAROLS = range(9)
OWLS = (OWLS_BEARS, OWLS_FOXES, BEARS_OWLS, HAWKS_OWLS, OWLS_HAWKS)
ASKED: list[tuple[str, Sequence[int]]] = [
    # holidays by name
    ("what is on on the Fourth of July?", [FIREWORKS]),
    ("Independence Day", [FIREWORKS]),
    ("anything on Christmas Eve?", [CAROLS]),
    # words of the trade
    ("Owls road games", [BEARS_OWLS, HAWKS_OWLS]),
    ("Owls visiting Bears", [BEARS_OWLS]),
    ("Owls home opener", [OWLS_BEARS]),
    ("Hawks home games", [HAWKS_OWLS]),
    ("who visits the Owls in May?", [OWLS_BEARS, OWLS_FOXES, OWLS_HAWKS]),
    # every Tuesday, not the next one
    ("Owls games on a Tuesday", [OWLS_FOXES, BEARS_OWLS]),
    # a place before a team of that name
    ("what's on in Denver in May?", [HAWKS_OWLS, IN_DENVER]),
    ("I'm in Denver on 12-14 May, what's on?", [IN_DENVER]),
    ("concerts in Denver", [IN_DENVER]),
    # a direction
    ("Owls at Bears", [BEARS_OWLS]),
    ("Bears at Owls", [OWLS_BEARS]),
    ("Owls in Chicago", [BEARS_OWLS]),
    ("Owls at Denver Hawks", [HAWKS_OWLS]),
    # small talk
    ("Hi! I would like to see the Owls at home, please", [OWLS_BEARS, OWLS_FOXES, OWLS_HAWKS]),
    ("could you tell me when the fireworks are, thanks", [FIREWORKS]),
    ("my dad loves the Foxes, any games?", [OWLS_FOXES]),
]


async def _town(engine: Engine) -> list[str]:
    made = []
    for summary, place, start, zone in TOWN:
        when = Timing(start=start, duration="PT2H", timezone=zone)
        made.append((await created(engine, summary=summary, location=place, when=when)).uid)
    return made


async def _found(caller: Caller, **arguments: object) -> set[str]:
    return {event["uid"] for event in (await caller.ok("search_events", limit=50, **arguments))["events"]}


async def test_each_question_finds_what_it_means_and_nothing_else(engine: Engine) -> None:
    made = await _town(engine)
    wrong = {}
    async with calling(engine) as caller:
        for query, right in ASKED:
            found = await _found(caller, query=query)
            if found != {made[n] for n in right}:
                wrong[query] = sorted(made.index(uid) for uid in found)
    assert wrong == {}


async def test_mine_and_has_attendees_narrow_what_the_words_find(engine: Engine) -> None:
    made = await _town(engine)
    await invite(engine, await engine.event(made[OWLS_FOXES], engine.local), "ann@example.com")
    async with calling(engine) as caller:
        tuesday = {"query": "Owls games on a Tuesday", "mine": True}
        assert await _found(caller, **tuesday) == {made[OWLS_FOXES], made[BEARS_OWLS]}
        assert await _found(caller, **tuesday, has_attendees=True) == {made[OWLS_FOXES]}
        assert await _found(caller, **tuesday, has_attendees=False) == {made[BEARS_OWLS]}


@pytest.mark.parametrize(
    ("query", "without", "near"),
    [
        ("Owls home games at 9 am in May", "the hour", OWLS_BEARS),
        ("Owls xylophone games", "xylophone", OWLS_BEARS),
        ("concerts with xylophone in Utopia", "xylophone, utopia", IN_DENVER),
    ],
)
async def test_an_empty_answer_offers_the_near_misses(
    engine: Engine, query: str, without: str, near: int
) -> None:
    made = await _town(engine)
    async with calling(engine) as caller:
        result = await caller.call("search_events", query=query)
    data = result.structured_content or {}
    assert data["events"] == []
    assert without in text_of(result)
    assert [miss["without"] for miss in data["near_misses"]] == [without]
    assert (await engine.event(made[near], engine.local)).id in text_of(result)
