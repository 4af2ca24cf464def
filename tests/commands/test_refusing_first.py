"""A request of a table that refuses has written nothing; one that wrote before it refused undoes its whole unit."""

from __future__ import annotations

import pytest

from engine.commands.approvals.policies import refuse_unasked
from engine.commands.base import Work
from engine.commands.tables.batch import Batch, EventCommand, Step
from engine.engine import Engine
from engine.refusals import Code, Refused


class Blocks(Step):
    """Refuses, and writes before if it is told to."""

    name = "1"

    def __init__(self, *, writes: bool) -> None:
        self.writes = writes

    async def command(self, work: Work) -> EventCommand:
        if self.writes:
            await work.unit.block("ann@example.com", "olga@example.org", work.now)
        raise Refused(Code.INVALID_ARGUMENT, "No.")


async def blocked(engine: Engine) -> bool:
    async with engine.store.unit() as unit:
        return bool(await unit.barred("olga@example.org", ["ann@example.com"]))


async def test_a_request_that_refuses_first_is_one_failed_row(engine: Engine) -> None:
    done = await engine.apply(Batch(steps=(Blocks(writes=False),), judge=refuse_unasked), engine.local)
    assert [one.code for one in done.outcomes] == ["invalid_argument"]


async def test_a_request_that_wrote_before_it_refused_keeps_nothing(engine: Engine) -> None:
    with pytest.raises(AssertionError, match="wrote before it refused"):
        await engine.apply(Batch(steps=(Blocks(writes=True),), judge=refuse_unasked), engine.local)
    assert not await blocked(engine)
