"""What several ask for at about the same time is done at one go, and each hears what became of theirs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from engine.process.gathering import Failed, Gathering


class Counter:
    """Doubles numbers, some at a time; refuses odd ones, and everything if there is a zero among them."""

    def __init__(self, takes: int = 100) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.takes = takes

    async def flush(self, numbers: Sequence[int]) -> list[int | Failed]:
        await self.gate.wait()
        self.batches.append(list(numbers))
        if 0 in numbers:
            raise ZeroDivisionError
        done = numbers[: self.takes]
        return [Failed(ValueError(n)) if n % 2 else 2 * n for n in done]


async def test_what_is_asked_for_meanwhile_is_done_together() -> None:
    counter = Counter()
    gathering = Gathering(counter.flush, most=3)
    asked = [asyncio.create_task(gathering.do(2 * n)) for n in range(1, 6)]
    await asyncio.sleep(0)
    assert not gathering.idle
    counter.gate.set()
    assert await asyncio.gather(*asked) == [4, 8, 12, 16, 20]
    assert [n for batch in counter.batches for n in batch] == [2, 4, 6, 8, 10]
    assert max(map(len, counter.batches)) <= 3
    assert gathering.idle


async def test_what_a_batch_left_over_comes_with_the_next() -> None:
    counter = Counter(takes=2)
    counter.gate.set()
    gathering = Gathering(counter.flush, most=10)
    assert await asyncio.gather(*(gathering.do(2 * n) for n in range(1, 6))) == [4, 8, 12, 16, 20]
    assert counter.batches[-1] == [10]


async def test_one_that_goes_wrong_is_told_alone_and_a_batch_that_goes_wrong_to_all_of_it() -> None:
    counter = Counter()
    counter.gate.set()
    gathering = Gathering(counter.flush, most=10)
    became = await asyncio.gather(*(gathering.do(n) for n in (2, 3, 4)), return_exceptions=True)
    assert [became[0], type(became[1]), became[2]] == [4, ValueError, 8]
    became = await asyncio.gather(*(gathering.do(n) for n in (0, 2)), return_exceptions=True)
    assert [type(found) for found in became] == [ZeroDivisionError, ZeroDivisionError]
    assert await gathering.do(6) == 12


async def test_whoever_goes_away_leaves_their_item_to_be_done() -> None:
    counter = Counter()
    gathering = Gathering(counter.flush, most=10)
    gone, stays = (asyncio.create_task(gathering.do(n)) for n in (2, 4))
    await asyncio.sleep(0)
    gone.cancel()
    counter.gate.set()
    assert await stays == 8
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert sorted(n for batch in counter.batches for n in batch) == [2, 4]


async def test_what_nobody_waits_for_is_done_with_the_rest_and_the_end_can_be_awaited() -> None:
    counter = Counter()
    gathering = Gathering(counter.flush, most=100)
    for n in (2, 4):
        gathering.post(n)
    asked = asyncio.create_task(gathering.do(6))
    await asyncio.sleep(0)
    counter.gate.set()
    await gathering.drained()
    assert await asked == 12
    assert [n for batch in counter.batches for n in batch] == [2, 4, 6]
    assert gathering.idle


async def test_what_could_not_be_done_and_nobody_waits_for_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counter = Counter()
    counter.gate.set()
    gathering = Gathering(counter.flush, most=100)
    gathering.post(0)
    await gathering.drained()
    assert "could not be done" in caplog.text


async def test_closing_gives_up_what_is_being_done() -> None:
    counter = Counter()
    gathering = Gathering(counter.flush, most=100)
    gathering.post(2)
    await asyncio.sleep(0)
    await gathering.close()
    assert gathering.idle
    assert counter.batches == []
