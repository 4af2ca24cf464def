"""The contract of a store: an owner has one digest a day."""

from __future__ import annotations

from datetime import date, timedelta

from engine.store.protocol import Store

DAY = date(2027, 3, 1)


async def test_the_digest_of_a_day_begins_once_for_each_owner(store: Store) -> None:
    async with store.unit() as unit:
        assert await unit.begin_digest("boss@example.org", DAY)
        assert not await unit.begin_digest("boss@example.org", DAY)
        assert await unit.begin_digest("other@example.org", DAY)
        assert await unit.begin_digest("boss@example.org", DAY + timedelta(days=1))
        assert not await unit.begin_digest("boss@example.org", DAY)
