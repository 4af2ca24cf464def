"""An instance of a function closes its loop with nothing left in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cis_mcp.functions.instance import FunctionInstance, announced


async def test_what_still_runs_ends_with_the_instance() -> None:
    ended: list[str] = []

    @asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        yield "open"
        ended.append("what was open")

    async def lasting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("what still ran")

    async def work(_: str) -> None:
        tasks.append(asyncio.create_task(lasting()))
        await asyncio.sleep(0)

    def whole() -> None:
        instance = FunctionInstance(opened)
        instance.run(work)
        instance.close()
        assert instance.loop.is_closed()

    tasks: list[asyncio.Task[None]] = []
    await asyncio.to_thread(whole)
    assert ended == ["what was open", "what still ran"]


async def test_the_loop_is_closed_though_what_was_open_ends_badly() -> None:
    @asynccontextmanager
    async def opened() -> AsyncIterator[str]:
        yield "open"
        raise OSError("it would not close")

    async def nothing(_: str) -> None:
        pass

    def whole() -> None:
        instance = FunctionInstance(opened)
        instance.run(nothing)
        with pytest.raises(OSError, match="it would not close"):
            instance.close()
        assert instance.loop.is_closed()

    await asyncio.to_thread(whole)


class Announcing:
    """A store that notes when it announces what was written."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    async def announce(self) -> None:
        self._told.append("announced")


@pytest.mark.parametrize("fails", [False, True])
async def test_what_a_call_wrote_is_announced_before_lambda_may_freeze_the_process(*, fails: bool) -> None:
    told: list[str] = []

    async def work() -> str:
        told.append("written")
        if fails:
            raise OSError("no answer")
        return "answer"

    doing = announced(Announcing(told), work())
    if fails:
        with pytest.raises(OSError, match="no answer"):
            await doing
    else:
        assert await doing == "answer"
    assert told == ["written", "announced"]
