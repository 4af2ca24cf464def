"""Handles deliveries in the order in which they are due; after a crash it continues where it stopped."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from itertools import count

from engine.commands.agents.standing import STOPPED, key_stopped
from engine.commands.triggers.deliveries import (
    DeliveryDone,
    EmptyDeliveries,
    FailDelivery,
    HandleDelivery,
    HoldDelivery,
    PlanDelivery,
)
from engine.commands.triggers.feeding import FeedTrigger
from engine.commands.triggers.waiting import PostponeDelivery, RestDelivery, SettleUnmatched
from engine.engine import SYSTEM, Engine
from engine.model.keys import Key
from engine.model.rules import Deed
from engine.model.triggers import Delivery, DeliveryState, PostedRequest, Sender, Trigger
from engine.quiet import Quiet
from engine.refusals import Code, Refused
from engine.rules.mapping import Mapped, mapped
from engine.store.protocol import Conflict

log = logging.getLogger(__name__)

_AT_ONCE = 200
_LOOKED_UP = 8
"""The most deliveries for which systems of record are asked at a time."""
_IDLE_S = 0.5
_LOOK_S = 2.0
"""The seconds between searches for deliveries that time alone makes due."""
_PAUSE_S = 0.02
"""The pause, in seconds, between two batches, so that requests received meanwhile are answered first."""
_AFTER_FAILURE_S = 5.0
_CLEAN_S = 3_600.0
_SEE_LOG = "Processing it failed; see the server's log."
_AGAIN = frozenset({Code.LOOKUP_FAILED, Code.SEQUENCE_MISMATCH})
"""Refusals of what may be possible a minute later."""
_ASK_AGAIN_S = 60
_ASKED_FOR = timedelta(hours=1)
"""How long to retry a system of record that cannot be reached, or a store that cannot be used."""
_PASSING = (Conflict, OSError, sqlite3.OperationalError)
"""Faults of the store that may be over a minute later: it is locked or full, or DynamoDB throttles."""


async def run(engine: Engine) -> None:
    """Handle deliveries until cancelled."""
    quiet, loop, next_look, clean, turns = Quiet(engine.store), asyncio.get_running_loop(), 0.0, 0.0, count()
    while True:
        signal = engine.owed.listen()
        worked = False
        try:
            if loop.time() >= clean:
                clean = loop.time() + _CLEAN_S
                if (await engine.apply(EmptyDeliveries(), SYSTEM)).worked:
                    clean = loop.time()
            if not await quiet.since_last() or loop.time() >= next_look:
                next_look = loop.time() + _LOOK_S
                worked = await step(engine, next(turns))
            more = worked and await engine.store.next_undivided() is not None
        except Exception:
            log.exception("a delivery could not be handled; trying again")
            await asyncio.sleep(_AFTER_FAILURE_S)
        else:
            if not worked:
                await signal.rest(_IDLE_S)
            elif more:
                await asyncio.sleep(_PAUSE_S)


async def step(engine: Engine, turn: int = 0) -> bool:
    """Divide a batch, collect our own events and handle due deliveries; True if there was anything to do.

    `turn`: counts the steps, so that triggers with look-ups take turns.
    """
    triggers = await engine.store.triggers(None)
    # Only requests at a trigger's hook are ever divided.
    fed = bool(triggers) and await _divide(engine, [trigger for trigger, _ in triggers])
    for trigger, _ in triggers:
        if trigger.proof.sender is Sender.EVENTS and trigger.live and not trigger.stopped:
            fed |= (await engine.apply(FeedTrigger(trigger_id=trigger.id), SYSTEM)).worked
    due = await engine.store.due_deliveries(engine.clock(), _AT_ONCE)
    waiting = [(one, await engine.store.trigger(one.trigger_id)) for one in due]
    plain = [one for one, trigger in waiting if trigger is None or not trigger.lookups]
    looking = [(one, trigger) for one, trigger in waiting if trigger is not None and trigger.lookups]
    # A slow system of record delays only its own deliveries.
    await asyncio.gather(_handle_plain(engine, plain), _handle_looked_up(engine, _some(looking, turn)))
    return bool(due) or fed


def _some(looking: Sequence[tuple[Delivery, Trigger]], turn: int) -> Sequence[tuple[Delivery, Trigger]]:
    """Those for which systems are asked now, of deliveries that have the first of each trigger at the front."""
    triggers = len({trigger.id for _, trigger in looking})
    begin = turn * _LOOKED_UP % triggers if triggers > _LOOKED_UP else 0
    return [*looking[begin:triggers], *looking[:begin], *looking[triggers:]][:_LOOKED_UP]


async def _divide(engine: Engine, triggers: Sequence[Trigger]) -> bool:
    """Divide the oldest batch of a trigger that has room for its deliveries; True if there was one."""
    oldest = await engine.store.next_undivided()
    if oldest is None:
        return False
    if await _divided(engine, oldest):
        return True
    for trigger in triggers:
        waiting = await engine.store.next_undivided(trigger.id) if trigger.id != oldest.trigger_id else None
        if waiting and await _divided(engine, waiting):
            return True
    return False


async def _divided(engine: Engine, waiting: PostedRequest) -> bool:
    """Divide a batch into its deliveries; False if its trigger has no room for them."""
    trigger = await engine.store.trigger(waiting.trigger_id)
    if trigger is None:
        return False
    from engine.triggers.arrivals import arrived
    from engine.triggers.keeping import kept

    found = arrived(waiting.posted, trigger.proof)
    try:
        await kept(engine, trigger.id, found, waiting.id)
    except Refused:
        # Too many deliveries of this trigger wait; the batch stays until there are fewer.
        return False
    return True


async def _handle_plain(engine: Engine, due: Sequence[Delivery]) -> None:
    for delivery in due:
        # Read again for each delivery: the previous one may have stopped the trigger.
        trigger = await engine.store.trigger(delivery.trigger_id)
        if trigger is None or not works(trigger):
            await engine.apply(RestDelivery(delivery_id=delivery.id), SYSTEM)
        else:
            await _handle(engine, trigger, delivery, _asked(engine, trigger, delivery))


async def _handle_looked_up(engine: Engine, due: Sequence[tuple[Delivery, Trigger]]) -> None:
    """Run the look-ups of all deliveries concurrently, and handle the deliveries in order."""
    working = [(delivery, trigger) for delivery, trigger in due if works(trigger)]
    tasks = [asyncio.create_task(_asked(engine, trigger, delivery)) for delivery, trigger in working]
    try:
        for (delivery, _), task in zip(working, tasks, strict=True):
            trigger = await engine.store.trigger(delivery.trigger_id)
            if trigger is None or not works(trigger):
                await engine.apply(RestDelivery(delivery_id=delivery.id), SYSTEM)
            else:
                await _handle(engine, trigger, delivery, task)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for delivery, trigger in due:
        if not works(trigger):
            await engine.apply(RestDelivery(delivery_id=delivery.id), SYSTEM)


def works(trigger: Trigger) -> bool:
    """True if the trigger is live and not stopped, so that its deliveries are executed."""
    return trigger.live and not trigger.stopped


async def _handle(
    engine: Engine, trigger: Trigger, delivery: Delivery, asked: Awaitable[Mapped | None]
) -> None:
    about = ""
    try:
        found = await asked
        about = found.object if found else ""
        await _carried_out(engine, trigger, delivery, found)
    except Refused as refused:
        if refused.bound == STOPPED:
            later = PostponeDelivery(
                delivery_id=delivery.id, seconds=_ASK_AGAIN_S, detail=refused.message, stopped=True
            )
            await engine.apply(later, SYSTEM)
        elif refused.code not in _AGAIN or not await _postponed(engine, delivery, refused.message, about):
            await _fail(engine, delivery, refused.code, refused.message)
    except Exception as error:
        # One delivery that fails must not delay the others; it can be replayed.
        log.exception("delivery %s failed", delivery.id)
        if not isinstance(error, _PASSING) or not await _postponed(engine, delivery, _SEE_LOG, about):
            await _fail(engine, delivery, Code.INTERNAL, _SEE_LOG)


async def _postponed(engine: Engine, delivery: Delivery, why: str, about: str) -> bool:
    """Handle a delivery again in a minute; False once that was tried for as long as it is worth."""
    now = engine.clock()
    if now - (delivery.unanswered or now) >= _ASKED_FOR:
        return False
    later = PostponeDelivery(delivery_id=delivery.id, seconds=_ASK_AGAIN_S, detail=why, object=about)
    await engine.apply(later, SYSTEM)
    return True


async def _carried_out(engine: Engine, trigger: Trigger, delivery: Delivery, asked: Mapped | None) -> None:
    if delivery.state is DeliveryState.KEPT:
        delivery = (await engine.apply(PlanDelivery(delivery_id=delivery.id, mapped=asked), SYSTEM)).delivery
    if delivery.state is DeliveryState.WAITING and (asked is None or asked.do is Deed.NOTHING):
        # Its rules were changed meanwhile, or what is looked up: there is nothing to do any more.
        await engine.apply(SettleUnmatched(delivery_id=delivery.id), SYSTEM)
    elif (
        delivery.state is DeliveryState.WAITING and asked and delivery.due and delivery.due <= engine.clock()
    ):
        await _as_key(engine, trigger, delivery, asked)


async def _asked(engine: Engine, trigger: Trigger, delivery: Delivery) -> Mapped | None:
    """What a delivery asks for; systems of record are asked about one that waits only if its key may act."""
    # One that is new is asked about once in any case, to be planned in its place.
    if trigger.lookups and delivery.state is DeliveryState.WAITING and await _resting(engine, trigger):
        raise key_stopped()
    payload = await engine.store.payload(delivery.id)
    if payload is None:
        raise Refused(Code.INVALID_PAYLOAD, "The delivery has been deleted.")
    from engine.triggers.lookups import looked_up

    return mapped(trigger.rules, await looked_up(engine, trigger, json.loads(payload)))


async def _as_key(engine: Engine, trigger: Trigger, delivery: Delivery, asked: Mapped) -> DeliveryDone:
    """Execute a delivery as the trigger's key, within the key's current bounds."""
    found = await engine.store.key_by_id(trigger.key)
    if found is None or found.ended(engine.clock()):
        raise Refused(Code.NOT_ALLOWED, "The key that the trigger acts with has ended.")
    if await _stopped(engine, found):
        raise key_stopped()
    actor = found.actor.model_copy(update={"face": "hook"})
    done = await engine.apply(HandleDelivery(delivery_id=delivery.id, mapped=asked), actor)
    if done.held:
        await engine.apply(HoldDelivery(delivery_id=delivery.id, held_id=done.held.id), SYSTEM)
    return done


async def _resting(engine: Engine, trigger: Trigger) -> bool:
    """True while the key that the trigger acts with is stopped, and has not ended."""
    found = await engine.store.key_by_id(trigger.key)
    return found is not None and not found.ended(engine.clock()) and await _stopped(engine, found)


async def _stopped(engine: Engine, key: Key) -> bool:
    """True while the key is stopped, or one above it: seen here, since each refusal would be in the record."""
    above = [await engine.store.key_by_id(one) for one in key.above]
    return any(one is not None and one.stopped for one in (key, *above))


async def _fail(engine: Engine, delivery: Delivery, code: Code, detail: str) -> None:
    await engine.apply(FailDelivery(delivery_id=delivery.id, code=code, detail=detail), SYSTEM)
