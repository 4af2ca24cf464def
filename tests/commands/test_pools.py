"""Threads by purpose: a share for each caller, turns, a bound on what waits."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from engine.process import pools
from engine.process.pools import ConcurrencyLimit, Pool
from engine.refusals import Code, Refused
from tests.support.waiting import DEADLINE_S, eventually


class Works:
    """Work that a test lets go on when it wants."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.free = threading.Event()

    def __call__(self, name: str) -> str:
        self.begun.append(name)
        assert self.free.wait(DEADLINE_S)
        return name


def _as(caller: str, pool: Pool, *work: Any) -> asyncio.Task[Any]:
    """`work` done for a caller."""
    context = contextvars.copy_context()
    context.run(pools.caller.set, caller)
    return asyncio.get_running_loop().create_task(pool.run(*work), context=context)


async def test_one_caller_never_has_all_threads() -> None:
    pool, works = Pool("test", threads=3, share=2), Works()
    mine = [_as("ann", pool, works, f"ann{n}") for n in range(5)]
    await eventually(lambda: works.begun == ["ann0", "ann1"])
    other = _as("bob", pool, works, "bob")
    await eventually(lambda: "bob" in works.begun)
    assert works.begun == ["ann0", "ann1", "bob"]
    works.free.set()
    assert await asyncio.gather(*mine, other) == [*(f"ann{n}" for n in range(5)), "bob"]


async def test_callers_take_turns_when_all_threads_are_busy() -> None:
    pool, works = Pool("test", threads=1, share=1), Works()
    first = _as("ann", pool, works, "ann0")
    await eventually(lambda: works.begun)
    rest = [_as(name, pool, works, f"{name}{n}") for name in ("ann", "bob") for n in (1, 2)]
    await asyncio.sleep(0)
    works.free.set()
    await asyncio.gather(first, *rest)
    assert works.begun == ["ann0", "ann1", "bob1", "ann2", "bob2"]


async def test_only_so_many_jobs_of_a_caller_wait_and_the_next_is_refused_as_busy() -> None:
    pool, works = Pool("test", threads=2, share=1, waiting=2), Works()
    first = _as("ann", pool, works, "0")
    await eventually(lambda: works.begun)
    waiting = [_as("ann", pool, works, str(n)) for n in (1, 2)]
    await asyncio.sleep(0)
    with pytest.raises(Refused) as raised:
        await _as("ann", pool, works, "3")
    assert raised.value.code is Code.BUSY
    works.free.set()
    assert await asyncio.gather(first, *waiting) == ["0", "1", "2"]
    assert await _as("ann", pool, works, "4") == "4"


async def test_what_goes_wrong_is_raised_where_it_is_waited_for() -> None:
    pool = Pool("test", threads=1, share=1)
    with pytest.raises(ZeroDivisionError):
        await pool.run(lambda: 1 // 0)
    assert await pool.run(lambda: 1) == 1


async def test_a_job_that_nobody_waits_for_any_more_is_not_begun() -> None:
    pool, works = Pool("test", threads=1, share=1), Works()
    first, second = (_as("ann", pool, works, name) for name in ("0", "1"))
    await eventually(lambda: works.begun)
    second.cancel()
    works.free.set()
    await asyncio.gather(first, second, return_exceptions=True)
    assert await _as("ann", pool, works, "2") == "2"
    assert works.begun == ["0", "2"]


async def test_no_thread_keeps_the_process_from_ending() -> None:
    pool = Pool("test", threads=1, share=1)
    assert await pool.run(lambda: threading.current_thread().daemon)


async def test_of_some_things_a_caller_has_only_a_few_at_a_time() -> None:
    few, let_go = ConcurrencyLimit(2), asyncio.Event()

    async def one() -> None:
        with few.one():
            await let_go.wait()

    def as_(name: str) -> asyncio.Task[None]:
        context = contextvars.copy_context()
        context.run(pools.caller.set, name)
        return asyncio.get_running_loop().create_task(one(), context=context)

    mine, other = [as_("ann"), as_("ann")], as_("bob")
    with pytest.raises(Refused) as raised:
        await as_("ann")
    assert raised.value.code is Code.BUSY
    let_go.set()
    await asyncio.gather(*mine, other, as_("ann"))


async def test_work_of_nobody_in_particular_is_never_refused() -> None:
    pool, works = Pool("test", threads=1, share=1, waiting=1), Works()
    tasks = [_as("", pool, works, str(n)) for n in range(10)]
    await eventually(lambda: works.begun)
    works.free.set()
    assert await asyncio.gather(*tasks) == [str(n) for n in range(10)]
