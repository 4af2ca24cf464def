"""What events are found by is kept true, and costs little: older databases, imports, changes that change no words."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.season import ORGANIZER, season
from engine.commands.events.events import UpdateEvent
from engine.engine import Engine
from engine.itip.recurrence import instances
from engine.model.queries import EventQuery
from engine.model.spelling import distance, meant
from engine.store.sqlite.schema import MIGRATIONS
from engine.store.sqlite.search_index import sides, terms
from engine.store.sqlite.search_schema import SEARCH
from engine.store.sqlite.store import SqliteStore
from tests.store.stores import event
from tests.support.clock import START
from tests.support.engines import created, do, engine_in, invite
from tests.support.queries import Queries, counting_queries


def _older_database(path: Path, bodies: list[str]) -> None:
    """A database from before the search, with events."""
    connection = sqlite3.connect(path)
    before = MIGRATIONS.index(SEARCH)
    for script in MIGRATIONS[:before]:
        connection.executescript(script)
    connection.execute(f"PRAGMA user_version = {before}")
    connection.execute("INSERT INTO organizer VALUES ('olga@example.org', '', 0, 0)")
    for n, body in enumerate(bodies):
        values = (f"event{n}", "olga@example.org", "confirmed", 0, 0.0, body)
        connection.execute(
            "INSERT INTO event(uid, organizer, status, sequence, starts, body) VALUES (?,?,?,?,?,?)", values
        )
    connection.commit()
    connection.close()


async def test_events_of_an_older_database_are_found_once_it_is_opened(tmp_path: Path) -> None:
    made = [event(f"event{n}", summary=f"Meeting {n}") for n in range(1_203)]
    made[7] = event("event7", summary="Weekly", recurrence="FREQ=WEEKLY", ends_at=None)
    _older_database(tmp_path / "store.sqlite3", [one.model_dump_json() for one in made])
    store = await SqliteStore.open(tmp_path / "store.sqlite3", expand=instances)
    try:
        assert len((await store.search(EventQuery(query="meeting 1202"))).events) == 1
        late = await store.search(EventQuery(query="weekly", after=made[7].span.end.replace(year=2040)))
        assert len(late.events) == 1
        listed, cursor = 0, None
        while listed == 0 or cursor:
            page = await store.search(EventQuery(limit=100, cursor=cursor))
            listed, cursor = listed + len(page.events), page.next_cursor
        assert listed == len(made)
    finally:
        await store.close()


async def test_what_a_season_costs_to_write_and_to_move_grows_with_its_games_alone(tmp_path: Path) -> None:
    few, many = [await _written_and_moved(tmp_path / str(n), n) for n in (300, 600)]
    assert many.statements < 2.1 * few.statements
    assert many.steps < 2.1 * few.steps


async def _written_and_moved(folder: Path, count: int) -> Queries:
    games = [game.event for game in islice(season(), count)]
    with counting_queries() as queries:
        async with engine_in(folder) as engine:
            queries.zero()
            async with engine.store.unit() as unit:
                await unit.ensure_organizer(ORGANIZER, "", START)
                for game in games:
                    await unit.add_event(game)
            async with engine.store.unit() as unit:
                for game in games:
                    await unit.save_event(game.model_copy(update={"location": f"New {game.location}"}))
            found = replace(queries)
            await _moved_are_found(engine, {game.uid for game in games})
    return found


async def _moved_are_found(engine: Engine, uids: set[str]) -> None:
    found = await engine.search(EventQuery(query="at New Ivy Field", limit=100), engine.local)
    assert {e.uid for e in found.events} == uids & {
        game.event.uid for game in season() if game.home.ground == "Ivy Field"
    }
    assert (await engine.search(EventQuery(query='"field, windy"'), engine.local)).events != ()


def _indexed(path: Path) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(path)
    try:
        return list(
            connection.execute("SELECT id, word FROM search_word UNION ALL SELECT * FROM event_text_data")
        )
    finally:
        connection.close()


async def test_invites_and_changes_of_no_words_leave_the_index_alone(engine: Engine) -> None:
    made = await created(engine)
    before = _indexed(engine.settings.database)
    await invite(engine, made, "ann@example.com")
    await do(engine, UpdateEvent(uid=made.uid, organizer_name="Olga", url="https://example.org/x"))
    assert _indexed(engine.settings.database) == before


async def test_use_of_words_equals_a_recount_after_many_changes(engine: Engine) -> None:
    made = [await created(engine, summary=f"Kites vs Larks {n}", location="Hill Park") for n in range(4)]
    for n, one in enumerate(made):
        await do(
            engine, UpdateEvent(uid=one.uid, summary="Larks at Owls" if n % 2 else "Chess", location="Barn")
        )
    connection = sqlite3.connect(engine.settings.database)
    used = dict(
        connection.execute("SELECT word, n || ',' || teams || ',' || places FROM word_use WHERE n > 0")
    )
    connection.close()
    assert used == {"larks": "2,2,0", "at": "2,0,0", "owls": "2,2,0", "chess": "2,0,0", "barn": "4,0,4"}


@pytest.mark.parametrize(
    ("summary", "home", "away"),
    [
        ("Kites vs Larks", "Kites", "Larks"),
        ("Kites VS. Larks", "Kites", "Larks"),
        ("Larks @ Kites", "Kites", "Larks"),
        ("Larks at Kites", "Kites", "Larks"),
        ("Kites - Larks", "Kites", "Larks"),
        ("Well-being at work", "work", "Well-being"),
        ("Chess", "", ""),
        ("vs", "", ""),
    ],
)
def test_sides_follow_the_ways_games_are_called(summary: str, home: str, away: str) -> None:
    assert sides(summary) == (home, away)


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("kites", "kites", 0),
        ("kits", "kites", 1),
        ("kties", "kites", 1),
        ("kytez", "kites", 2),
        ("a", "xyz", 3),
    ],
)
def test_slips_are_counted_as_people_make_them(one: str, other: str, slips: int) -> None:
    assert distance(one, other, 5) == distance(other, one, 5) == slips
    assert distance(one, other, 0) == min(slips, 1)


@given(st.text("abc", max_size=8), st.text("abc", max_size=8), st.integers(0, 3))
def test_a_distance_is_at_most_one_more_than_asked_and_zero_for_equals(
    one: str, other: str, most: int
) -> None:
    found = distance(one, other, most)
    assert found == distance(other, one, most) <= most + 1
    assert (found == 0) == (one == other)


def test_the_nearest_known_word_is_meant_and_of_equals_the_one_used_most() -> None:
    assert meant("lanters", [("lanterns", 1), ("canters", 9)]) == "lanterns"
    assert meant("kitez", [("kites", 1), ("kitel", 9)]) == "kitel"
    assert meant("road", [("broad", 9)]) is None
    assert meant("abc", [("abd", 9)]) is None
    assert meant("2027", [("2028", 9)]) is None


def test_terms_are_lower_case_and_without_accents() -> None:
    assert terms("Café_Été, O'Neill 2nd") == ("cafe", "ete", "o", "neill", "2nd")
