"""The contract of a store: any one row of a list is found by its number."""

from __future__ import annotations

from dataclasses import replace

from engine.refusals import Code
from engine.store.protocol import Store
from tests.store import stores


async def test_a_row_is_found_good_or_skipped_and_none_beyond_the_list(store: Store) -> None:
    await stores.with_event(store)
    good, other = stores.recipients(2)
    bad = replace(other, code=Code.INVALID_ADDRESS.value, detail="email")
    async with store.unit() as unit:
        await unit.add_campaign(stores.campaign(total=2, valid=1), [good, bad])
        assert await unit.recipient("campaign1", 1) == good
        assert await unit.recipient("campaign1", 2) == bad
        assert await unit.recipient("campaign1", 3) is None
        assert await unit.recipient("campaign2", 1) is None
