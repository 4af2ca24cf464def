"""What SQLite takes whole is divided over a table, whose units of work are small: nothing grows until it is refused."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from engine.commands.agents.lists import SetAddressList
from engine.commands.agents.stopping import StopByOwner
from engine.commands.events.events import UpdateEvent
from engine.commands.randomness import SystemRandomness
from engine.engine import Engine
from engine.itip.recurrence import instances
from engine.jobs import record
from engine.model.actors import Actor
from engine.model.counters import Rates
from engine.model.keys import Key, Standing
from engine.model.webhooks import PostingState, WebhookKind
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.triggers import DELIVERIES, KeptDelivery
from engine.store.protocol import Unit
from tests.bounds.making import made
from tests.judges.tables import new_table
from tests.store.test_triggers import delivery, trigger
from tests.support.clock import Clock
from tests.support.engines import ORGANIZER, created, do, settings_in
from tests.webhooks.receiver import LOCAL, Receiver, posted, posting, receiving, subscribed

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
BOSS = "boss@example.org"
EVENTS = {WebhookKind.EVENT_CREATED, WebhookKind.EVENT_CHANGED}


@asynccontextmanager
async def over_a_table(folder: Path, **values: object) -> AsyncIterator[Engine]:
    """An engine over a table of its own, in which everything still adds up at the end."""
    async with new_table(Context(Rates(), instances)) as store:
        engine = Engine(settings_in(folder, **values), store, Clock(), SystemRandomness())  # type: ignore[arg-type]
        yield engine
        assert await store.recount() == []


async def test_as_many_webhooks_as_there_are_post_all_that_is_due_at_once(tmp_path: Path) -> None:
    receiver = Receiver(gate=asyncio.Event())
    async with (
        over_a_table(tmp_path, **LOCAL) as engine,
        receiving(receiver) as stub,
        posting(engine) as courier,
    ):
        hooks = [await subscribed(engine, stub.url, EVENTS) for _ in range(5)]
        for _ in range(8):
            event = await created(engine)
            await do(engine, UpdateEvent(uid=event.uid, summary="Concert"))
        while len(receiver.got) < 8 * len(hooks):
            await courier.step()
        assert receiver.gate
        receiver.gate.set()
        await asyncio.gather(*courier._under_way)
        await courier.drain()
        for hook in hooks:
            assert [(p.state, p.attempts) for p in await posted(engine, hook)] == [
                (PostingState.DELIVERED, 1)
            ] * 16


async def test_a_checkpoint_is_posted_to_as_many_webhooks_as_ask_for_it(tmp_path: Path) -> None:
    receiver = Receiver()
    async with (
        over_a_table(tmp_path, **LOCAL) as engine,
        receiving(receiver) as stub,
        posting(engine) as courier,
    ):
        for n in range(24):
            organizer = Actor(kind="organizer", address=f"organizer{n % 2}@example.org")
            await subscribed(engine, stub.url, {WebhookKind.CHECKPOINT}, actor=organizer)
        await record.keep(engine)
        await courier.drain()
    assert receiver.types == ["checkpoint"] * 24


async def test_what_happened_is_posted_for_a_key_whose_bounds_name_many_lists(tmp_path: Path) -> None:
    receiver, lists = Receiver(), [f"@list{n}" for n in range(30)]
    async with (
        over_a_table(tmp_path, **LOCAL) as engine,
        receiving(receiver) as stub,
        posting(engine) as courier,
    ):
        for name in lists:
            await do(engine, SetAddressList(name=name[1:], patterns=("*@example.com",)))
        key = await made(engine, address="agent@cis.test", verbs="create,trigger,report", to=lists)
        await subscribed(engine, stub.url, EVENTS, actor=key.actor)
        for _ in range(15):
            await created(engine, organizer="agent@cis.test")
        await courier.drain()
    assert receiver.types == ["event.created"] * 15


async def test_an_owners_stop_stops_as_many_keys_as_keys_have_made(tmp_path: Path) -> None:
    async with over_a_table(tmp_path) as engine:
        top = await made(engine, address=ORGANIZER, owner=BOSS)
        below = [await made(engine, under=top.actor) for _ in range(95)]
        await do(engine, StopByOwner(), Actor(kind="owner", address=BOSS))
        for key in (top, below[0], below[-1]):
            standing = await engine.store.transact(partial(_standing, key))
            assert standing.stopped


async def _standing(key: Key, unit: Unit) -> Standing:
    return await unit.standing(key.chain)


async def test_what_a_machine_with_a_fast_clock_kept_of_a_forgotten_object_is_deleted(tmp_path: Path) -> None:
    async with new_table(Context(Rates(), instances)) as store:
        async with store.unit() as unit:
            await unit.add_trigger(trigger())
            ahead = KeptDelivery(place="z" * 13, delivery=delivery("d1", object="deal:1"), payload="orchid")
            await unit.rows.put(DELIVERIES, ahead)
        async with store.unit() as unit:
            await unit.forget_object("id-deals", "deal:1")
        (kept,) = await store.rows.by(DELIVERIES, "trigger", "id-deals")
        assert kept.payload is None
