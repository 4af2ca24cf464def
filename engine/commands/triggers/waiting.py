"""Deliveries that cannot be handled as planned: they wait longer, stay as they were kept, or come to nothing."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from engine.commands.base import Command, Work
from engine.commands.triggers.deliveries import DETAIL_MAX, DeliveryDone, most_deliveries, saved, stored
from engine.commands.triggers.replacing import later
from engine.model.triggers import DeliveryState


class PostponeDelivery(Command[DeliveryDone]):
    """Handle a delivery, and later ones about its object, later: it cannot be done just now, or its key is stopped."""

    in_record = False
    delivery_id: str
    seconds: int
    detail: str = ""
    stopped: bool = Field(False, description="its key is, for however long")
    object: str = Field("", description="what it is about, if that is known and could not be noted")

    async def carry_out(self, work: Work) -> DeliveryDone:
        """Raises Refused: UNKNOWN_DELIVERY."""
        delivery = await stored(work, self.delivery_id)
        if delivery.state.settled:
            return DeliveryDone(delivery=delivery)
        due = work.now + timedelta(seconds=self.seconds)
        since = None if self.stopped else delivery.unanswered or work.now
        about = self.object or delivery.object
        if about:
            found = await work.unit.pending_for(delivery.trigger_id, about, most_deliveries(work))
            for other in later(found, delivery):
                if other.due and other.due < due:
                    await saved(work, other, due=due)
        values = {"object": about, "detail": self.detail[:DETAIL_MAX], "unanswered": since}
        return await saved(work, delivery, due=due, **values)


class RestDelivery(Command[DeliveryDone]):
    """Leave a delivery as it was kept: its trigger is no longer live, or was stopped."""

    in_record = False
    delivery_id: str

    async def carry_out(self, work: Work) -> DeliveryDone:
        """Raises Refused: UNKNOWN_DELIVERY."""
        delivery = await stored(work, self.delivery_id)
        if delivery.state.settled:
            return DeliveryDone(delivery=delivery)
        return await saved(work, delivery, state=DeliveryState.KEPT, due=None, unanswered=None)


class SettleUnmatched(Command[DeliveryDone]):
    """Note that nothing is to be done for a delivery that waited: what its rules look at is another now."""

    in_record = False
    delivery_id: str

    async def carry_out(self, work: Work) -> DeliveryDone:
        """Raises Refused: UNKNOWN_DELIVERY."""
        delivery = await stored(work, self.delivery_id)
        if delivery.state is not DeliveryState.WAITING:
            return DeliveryDone(delivery=delivery)
        return await saved(work, delivery, unanswered=None, state=DeliveryState.NOTHING, due=None)
