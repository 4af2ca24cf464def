"""A store that cannot be used for a while delays deliveries and fails none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from engine.commands.triggers.deliveries import HandleDelivery, ReplayDelivery
from engine.commands.triggers.waiting import PostponeDelivery
from engine.engine import SYSTEM, Engine
from engine.model.triggers import DeliveryState as State
from engine.model.triggers import Trigger
from engine.refusals import Code
from engine.rules.mapping import mapped
from tests.support.clock import Clock
from tests.support.engines import do
from tests.triggers.crm import deal, delivered, deliveries, events, handled, keep, trigger
from tests.triggers.test_replacing import BASIC, FORGET

UNVERSIONED = BASIC.replace("  version: event.version\n", "")
TEN = "2027-06-01T10:00:00+00:00"
ELEVEN = "2027-06-01T11:00:00+00:00"


@contextmanager
def broken(engine: Engine) -> Iterator[None]:
    """A store that cannot say what is known of an object, and can write down deliveries."""
    _rename(engine, "trigger_object", "elsewhere")
    try:
        yield
    finally:
        _rename(engine, "elsewhere", "trigger_object")


def _rename(engine: Engine, old: str, new: str) -> None:
    with closing(sqlite3.connect(engine.settings.database)) as database, database:
        database.execute("PRAGMA legacy_alter_table = ON")
        database.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_a_fault_that_passes_within_an_hour_is_waited_for(engine: Engine, clock: Clock) -> None:
    hook = await trigger(engine)
    with broken(engine):
        kept = await delivered(engine, hook, deal())
        assert (kept.state, kept.due is not None) == (State.KEPT, True)
    clock.move(seconds=60)
    await handled(engine)
    assert len(await events(engine)) == 1
    await delivered(engine, hook, deal(stage="moved", version=2, start="2027-06-01T10:00:00Z"))
    clock.move(seconds=60)
    with broken(engine):
        await handled(engine)
        assert (await deliveries(engine, hook))[0].state is State.WAITING
    clock.move(seconds=60)
    await handled(engine)
    assert {one.state for one in await deliveries(engine, hook)} == {State.DONE}


async def test_a_fault_that_lasts_for_an_hour_fails_the_delivery_which_can_be_replayed(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine)
    with broken(engine):
        await delivered(engine, hook, deal())
        clock.move(hours=1)
        await handled(engine)
    (failed,) = await deliveries(engine, hook)
    assert (failed.state, failed.code) == (State.FAILED, Code.INTERNAL)
    await do(engine, ReplayDelivery(trigger="deals", delivery_id=failed.id))
    await handled(engine)
    assert len(await events(engine)) == 1


async def _began(engine: Engine) -> list[str]:
    return [event.span.start_utc.isoformat() for event in await events(engine)]


async def _states(engine: Engine, hook: Trigger) -> list[State]:
    """What became of the deliveries, oldest first."""
    return [one.state for one in reversed(await deliveries(engine, hook))]


@pytest.mark.parametrize("at_once", [False, True])
async def test_what_could_not_be_planned_at_first_is_replaced_by_what_came_after_it(
    engine: Engine, clock: Clock, at_once: bool
) -> None:
    hook = await trigger(engine, UNVERSIONED if at_once else UNVERSIONED.replace("  undo_s: 0\n", ""))
    await delivered(engine, hook, deal())
    clock.move(seconds=60)
    await handled(engine)
    with broken(engine):
        await delivered(engine, hook, deal(stage="moved at once", start=TEN))
    clock.move(seconds=10)
    await delivered(engine, hook, deal(stage="moved at once", start=ELEVEN))
    for _ in range(3):
        clock.move(seconds=60)
        await handled(engine)
    assert await _states(engine, hook) == [State.DONE, State.REPLACED, State.DONE]
    assert await _began(engine) == [ELEVEN]


async def test_of_two_that_came_at_once_and_could_not_be_planned_the_second_stands(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, UNVERSIONED)
    with broken(engine):
        await delivered(engine, hook, deal(start=TEN))
    await delivered(engine, hook, deal(start=ELEVEN))
    for _ in range(3):
        clock.move(seconds=60)
        await handled(engine)
    assert await _states(engine, hook) == [State.REPLACED, State.DONE]
    assert await _began(engine) == [ELEVEN]


async def test_a_newer_one_waits_for_what_the_store_has_put_off_and_which_it_does_not_replace(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, UNVERSIONED)
    await delivered(engine, hook, deal(start=TEN))
    clock.move(seconds=10)
    await delivered(engine, hook, deal(stage="moved", start=ELEVEN))
    clock.move(seconds=50)
    with broken(engine):
        await handled(engine)
    clock.move(seconds=10)
    await handled(engine)
    assert await _states(engine, hook) == [State.WAITING, State.WAITING]
    clock.move(seconds=50)
    await handled(engine)
    assert await _states(engine, hook) == [State.DONE, State.DONE]
    assert await _began(engine) == [ELEVEN]


async def test_what_was_put_off_after_it_was_seen_to_be_due_is_not_carried_out_yet(
    engine: Engine, clock: Clock
) -> None:
    hook = await trigger(engine, UNVERSIONED)
    first = await delivered(engine, hook, deal(start=TEN))
    second = await delivered(engine, hook, deal(stage="moved", start=ELEVEN))
    clock.move(seconds=60)
    await do(engine, PostponeDelivery(delivery_id=first.id, seconds=60), SYSTEM)
    asked = mapped(hook.rules, deal(stage="moved", start=ELEVEN))
    assert asked is not None
    await do(engine, HandleDelivery(delivery_id=second.id, mapped=asked), SYSTEM)
    assert await _states(engine, hook) == [State.WAITING, State.WAITING]


@pytest.mark.parametrize(
    ("after", "state"),
    [
        ({"start": ELEVEN}, State.REPLACED),
        ({"stage": "lost", "version": 9}, State.REPLACED),
        ({"stage": "demo", "version": 9, "id": 8}, State.DONE),
    ],
)
async def test_why_a_delivery_had_to_wait_is_told_only_while_it_waits(
    engine: Engine, clock: Clock, after: dict[str, Any], state: State
) -> None:
    hook = await trigger(engine, BASIC)
    with broken(engine):
        waits = await delivered(engine, hook, deal(start=TEN))
        assert waits.detail
    clock.move(seconds=60)
    await handled(engine)
    assert (await deliveries(engine, hook))[0].detail == ""
    clock.move(seconds=60)
    with broken(engine):
        await handled(engine)
    await delivered(engine, hook, deal(**after))
    for _ in range(3):
        clock.move(seconds=60)
        await handled(engine)
    ended = (await deliveries(engine, hook))[-1]
    assert (ended.state, ended.detail) == (state, "")


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        (deal(version=1), State.STALE),
        (deal(stage="forget", version=3), State.DONE),
        (deal(stage="other", version=3), State.NOTHING),
    ],
)
async def test_what_is_settled_without_an_effect_does_not_say_that_it_failed(
    engine: Engine, clock: Clock, payload: dict[str, Any], state: State
) -> None:
    hook = await trigger(engine, f"{BASIC}{FORGET}")
    await delivered(engine, hook, deal(version=2))
    clock.move(seconds=60)
    await handled(engine)
    await keep(engine, hook, payload)
    (kept, _) = await deliveries(engine, hook)
    await do(engine, PostponeDelivery(delivery_id=kept.id, seconds=60, detail="It failed."), SYSTEM)
    for _ in range(2):
        clock.move(seconds=60)
        await handled(engine)
    (ended, _) = await deliveries(engine, hook)
    assert (ended.state, ended.detail) == (state, "")
