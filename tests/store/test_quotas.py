"""The contract of a store: what a mail service allows is shared by all who send through it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from engine.model.counters import Quota
from engine.store.protocol import Store
from tests.store.stores import START, STORES, with_event

SES = "ses eu-west-1"


async def claimed(store: Store, seconds: float = 0, quota: str = SES) -> int:
    """How many messages can be claimed so many seconds after the start."""
    now = START + timedelta(seconds=seconds)
    return len(await store.claim_messages("owner", 100, lambda: now, 20, quota=quota))


async def owing(store: Store, n: int = 40) -> None:
    await with_event(store, *(f"p{i}@example.com" for i in range(n)))


@pytest.fixture(params=STORES)
async def store(request: pytest.FixtureRequest, tmp_path: Path):  # type: ignore[no-untyped-def]
    async with STORES[request.param](tmp_path) as opened:
        await owing(opened)
        yield opened


async def test_its_rate_is_kept_by_all_together(store: Store) -> None:
    await store.read_quota(SES, Quota(rate=5), START)
    assert [await claimed(store, s) for s in (0, 0, 0.2, 1.0, 5)] == [5, 0, 1, 4, 5]


async def test_what_remains_of_the_day_is_spent(store: Store) -> None:
    await store.read_quota(SES, Quota(rate=0, remaining=7), START)
    assert [await claimed(store, s) for s in (0, 1)] == [7, 0]
    await store.read_quota(SES, Quota(rate=0, remaining=2), START + timedelta(seconds=60))
    assert await claimed(store, 60) == 2


async def test_one_that_was_never_read_lets_one_message_a_second_go(store: Store) -> None:
    assert await store.quota_read(SES) is None
    assert [await claimed(store, s) for s in (0, 0, 1)] == [1, 0, 1]


async def test_throttling_halves_the_rate_once_a_second_and_it_grows_again_after_a_minute(
    store: Store,
) -> None:
    await store.read_quota(SES, Quota(rate=8), START)
    for _ in range(3):
        await store.slow_down(SES, START, spent=False)
    assert await claimed(store, 10) == 4
    await store.slow_down(SES, START + timedelta(seconds=11), spent=False)
    assert await claimed(store, 20) == 2
    await store.read_quota(SES, Quota(rate=8), START + timedelta(seconds=30))
    assert await claimed(store, 30) == 2
    await store.read_quota(SES, Quota(rate=8), START + timedelta(seconds=90))
    assert await claimed(store, 90) == 4
    assert await store.quota_read(SES) == START + timedelta(seconds=90)


async def test_a_day_that_is_spent_lets_nothing_go_until_it_is_read_again(store: Store) -> None:
    await store.read_quota(SES, Quota(rate=0), START)
    await store.slow_down(SES, START, spent=True)
    assert await claimed(store, 5) == 0
    await store.read_quota(SES, Quota(rate=0, remaining=3), START + timedelta(seconds=61))
    assert await claimed(store, 61) == 3


async def test_other_ways_out_are_not_bound_by_it(store: Store) -> None:
    await store.read_quota(SES, Quota(rate=0, remaining=0), START)
    assert await claimed(store, quota="") == 40


async def test_what_two_processes_read_at_a_time_counts_once(store: Store) -> None:
    await store.read_quota(SES, Quota(rate=0, remaining=7), START)
    assert await claimed(store) == 7
    await store.read_quota(SES, Quota(rate=0, remaining=7), START + timedelta(seconds=5))
    assert await claimed(store, 5) == 0
