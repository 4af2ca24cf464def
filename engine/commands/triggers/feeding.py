"""What happens here becomes deliveries of triggers that start from it; and a delivery that a caller gives."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any

from pydantic import Field

from engine.commands.base import Command, Done, Work
from engine.commands.triggers.deliveries import (
    DELIVERY_ID_MAX,
    PENDING_MAX,
    Arrived,
    DeliveryDone,
    kept_delivery,
    most_deliveries,
)
from engine.commands.triggers.effects import chain_in
from engine.commands.triggers.triggers import named
from engine.commands.webhooks import bodies, clock
from engine.model.triggers import Sender, Trigger
from engine.model.verbs import Verb
from engine.model.webhooks import OF_CHANGES, WebhookKind
from engine.refusals import Code, Refused

OF_CHANGE = "change:"
"""What the id of a delivery from the log of changes begins with."""
_AT_ONCE = 200
_BY_CLOCK = (WebhookKind.EVENT_STARTING, WebhookKind.EVENT_ENDED)


class TriggerFed(Done):
    """Whether anything happened."""

    worked: bool


class FeedTrigger(Command[TriggerFed]):
    """Keep what happened here since the last time as deliveries of one trigger; each once."""

    in_record = False
    trigger_id: str

    async def carry_out(self, work: Work) -> TriggerFed:
        """`worked` is false if there was nothing to keep. Refuses nothing."""
        trigger = await work.unit.trigger(self.trigger_id)
        if (
            trigger is None
            or not trigger.live
            or trigger.stopped
            or trigger.proof.sender is not Sender.EVENTS
        ):
            return TriggerFed(worked=False)
        if await work.unit.pending_deliveries(trigger.id, PENDING_MAX) >= PENDING_MAX:
            return TriggerFed(worked=False)
        most = min(_AT_ONCE, most_deliveries(work))
        page = await work.unit.changes_after(trigger.organizer, trigger.cursor, most, tuple(OF_CHANGES))
        arrived = []
        for change in page.changes:
            event = await work.unit.event(change.event_uid) if change.event_uid else None
            body = bodies.change_body(change, event)
            chain = str(body["cis_chain"])
            arrived.append(
                Arrived(delivery_id=f"{OF_CHANGE}{change.id}", payload=json.dumps(body), chain=chain)
            )
        fed = trigger.model_copy(update={"cursor": page.cursor})
        fed, timed = await _by_clock(work, fed)
        arrived += timed
        await work.unit.add_deliveries([(kept_delivery(work, fed, one), one.payload) for one in arrived])
        if fed != trigger:
            await work.unit.save_trigger(fed)
        return TriggerFed(worked=bool(arrived))


async def _by_clock(work: Work, trigger: Trigger) -> tuple[Trigger, list[Arrived]]:
    """Events that begin soon, or have ended, since it was last looked."""
    since = clock.Told(trigger.looked or work.now, trigger.told)
    lead = timedelta(minutes=trigger.starting_minutes)
    found, told = await clock.occasions(work, trigger.organizer, since, lead, _BY_CLOCK)
    if clock.keeps(work, since, told, found):
        trigger = trigger.model_copy(update={"looked": told.until, "told": told.name})
    return trigger, [_arrived(work, one) for one in found]


def _arrived(work: Work, one: clock.Occasion) -> Arrived:
    body = bodies.instance_body(work, one.kind, one.event, one.start, one.end)
    name = f"{one.kind.value}:{one.event.uid}:{int(one.start.timestamp())}"
    return Arrived(delivery_id=name, payload=json.dumps(body))


class FireTrigger(Command[DeliveryDone]):
    """Give a live trigger a payload, as if its sender had posted it; the same one again is known already."""

    trigger: str
    payload: Any
    delivery_id: str = Field("", max_length=DELIVERY_ID_MAX - 10, description="empty: a hash of the payload")

    def subject(self) -> str:
        """What the record names it by: the trigger's name."""
        return self.trigger

    async def carry_out(self, work: Work) -> DeliveryDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER, TRIGGER_STATE, BUSY."""
        work.require(Verb.TRIGGER)
        trigger = await named(work, self.trigger)
        if work.actor.by_key and trigger.key != work.actor.key:
            raise Refused(
                Code.NOT_ALLOWED, "It acts with another key.", "Only the key that it acts with may fire it."
            )
        if not trigger.live or trigger.stopped:
            raise Refused(Code.TRIGGER_STATE, "The trigger is not live, so it does nothing.")
        if await work.unit.pending_deliveries(trigger.id, PENDING_MAX) >= PENDING_MAX:
            raise Refused(Code.BUSY, f"{PENDING_MAX} deliveries of this trigger wait already.")
        text = json.dumps(self.payload)
        name = self.delivery_id or hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        one = Arrived(delivery_id=f"fired:{name}", payload=text, chain=chain_in(self.payload))
        delivery = kept_delivery(work, trigger, one)
        if not await work.unit.add_deliveries([(delivery, text)]):
            raise Refused(
                Code.TRIGGER_STATE,
                "This payload was given before.",
                "Look at its outcome, or give it a delivery_id of its own.",
            )
        return DeliveryDone(delivery=delivery)
