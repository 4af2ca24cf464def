"""Background work looks after each commit, so each call pays for a look: few statements tell that there is nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.jobs import jobs
from engine.triggers import worker
from tests.support.engines import created, deliver, engine_in, invite
from tests.support.queries import Queries, counting_queries


@pytest.fixture
async def asked(tmp_path: Path) -> AsyncIterator[tuple[Engine, Queries]]:
    """An engine in which an invite was sent, and what its store is asked from then on."""
    with counting_queries() as queries:
        async with engine_in(tmp_path) as engine:
            await invite(engine, await created(engine), "guest@example.com")
            await deliver(engine)
            queries.zero()
            yield engine, queries


async def test_a_look_for_jobs_is_one_statement_if_there_are_none(asked: tuple[Engine, Queries]) -> None:
    engine, queries = asked
    assert not await jobs.step(engine)
    assert queries.different == 1, queries.by_text


async def test_a_look_for_deliveries_is_two_statements_if_there_are_no_triggers(
    asked: tuple[Engine, Queries],
) -> None:
    engine, queries = asked
    assert not await worker.step(engine)
    assert queries.different == 2, queries.by_text


async def test_an_invite_to_somebody_new_takes_few_statements(asked: tuple[Engine, Queries]) -> None:
    engine, queries = asked
    event = await created(engine)
    queries.zero()
    await invite(engine, event, "another@example.com")
    assert queries.different <= 36, queries.by_text
