"""A server that has nothing to do asks the store for nothing but whether anything was kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.inbox import cleaning
from engine.outbox.processes.pool import SenderPool
from engine.outbox.transports import open_transport
from engine.quiet import Quiet
from tests.support.engines import created, deliver, engine_in, invite, working
from tests.support.queries import Queries, counting_queries
from tests.support.waiting import eventually, time_passes

_LOOK = "PRAGMA data_version"


def _looked(queries: Queries, times: int) -> bool:
    """True when so many looks were taken; a fifth of a second passes with each question, for all that wait."""
    time_passes(0.2)
    return queries.by_text[_LOOK] >= times


async def test_an_idle_server_hardly_asks_the_store_anything(tmp_path: Path) -> None:
    with counting_queries() as queries:
        async with engine_in(tmp_path) as engine:
            transport = open_transport(engine.settings)
            async with working(engine, transport):
                tasks = [
                    asyncio.create_task(job) for job in (SenderPool(engine, 2).run(), cleaning.run(engine))
                ]
                await eventually(lambda: _looked(queries, 10))
                queries.zero()
                await eventually(lambda: _looked(queries, 20))
                others = queries.statements - queries.by_text[_LOOK]
                assert others <= 20, (
                    queries.by_text
                )  # of the jobs, each few seconds, and a little of the cleaning
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)


async def test_what_is_kept_by_anybody_ends_the_quiet(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine, engine_in(tmp_path) as other:
        quiet = Quiet(engine.store)
        assert not await quiet.since_last()
        assert await quiet.since_last()
        for writes in (engine, other):
            event = await created(writes)
            assert not await quiet.since_last()
            assert await quiet.since_last()
            await invite(writes, event, "guest@example.com")
            assert not await quiet.since_last()
        await deliver(engine)
