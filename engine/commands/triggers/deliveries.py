"""What becomes of a delivery: kept, planned, carried out once and in order, failed, replayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from pydantic import Field

from engine.commands.base import Command, Done, Work
from engine.commands.notifying import Progress
from engine.commands.triggers import effects, replacing
from engine.commands.triggers.triggers import named, refuse_other_key, unknown_trigger
from engine.model.base import Value
from engine.model.rules import Deed
from engine.model.triggers import AskedFor, Delivery, DeliveryState, Posted, Trigger, TriggerObject
from engine.model.verbs import Verb
from engine.refusals import Code, Refused
from engine.rules.mapping import Mapped

PENDING_MAX = 10_000
"""Deliveries of one trigger that are not settled; more are asked to come again."""
UNDIVIDED_MAX = 1_000
"""Batches of one trigger that wait to be divided."""
_POSTED_BYTES_MAX = 256 * 1024 * 1024
"""Of requests as they were posted, in all; the oldest go first."""
_OBJECT_PENDING_MAX = 100
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
DETAIL_MAX = 300
_ID_LENGTH = 16
_IN_PARTS = "in_parts"
"""Marks a delivery of which a part of the people is invited, and which goes on at once."""
_EMPTIED_AT_ONCE = 1_000
DELIVERY_ID_MAX = 200


class Arrived(Value):
    """One delivery as it is kept: the sender's id, or a hash of the content, and the content as JSON."""

    delivery_id: str = Field(max_length=DELIVERY_ID_MAX)
    payload: str
    code: str = Field("", description="why it cannot be read; empty: it can")
    detail: str = ""
    chain: str = Field("", description="as a webhook of ours said, and the sender passed on; empty: none")


class KeptDeliveries(Done):
    """How many deliveries were new, and how many of those given were not kept yet, since a unit takes no more."""

    new: int
    left: int = 0


class KeepDeliveries(Command[KeptDeliveries]):
    """Keep what was delivered and proven, as much as a unit takes; what is known already is not kept again."""

    in_record = False
    trigger_id: str
    arrived: tuple[Arrived, ...]
    posted: Posted | None = Field(None, description="the request in which they came, as it is kept")
    divided: str = Field("", description="or the id of one that is kept already, and was divided into these")
    goes_on: bool = Field(False, description="others of the same request were kept before")

    async def carry_out(self, work: Work) -> KeptDeliveries:
        """Raises Refused: UNKNOWN_TRIGGER, BUSY."""
        if self.posted and len(self.arrived) > most_deliveries(work):
            # The sender hears that all of it is kept, so it is, and a job divides it.
            return await KeepPosted(trigger_id=self.trigger_id, posted=self.posted).carry_out(work)
        trigger = await with_room(work, self.trigger_id)
        came = self.divided
        if self.posted:
            came = await work.unit.add_posted(trigger.id, self.posted, work.now, divided=True)
        some = self.arrived[: most_deliveries(work)]
        left = len(self.arrived) - len(some)
        if self.divided and not left:
            await work.unit.divide(self.divided)
        made = zip(self._kept(work, trigger, some), some, strict=True)
        new = await work.unit.add_deliveries([(one, arrived.payload) for one, arrived in made], came)
        if came and not new and not left and not self.goes_on:
            await work.unit.drop_posted(came)
        return KeptDeliveries(new=new, left=left)

    def _kept(self, work: Work, trigger: Trigger, some: Sequence[Arrived]) -> Iterator[Delivery]:
        """What arrived as it is kept; of a batch most is alike, and is made once."""
        alike: dict[tuple[str, str, str], Delivery] = {}
        for one in some:
            about = (one.code, one.detail, one.chain)
            if (same := alike.get(about)) is None:
                alike[about] = same = kept_delivery(work, trigger, one)
                yield same
            else:
                own = {"id": work.randomness.word(_ID_LENGTH), "delivery_id": one.delivery_id}
                yield same.model_copy(update=own)


class KeepPosted(Command[KeptDeliveries]):
    """Keep a batch that was proven as it was posted; a job divides it into its deliveries."""

    in_record = False
    trigger_id: str
    posted: Posted

    async def carry_out(self, work: Work) -> KeptDeliveries:
        """Raises Refused: UNKNOWN_TRIGGER, BUSY."""
        trigger = await with_room(work, self.trigger_id)
        if await work.unit.undivided(trigger.id, UNDIVIDED_MAX) >= UNDIVIDED_MAX:
            raise Refused(Code.BUSY, f"{UNDIVIDED_MAX} batches of this trigger wait already.")
        came = await work.unit.add_posted(trigger.id, self.posted, work.now, divided=False)
        return KeptDeliveries(new=int(bool(came)))


def most_deliveries(work: Work) -> int:
    """How many deliveries one unit of work keeps: each is about as much as two people."""
    return max(1, work.unit.items_per_unit // 2)


async def with_room(work: Work, trigger_id: str) -> Trigger:
    """The trigger, if it takes more deliveries now. Raises Refused: UNKNOWN_TRIGGER, BUSY."""
    trigger = await work.unit.trigger(trigger_id)
    if trigger is None:
        raise unknown_trigger("")
    if await work.unit.pending_deliveries(trigger.id, PENDING_MAX) >= PENDING_MAX:
        raise Refused(Code.BUSY, f"{PENDING_MAX} deliveries of this trigger wait already.")
    return trigger


def kept_delivery(work: Work, trigger: Trigger, one: Arrived) -> Delivery:
    """What arrived as it is kept; it is due where the trigger works and it can be read."""
    works = trigger.live and not trigger.stopped and not one.code
    return Delivery(
        id=work.randomness.word(_ID_LENGTH),
        trigger_id=trigger.id,
        delivery_id=one.delivery_id,
        received=work.now,
        state=DeliveryState.FAILED if one.code else DeliveryState.KEPT,
        due=work.now if works else None,
        code=one.code,
        detail=one.detail[:DETAIL_MAX],
        chain=one.chain,
    )


class CountUnproven(Command[Done]):
    """Count requests at a hook that nothing proved."""

    in_record = False
    trigger_id: str
    times: int

    async def carry_out(self, work: Work) -> Done:
        """Refuses nothing."""
        await work.unit.count_unproven(self.trigger_id, self.times)
        return Done()


class DeliveryDone(Done):
    """A delivery as it is now."""

    delivery: Delivery
    to_come: int = Field(0, description="people whom the parts that follow invite or take out, at most")
    approved: str = Field("", description="of a part that follows: the digest of what was approved")


class PlanDelivery(Command[DeliveryDone]):
    """Note what a delivery asks for; it waits for the time to undo, in place of older ones that ask for no more."""

    in_record = False
    delivery_id: str
    mapped: Mapped | None

    async def carry_out(self, work: Work) -> DeliveryDone:
        """Raises Refused: UNKNOWN_DELIVERY."""
        delivery = await stored(work, self.delivery_id)
        if delivery.state is not DeliveryState.KEPT or delivery.due is None:
            return DeliveryDone(delivery=delivery)
        if self.mapped is None or self.mapped.do is Deed.NOTHING:
            return await saved(work, delivery, state=DeliveryState.NOTHING, due=None)
        asked = {
            "object": self.mapped.object,
            "version": self.mapped.version,
            "unanswered": None,
            "detail": "",
        }
        found = await work.unit.pending_for(delivery.trigger_id, self.mapped.object, _OBJECT_PENDING_MAX)
        waiting = [other for other in found if other.id != delivery.id]
        if await self._late(work, delivery, self.mapped, waiting):
            return await saved(
                work, delivery, **asked, state=DeliveryState.STALE, due=None, code=Code.STALE.value
            )
        # It may be planned after those that came later, where the store could not be used at first.
        after = [
            other
            for other in replacing.later(found, delivery)
            if not older(other.version, self.mapped.version)
        ]
        asks = replacing.asks(self.mapped)
        if any(other.asked and replacing.covers(other.asked, asks) for other in after):
            return await saved(work, delivery, **asked, state=DeliveryState.REPLACED, due=None)
        undo = work.settings.undo_trigger_s if self.mapped.undo_s is None else self.mapped.undo_s
        due = min(
            [work.now + timedelta(seconds=undo), *(other.due for other in after if other.due and other.asked)]
        )
        due = await self._in_order(work, [other for other in waiting if other not in after], asks, due)
        return await saved(work, delivery, **asked, asked=asks, state=DeliveryState.WAITING, due=due)

    async def _late(self, work: Work, delivery: Delivery, asked: Mapped, waiting: Sequence[Delivery]) -> bool:
        """True if a newer version was carried out, or waits."""
        known = await work.unit.trigger_object(delivery.trigger_id, asked.object)
        versions = [known.version if known else None, *(other.version for other in waiting)]
        return any(older(asked.version, version) for version in versions)

    async def _in_order(
        self, work: Work, before: Sequence[Delivery], asks: AskedFor, due: datetime
    ) -> datetime:
        """When it is due: after those before it that ask for something that it does not; the others are replaced."""
        for other in before:
            if replacing.covers(asks, other.asked):
                await saved(work, other, state=DeliveryState.REPLACED, due=None)
            elif other.due:
                due = max(due, other.due)
        return due


def older(version: float | None, known: float | None) -> bool:
    """True for a version before the one that is known; without versions nothing is older."""
    return version is not None and known is not None and version < known


class HandleDelivery(Command[DeliveryDone]):
    """Carry out what a delivery asks for, in one unit of work; once, however often it is asked."""

    delivery_id: str
    mapped: Mapped

    def subject(self) -> str:
        """What the record names it by: the delivery's id."""
        return self.delivery_id

    async def carry_out(self, work: Work) -> DeliveryDone:
        """Raises Refused: whatever the event's commands raise; LOOP, OUT_OF_BOUNDS."""
        delivery = await stored(work, self.delivery_id)
        if delivery.state not in {DeliveryState.WAITING, DeliveryState.HELD}:
            return DeliveryDone(delivery=delivery)
        if not work.approved and delivery.due and delivery.due > work.now:
            # One before it, about the same object, was put off after this one was seen to be due.
            return DeliveryDone(delivery=delivery)
        asked = self.mapped
        known = await work.unit.trigger_object(delivery.trigger_id, asked.object)
        known = known or TriggerObject(object=asked.object)
        if older(asked.version, known.version):
            return await saved(work, delivery, state=DeliveryState.STALE, due=None, code=Code.STALE.value)
        if asked.do is Deed.FORGET:
            done = await saved(work, delivery, state=DeliveryState.DONE, due=None)
            version = effects.greatest(asked.version, known.version)
            await work.unit.forget_object(delivery.trigger_id, asked.object, version)
            return done
        if asked.do is Deed.REMIND and delivery.event_uid:
            # It was carried out before, and nobody is reminded twice by one delivery.
            return await saved(work, delivery, state=DeliveryState.UNCHANGED, due=None)
        work.unit.go_on_with(effects.next_link(delivery.chain))
        goes_on = delivery.code == _IN_PARTS
        approved, until_now = (delivery.approved, delivery.refused) if goes_on else ("", None)
        came_to = await effects.carried_out(replace(work, waited=True), asked, known, until_now)
        if came_to.known:
            await work.unit.save_trigger_object(delivery.trigger_id, came_to.known)
        same = asked.version is not None and asked.version == known.version and bool(came_to.effect)
        code = came_to.code or ("same_version" if same and until_now is None else "")
        done = await saved(
            work,
            delivery,
            state=DeliveryState.WAITING if came_to.to_come else came_to.state,
            due=work.now if came_to.to_come else None,
            code=_IN_PARTS if came_to.to_come else code,
            detail=came_to.detail[:DETAIL_MAX],
            event_uid=came_to.event_uid or (came_to.known.event_uid if came_to.known else "") or asked.uid,
            invited=delivery.invited + came_to.invited,
            withdrawn=delivery.withdrawn + came_to.withdrawn,
            refused=came_to.refused,
            approved=approved if came_to.to_come else "",
        )
        return done.model_copy(update={"to_come": came_to.to_come, "approved": approved})


class FailDelivery(Command[DeliveryDone]):
    """Note why a delivery failed; a loop stops its trigger and is reported to the owner."""

    in_record = False
    delivery_id: str
    code: Code
    detail: str = ""

    async def carry_out(self, work: Work) -> DeliveryDone:
        """Raises Refused: UNKNOWN_DELIVERY."""
        delivery = await stored(work, self.delivery_id)
        if delivery.state.settled:
            return DeliveryDone(delivery=delivery)
        trigger = await work.unit.trigger(delivery.trigger_id)
        if self.code is Code.LOOP and trigger and not trigger.stopped:
            await work.unit.save_trigger(trigger.model_copy(update={"stopped": self.code.value}))
            await effects.report_loop(work, trigger, self.detail)
        values = {"code": self.code.value, "detail": self.detail[:DETAIL_MAX]}
        return await saved(work, delivery, state=DeliveryState.FAILED, due=None, **values)


class EmptyDeliveries(Command[Progress]):
    """Drop the content of deliveries that were settled long ago; that they came stays, so that none counts twice."""

    in_record = False

    async def carry_out(self, work: Work) -> Progress:
        """Some at a time. Refuses nothing."""
        days = work.settings.keep_mail_days
        before = work.now - timedelta(days=days) if days else _NEVER
        emptied = await work.unit.empty_deliveries(before, _EMPTIED_AT_ONCE)
        dropped = await work.unit.drop_old_posted(before, _POSTED_BYTES_MAX, _EMPTIED_AT_ONCE)
        return Progress(worked=bool(emptied or dropped))


class HoldDelivery(Command[DeliveryDone]):
    """Note that what a delivery asks for waits for approval."""

    in_record = False
    delivery_id: str
    held_id: str

    async def carry_out(self, work: Work) -> DeliveryDone:
        """Raises Refused: UNKNOWN_DELIVERY."""
        delivery = await stored(work, self.delivery_id)
        if delivery.state is not DeliveryState.WAITING:
            return DeliveryDone(delivery=delivery)
        why = f"It waits for approval: held action {self.held_id}."
        values = {"detail": why, "held": self.held_id}
        return await saved(work, delivery, state=DeliveryState.HELD, due=None, **values)


class ReplayDelivery(Command[DeliveryDone]):
    """Handle a delivery anew; what was carried out already is not carried out twice."""

    trigger: str
    delivery_id: str

    async def carry_out(self, work: Work) -> DeliveryDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER, UNKNOWN_DELIVERY, TRIGGER_STATE, INVALID_PAYLOAD."""
        work.require(Verb.TRIGGER)
        trigger = await named(work, self.trigger)
        delivery = await stored(work, self.delivery_id)
        if delivery.trigger_id != trigger.id:
            raise unknown_delivery(self.delivery_id)
        refuse_other_key(work, trigger)
        if not trigger.live or trigger.stopped:
            raise Refused(Code.TRIGGER_STATE, "The trigger is not live, so it does nothing.")
        if delivery.code == Code.INVALID_PAYLOAD:
            raise Refused(
                Code.INVALID_PAYLOAD, "The delivery cannot be read, and a replay would fail in the same way."
            )
        values = {"code": "", "detail": "", "refused": (), "unanswered": None, "approved": ""}
        return await saved(work, delivery, state=DeliveryState.KEPT, due=work.now, **values)


async def stored(work: Work, delivery_id: str) -> Delivery:
    """The delivery with this id of ours. Raises Refused: UNKNOWN_DELIVERY."""
    delivery = await work.unit.delivery(delivery_id)
    if delivery is None:
        raise unknown_delivery(delivery_id)
    return delivery


def unknown_delivery(delivery_id: str) -> Refused:
    """The refusal of an id that names no delivery (UNKNOWN_DELIVERY)."""
    return Refused(Code.UNKNOWN_DELIVERY, f"No delivery has the id “{delivery_id[:60]}”.")


async def saved(work: Work, delivery: Delivery, **values: object) -> DeliveryDone:
    """`delivery` with these values, as it is kept now; what it waits for, and why it had to, only while it waits."""
    state = values.get("state", delivery.state)
    gone: dict[str, object] = {} if state is DeliveryState.WAITING else {"asked": None}
    gone |= {} if state is DeliveryState.HELD else {"held": ""}
    over = {"detail": ""} if isinstance(state, DeliveryState) and state.settled else {}
    delivery = delivery.model_copy(update={**over, **values, **gone})
    await work.unit.save_delivery(delivery)
    return DeliveryDone(delivery=delivery)
