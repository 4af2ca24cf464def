"""DynamoDB as it is at times: its indexes do not show yet what was written, or it does not answer."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.itip.recurrence import instances
from engine.model.claims import SendResult
from engine.model.messages import MessageState
from engine.model.times import system_clock
from engine.model.undo import Guest
from engine.refusals import Code
from engine.store.dynamodb.address import Address
from engine.store.dynamodb.calls import Calls, Unavailable, Wire
from engine.store.dynamodb.opening import open_table
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from engine.store.sqlite.search_file import SearchFile
from tests.judges.tables import Fixed, new_address, new_table
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


@pytest.mark.parametrize(
    "who",
    [
        {"invited": (f"event1 {ANN}",)},
        {"guests": (Guest(event_uid="event1", email=ANN, name="Ann", fields={}, proven=False),)},
    ],
    ids=["invited", "a guest before"],
)
async def test_an_invite_that_was_just_owed_is_taken_back(late: DynamoStore, who: dict[str, Any]) -> None:
    await stores.with_event(late)  # type: ignore[arg-type]
    invite = stores.message(ANN)
    async with late.unit() as unit:
        await unit.add_attendees([stores.attendee(ANN)])
        await unit.add_messages([invite], priority=0)
    ours = undoable(messages=(invite.message_id,), **who)
    async with late.unit() as unit:
        assert await unit.withdraw_messages(ours, Code.TAKEN_BACK, START) == 1
    assert await stores.states(late) == {"withdrawn": 1}  # type: ignore[arg-type]


class BrokenCalls(LateCalls):
    """Calls of which the first reading after each transaction fails, as long as `breaks`."""

    breaks = False
    _broken = False

    async def transact(self, actions: Sequence[Mapping[str, Any]], token: str) -> None:
        await self._calls.transact(actions, token)
        self._broken = self.breaks

    async def get(self, keys: Sequence[Wire], *, consistent: bool = True) -> list[Wire]:
        self._broken, broken = False, self._broken
        if broken:
            raise Unavailable("it throttles")
        return await self._calls.get(keys, consistent=consistent)

    async def page(self, asked: Mapping[str, Any]) -> tuple[list[Wire], Wire | None]:
        return await self._calls.page(asked)


async def test_what_a_claim_took_before_it_failed_is_given_back() -> None:
    async with new_table(Context(expand=instances, search_file=SearchFile.open)) as store:
        await stores.with_event(store, ANN)  # type: ignore[arg-type]
        calls = BrokenCalls(store.calls)
        broken = DynamoStore(calls, store.context)  # type: ignore[arg-type]
        calls.breaks = True
        with pytest.raises(Unavailable):
            await broken.claim_messages("one", 10, lambda: START, 20, reclaim=False)
        (claim,) = await stores.claim(store, "another")  # type: ignore[arg-type]
        assert not claim.message.in_doubt


async def test_machines_whose_clocks_differ_take_nothing_that_the_other_holds() -> None:
    address = Address.of(new_address())

    def fast() -> datetime:
        return system_clock() + timedelta(minutes=1)

    ours = await open_table(address, Context(expand=instances), Fixed(), system_clock)
    theirs = await open_table(address, Context(expand=instances), Fixed(), fast)
    await stores.with_event(ours)  # type: ignore[arg-type]
    now = system_clock()
    for email in (ANN, "bob@example.com"):
        async with ours.unit() as unit:
            await unit.add_attendees([stores.attendee(email)])
            await unit.add_messages([stores.message(email, created=now, due=now)], priority=0)
        holder, other = ((ours, system_clock), (theirs, fast))[:: 1 if email == ANN else -1]
        (claim,) = await holder[0].claim_messages("holder", 10, holder[1], 20)
        assert claim.message.email == email
        assert await other[0].claim_messages("other", 10, other[1], 20) == []
        sent = SendResult(message_id=claim.message.id, state=MessageState.SENT)
        await holder[0].write_answers("holder", [sent], system_clock())
    for store in (ours, theirs):
        await store.close()
