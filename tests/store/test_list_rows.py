"""The contract of a store: any one row of a list is found by its number, and those that were skipped by an index."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engine.refusals import Code
from engine.store.protocol import Store
from tests.store import stores
from tests.support.queries import counting_queries


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


async def test_how_far_a_list_is_costs_the_same_however_many_rows_it_has(tmp_path: Path) -> None:
    looked = [await _steps_of_a_look(tmp_path / str(total), total) for total in (20, 2_000)]
    assert looked[1] <= looked[0] + 20, "the skipped rows are found without looking through the good ones"


async def _steps_of_a_look(folder: Path, total: int) -> int:
    """The steps of SQLite in which a campaign's counts and its two skipped rows are found."""
    folder.mkdir()
    with counting_queries() as queries:
        async with stores.sqlite(folder) as store:
            await stores.with_event(store)
            *good, some, others = stores.recipients(total)
            bad = [replace(one, code=Code.INVALID_ADDRESS.value) for one in (some, others)]
            async with store.unit() as unit:
                await unit.add_campaign(stores.campaign(total=total, valid=total - 2), [*good, *bad])
            await store.campaign_counts("campaign1")
            queries.zero()
            counts = await store.campaign_counts("campaign1")
            assert (counts["skipped"], counts["waiting"]) == (2, total - 2)
            assert await store.skipped("campaign1", 10) == bad
            return queries.steps
