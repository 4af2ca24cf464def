"""The contract of a store: an owner has one digest a day, and the next one goes on where the last one ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.store.protocol import Store

AT = datetime(2027, 3, 1, 7, tzinfo=UTC)
DAY = timedelta(days=1)


async def test_the_digest_of_a_day_begins_once_for_each_owner(store: Store) -> None:
    async with store.unit() as unit:
        assert await unit.begin_digest("boss@example.org", AT)
        assert not await unit.begin_digest("boss@example.org", AT + timedelta(hours=5))
        assert await unit.begin_digest("other@example.org", AT)
        assert await unit.begin_digest("boss@example.org", AT + DAY)
        assert not await unit.begin_digest("boss@example.org", AT)


async def test_until_when_an_owner_was_told_is_known(store: Store) -> None:
    async with store.unit() as unit:
        assert await unit.last_digest("boss@example.org") is None
        await unit.begin_digest("boss@example.org", AT)
        await unit.begin_digest("boss@example.org", AT + timedelta(hours=5))
    async with store.unit() as unit:
        assert await unit.last_digest("boss@example.org") == AT
        assert await unit.last_digest("other@example.org") is None
        await unit.begin_digest("boss@example.org", AT + DAY)
        assert await unit.last_digest("boss@example.org") == AT + DAY
