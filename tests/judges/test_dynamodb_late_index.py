"""What is found although the global indexes do not show it yet, as happens on DynamoDB for moments after a write."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from engine.itip.recurrence import instances
from engine.refusals import Code
from engine.store.dynamodb.calls import Calls, Wire
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from engine.store.sqlite.search_file import SearchFile
from tests.judges.tables import new_table
from tests.store import stores
from tests.store.stores import START
from tests.store.test_undo import undoable

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
ANN = "ann@example.com"


class LateCalls:
    """Calls to a table whose indexes show nothing yet."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)

    async def page(self, asked: Mapping[str, Any]) -> tuple[list[Wire], Wire | None]:
        return ([], None) if "IndexName" in asked else await self._calls.page(asked)


@pytest.fixture
async def late() -> AsyncIterator[DynamoStore]:
    async with new_table(Context(expand=instances, search_file=SearchFile.open)) as store:
        yield DynamoStore(LateCalls(store.calls), store.context)  # type: ignore[arg-type]
        assert await store.recount() == []


async def test_an_invite_that_was_just_owed_is_taken_back(late: DynamoStore) -> None:
    await stores.with_event(late)  # type: ignore[arg-type]
    invite = stores.message(ANN)
    async with late.unit() as unit:
        await unit.add_attendees([stores.attendee(ANN)])
        await unit.add_messages([invite], priority=0)
    ours = undoable(messages=(invite.message_id,), invited=(f"event1 {ANN}",))
    async with late.unit() as unit:
        assert await unit.withdraw_messages(ours, Code.TAKEN_BACK, START) == 1
    assert await stores.states(late) == {"withdrawn": 1}  # type: ignore[arg-type]
