"""What many ask for at about the same time is done in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from engine.inbox.intake.batch_executor import BatchExecutor

_POURING = 9


async def _poured(gather_s: float) -> list[list[int]]:
    """The batches of items that came one upon the other, and of two that came a moment apart then."""
    batches: list[list[int]] = []

    def work(items: Sequence[int]) -> list[None]:
        batches.append(list(items))
        return [None] * len(items)

    executor = BatchExecutor(work, gather_s=gather_s)
    await asyncio.gather(*(executor.do(item) for item in range(_POURING)))
    first = asyncio.create_task(executor.do(_POURING))
    while len(batches) < 2 and not gather_s:
        await asyncio.sleep(0)
    for _ in range(20):
        await asyncio.sleep(0)
    await asyncio.gather(first, executor.do(_POURING + 1))
    return batches[-2:]


async def test_while_items_pour_in_a_batch_waits_a_moment_for_more() -> None:
    assert (await _poured(0.5))[-1] == [_POURING, _POURING + 1]


async def test_where_nothing_is_gathered_each_batch_begins_at_once() -> None:
    assert await _poured(0.0) == [[_POURING], [_POURING + 1]]


async def test_an_item_alone_is_done_at_once_however_long_others_would_be_waited_for() -> None:
    executor = BatchExecutor[int](lambda items: [None] * len(items), gather_s=3_600.0)
    await executor.do(1)
