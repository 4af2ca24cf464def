"""The contract of a store: a long list is kept in parts before its campaign, and no one sees it until then."""

from __future__ import annotations

from datetime import timedelta

from engine.store.protocol import Store
from engine.store.rules import LIST_KEPT
from tests.store import stores
from tests.store.stores import START

LATER = START + LIST_KEPT + timedelta(seconds=1)


async def _uploaded(store: Store, n: int = 4) -> None:
    await stores.with_event(store)
    rows = stores.recipients(n)
    for part in (rows[:2], rows[2:], rows[2:]):
        async with store.unit() as unit:
            await unit.upload_rows(stores.campaign(), part)


async def test_rows_that_came_in_parts_are_the_list_of_the_campaign_that_follows(store: Store) -> None:
    await _uploaded(store)
    async with store.unit() as unit:
        await unit.add_campaign(stores.campaign(total=4, valid=4), ())
        rows, _ = await unit.recipients("campaign1", "", 9)
    assert [row.row for row in rows] == [1, 2, 3, 4]
    async with store.unit() as unit:
        assert await unit.abandoned_list(LATER) is None


async def test_a_list_without_a_campaign_is_seen_by_no_one(store: Store) -> None:
    await _uploaded(store)
    async with store.unit() as unit:
        assert await unit.campaign("campaign1") is None
    assert await store.campaigns(None, 9) == []


async def test_a_list_whose_campaign_never_came_is_dropped_in_parts(store: Store) -> None:
    await _uploaded(store)
    assert "drop_lists" not in await store.due_jobs(START)
    assert "drop_lists" in await store.due_jobs(LATER)
    async with store.unit() as unit:
        await unit.drop_rows("campaign1", 3)
        assert await unit.abandoned_list(LATER) == "campaign1"
        await unit.drop_rows("campaign1", 3)
        assert await unit.abandoned_list(LATER) is None
    assert "drop_lists" not in await store.due_jobs(LATER)
