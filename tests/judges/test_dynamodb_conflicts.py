"""Units of work of two processes over one table that meet: one of them is not kept, and nothing is lost."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import pytest

from engine.itip.recurrence import instances
from engine.store.dynamodb.address import Address
from engine.store.dynamodb.opening import open_table
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from engine.store.protocol import Conflict
from engine.store.sqlite.search_file import SearchFile
from tests.judges.tables import Fixed, new_address

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
PLACE = ("probe#one", "place")
Both = tuple[DynamoStore, DynamoStore]


@pytest.fixture
async def processes() -> AsyncIterator[Both]:
    """Two processes over one table."""
    address = Address.of(new_address())
    opened = [
        await open_table(address, Context(expand=instances, search_file=SearchFile.open), Fixed())
        for _ in range(2)
    ]
    yield opened[0], opened[1]
    for store in opened:
        assert await store.recount() == []
        await store.close()


async def test_what_was_not_there_when_it_was_read_is_not_replaced(processes: Both) -> None:
    mine, theirs = (store.rows.items for store in processes)
    assert await mine.get(PLACE) is None
    theirs.put(PLACE, "theirs")
    await theirs.commit()
    assert [item.value for item in await mine.query(PLACE[0])] == ["theirs"]
    mine.put(PLACE, "mine")
    with pytest.raises(Conflict):
        await mine.commit()
    found = await processes[0].rows.items.get(PLACE)
    assert found is not None
    assert found.value == "theirs"
