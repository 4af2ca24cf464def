"""The number by which processes over one table notice each other's writes: announced in time, at once if asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from engine.aws.connections import ServiceEndpoint
from engine.aws.signing import SigningKeys
from engine.store.dynamodb.calls import Calls
from engine.store.dynamodb.pulse import Pulse
from tests.support.httpstub import Asked, Told, answering
from tests.support.waiting import eventually


class Keys:
    """Credentials that are always there."""

    async def keys(self) -> SigningKeys:
        return SigningKeys("AKID", "secret", "")

    def forget(self) -> None:
        pass


class Table:
    """A table with one number, which moves once `free` is set."""

    def __init__(self) -> None:
        self.asked = self.moved = 0
        self.free = asyncio.Event()
        self.free.set()

    async def answer(self, asked: Asked) -> Told:
        assert asked.headers["x-amz-target"].endswith(".UpdateItem")
        self.asked += 1
        await self.free.wait()
        self.moved += 1
        return Told(200, {"content-type": "application/x-amz-json-1.0"}, json.dumps({}).encode())


@asynccontextmanager
async def pulsing() -> AsyncIterator[tuple[Pulse, Table]]:
    table = Table()
    async with answering(table.answer) as stub:
        calls = Calls("t", "eu-west-1", ServiceEndpoint.of(stub.url), Keys(), lambda: datetime.now(UTC))
        try:
            yield Pulse(calls), table
        finally:
            await calls.close()


async def test_a_process_that_may_be_frozen_announces_at_once_what_would_wait() -> None:
    async with pulsing() as (pulse, table):
        pulse.kept()
        await eventually(lambda: table.moved == 1)
        pulse.kept()
        await pulse.announce()
        assert table.moved == 2, "the second would have waited for its second"
        await pulse.announce()
        assert table.moved == 2, "nothing was written since"


async def test_an_announcement_that_is_under_way_is_waited_for() -> None:
    async with pulsing() as (pulse, table):
        table.free.clear()
        pulse.kept()
        await eventually(lambda: table.asked == 1)
        asking = asyncio.create_task(pulse.announce())
        await asyncio.sleep(0)
        assert not asking.done()
        table.free.set()
        await asking
        assert table.moved == 1
