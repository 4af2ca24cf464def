"""Questions of all kinds over a whole season, held against answers that the games themselves give."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bench.questions import NOW, QUESTIONS, Question, grades
from bench.season import GAMES, ORGANIZER, TEAMS, season
from engine.engine import Engine
from engine.model.queries import EventQuery
from tests.support.clock import Clock
from tests.support.engines import engine_in

SEASON = list(season())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def league(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """An engine that knows the whole season."""
    folder: Path = tmp_path_factory.mktemp("season")
    async with engine_in(folder, clock=Clock(NOW)) as engine:
        async with engine.store.unit() as unit:
            await unit.ensure_organizer(ORGANIZER, "", NOW)
            for game in SEASON:
                await unit.add_event(game.event)
        yield engine


async def _found(engine: Engine, question: Question) -> list[str]:
    """The uids on all pages."""
    found, cursor = list[str](), None
    while True:
        query = EventQuery(query=question.query, limit=100, cursor=cursor)
        page = await engine.search(query, engine.local, question.timezone or None)
        found += [event.uid for event in page.events]
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_the_season_is_of_real_size_and_the_questions_are_many() -> None:
    assert (len(SEASON), GAMES, len(TEAMS)) == (2_430, 2_430, 30)
    assert len(QUESTIONS) >= 60
    answered = [q for q in QUESTIONS if any(q.right(game) for game in SEASON)]
    assert len(answered) >= 60


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.query)
async def test_a_clear_question_is_answered_exactly(league: Engine, question: Question) -> None:
    found = await _found(league, question)
    right = {game.uid for game in SEASON if question.right(game)}
    assert len(found) == len(set(found))
    assert grades(right, set(found)) == (1.0, 1.0)


@pytest.mark.asyncio(loop_scope="module")
async def test_pages_follow_the_start_of_the_games(league: Engine) -> None:
    found = await _found(league, Question("Orioles", lambda _: True))
    starts = {game.uid: game.event.span.start_utc for game in SEASON}
    assert [starts[uid] for uid in found] == sorted(starts[uid] for uid in found)


def test_grades_tell_what_is_missing_and_what_is_too_much() -> None:
    assert grades({"a", "b"}, {"a", "c", "d", "e"}) == (0.25, 0.5)
    assert grades(set(), set()) == (1.0, 1.0)
    assert grades({"a"}, set()) == (1.0, 0.0)
    assert grades(set(), {"a"}) == (0.0, 0.0)
