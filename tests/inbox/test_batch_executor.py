"""What many ask for at about the same time is done in one go."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from engine.inbox.intake.batch_executor import BatchExecutor


async def test_what_comes_while_a_batch_is_worked_on_is_done_in_one_go_after_it() -> None:
    batches: list[list[int]] = []
    may_end = threading.Event()

    def work(items: Sequence[int]) -> list[None]:
        may_end.wait()
        batches.append(list(items))
        return [None] * len(items)

    executor = BatchExecutor(work)
    items = [asyncio.create_task(executor.do(0))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    items += [asyncio.create_task(executor.do(item)) for item in (1, 2, 3)]
    await asyncio.sleep(0)
    may_end.set()
    await asyncio.gather(*items)
    assert batches == [[0], [1, 2, 3]]


async def test_an_item_alone_is_done_at_once() -> None:
    batches: list[int] = []
    executor = BatchExecutor[int](lambda items: batches.append(len(items)) or [None] * len(items))
    await executor.do(1)
    await executor.do(2)
    assert batches == [1, 1]
