"""A trigger with much to do, or whose system of record says nothing, leaves the others their turn."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.commands.triggers import deliveries as limits
from engine.commands.triggers.deliveries import Arrived, KeepPosted
from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import SYSTEM, Engine
from engine.model.rules import Lookup
from engine.model.triggers import DeliveryState, Posted, Proof, Sender, Trigger
from engine.rules.reading import rules_of
from engine.triggers import keeping, worker
from tests.support.clock import Clock
from tests.support.engines import do, engine_in
from tests.triggers.crm import RULES, deal, deliveries, keep, trigger
from tests.triggers.vectors import SECRET


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path / "data", clock, sender_auth="off") as opened:
        yield opened


async def _another(engine: Engine, name: str, like: Trigger, **values: object) -> Trigger:
    known = {"proof": like.proof, "rules": like.rules, "key": like.key}
    await do(engine, CreateTrigger(name=name, **{**known, **values}))  # type: ignore[arg-type]
    await do(engine, SetTriggerSecrets(name=name, secrets=(SECRET,)))
    return (await do(engine, SetTriggerLive(name=name, live=True))).trigger


async def _much_for(engine: Engine, hook: Trigger, many: int) -> None:
    came = [Arrived(delivery_id=f"{hook.name}-{n}", payload=json.dumps(deal(id=n))) for n in range(many)]
    await keeping.kept(engine, hook.id, came)


async def test_a_system_that_cannot_be_asked_delays_its_own_deliveries_alone(
    engine: Engine, clock: Clock
) -> None:
    plain = await trigger(engine)
    lookup = Lookup(name="deal", connection="crm", path="/deals/{{ event.id }}")
    asking = await _another(engine, "asking", plain, lookups=(lookup,))
    await _much_for(engine, asking, 300)
    clock.move(seconds=1)
    await keep(engine, plain, deal(id=99_999), "plain")
    await worker.step(engine)
    (found,) = await deliveries(engine, plain)
    assert found.state is not DeliveryState.KEPT


async def test_systems_are_asked_for_each_trigger_in_turn(engine: Engine, clock: Clock) -> None:
    plain = await trigger(engine)
    lookup = Lookup(name="deal", connection="crm", path="/deals/{{ event.id }}")
    asking = [await _another(engine, f"asking-{n}", plain, lookups=(lookup,)) for n in range(10)]
    for hook in asking:
        await _much_for(engine, hook, 4)
        clock.move(seconds=1)
    for turn in range(2):
        await worker.step(engine, turn)
    tried = [any(one.unanswered for one in await deliveries(engine, hook)) for hook in asking]
    assert all(tried)


async def test_a_trigger_that_is_full_does_not_keep_the_batches_of_others(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PENDING_MAX", 5)
    plain = await trigger(engine)
    proof = Proof(sender=Sender.HUBSPOT)
    waits = rules_of(RULES.replace("undo_s: 0", "undo_s: 3600"))
    full = await _another(engine, "full", plain, proof=proof, rules=waits)
    other = await _another(engine, "other", plain, proof=proof)
    for hook, first in ((full, 0), (full, 10), (other, 20)):
        await do(engine, KeepPosted(trigger_id=hook.id, posted=_batch(first, 5)), SYSTEM)
    for _ in range(3):
        await worker.step(engine)
    assert len(await deliveries(engine, full)) == 5
    assert len(await deliveries(engine, other)) == 5
    waiting = await engine.store.next_undivided()
    assert waiting is not None
    assert waiting.trigger_id == full.id


def _batch(first: int, many: int) -> Posted:
    about = {"subscriptionId": 1, "occurredAt": 1}
    body = [{**deal(id=n), **about, "eventId": n, "objectId": n} for n in range(first, first + many)]
    return Posted(method="POST", url="https://x.test/hooks/x", headers={}, body=json.dumps(body).encode())
