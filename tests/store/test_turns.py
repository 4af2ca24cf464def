"""The contract of a store: of several processes, one has a turn, until it ends."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from engine.store.protocol import Store

NOW = datetime(2027, 3, 2, 2, 0, tzinfo=UTC)
LEASE_S = 600.0


async def _taken(
    store: Store, name: str = "night", held: datetime | None = None, after: float = 0
) -> datetime | None:
    now = NOW + timedelta(seconds=after)
    return await store.transact(lambda unit: unit.take_turn(name, held, now, LEASE_S))


async def test_one_has_the_turn_until_it_ends(store: Store) -> None:
    assert await _taken(store) == NOW + timedelta(seconds=LEASE_S)
    assert await _taken(store) is None
    assert await _taken(store, after=LEASE_S - 1) is None
    assert await _taken(store, "another") is not None, "each name has a turn of its own"
    assert await _taken(store, after=LEASE_S) is not None


async def test_whoever_has_it_keeps_it_unless_another_took_it(store: Store) -> None:
    held = await _taken(store)
    kept = await _taken(store, held=held, after=60)
    assert kept == NOW + timedelta(seconds=60 + LEASE_S)
    assert await _taken(store, after=LEASE_S + 1) is None
    late = await _taken(store, held=kept, after=2 * LEASE_S)
    assert late is not None, "no one took it, though its time was over"
    other = await _taken(store, after=4 * LEASE_S)
    assert other is not None
    assert await _taken(store, held=late, after=4 * LEASE_S + 1) is None


async def test_of_those_that_take_it_at_once_one_has_it(store: Store) -> None:
    found = await asyncio.gather(*(_taken(store) for _ in range(8)))
    assert len([one for one in found if one]) == 1


async def test_a_turn_from_before_the_clock_was_set_back_ends(store: Store) -> None:
    assert await _taken(store, after=86_400)
    assert await _taken(store) is not None


async def test_a_turn_that_was_ended_is_free_at_once_and_no_one_ends_another_s(store: Store) -> None:
    held = await _taken(store)
    assert held
    await store.transact(lambda unit: unit.end_turn("night", held + timedelta(seconds=1)))
    assert await _taken(store) is None
    await store.transact(lambda unit: unit.end_turn("night", held))
    assert await _taken(store) is not None
