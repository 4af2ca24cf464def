"""A store that cannot be used for a while delays deliveries and fails none."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from engine.commands.triggers.deliveries import ReplayDelivery
from engine.engine import Engine
from engine.model.triggers import DeliveryState as State
from engine.refusals import Code
from tests.support.clock import Clock
from tests.support.engines import do
from tests.triggers.crm import deal, delivered, deliveries, events, handled, trigger


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
