"""What a decision means for the delivery that waited for it: it goes on with the yes, or fails and can be replayed."""

from __future__ import annotations

import json

from engine.commands.base import Command, Done, Work
from engine.commands.triggers.deliveries import DETAIL_MAX, DeliveryDone, HandleDelivery
from engine.model.forgotten import held_without
from engine.model.held import HeldAction, HeldState
from engine.model.triggers import DeliveryState
from engine.refusals import Code


async def keep_yes(work: Work, held: HeldAction, done: Done) -> None:
    """Note the yes at a delivery that goes on in parts, so that none of the others waits for one of its own."""
    if isinstance(done, DeliveryDone) and done.to_come:
        approved = done.delivery.model_copy(update={"approved": held.digest})
        await work.unit.save_delivery(approved)


async def fail_held(work: Work, held: HeldAction) -> None:
    """Fail the delivery that waited for this action, if it was one and nothing else became of it meanwhile."""
    if held.command.name != HandleDelivery.__name__ or held.state is HeldState.APPROVED:
        return
    delivery = await work.unit.delivery(json.loads(held.command.arguments).get("delivery_id", ""))
    # A replay may have had it held anew, under another action. Older rows name it in their words alone.
    if delivery is None or delivery.state is not DeliveryState.HELD:
        return
    if held.id not in (delivery.held or delivery.detail):
        return
    became = "was not decided in time" if held.state is HeldState.EXPIRED else f"is {held.state.value}"
    detail = f"Held action {held.id} {became}{f': {held.why}' if held.why else '.'}"
    failed = {
        "state": DeliveryState.FAILED,
        "code": Code.HELD_ACTION_STATE.value,
        "detail": detail[:DETAIL_MAX],
        "held": "",
    }
    await work.unit.save_delivery(delivery.model_copy(update=failed))


class VoidForgotten(Command[Done]):
    """Void a held action about a person who is being forgotten, while it still tells which delivery waits for it."""

    in_record = False
    held_id: str
    address: str
    alias: str

    async def carry_out(self, work: Work) -> Done:
        """Refuses nothing."""
        held = await work.unit.held_action(self.held_id)
        if held and held.state is HeldState.WAITING:
            void = held_without(held, self.address, self.alias, work.now)
            await work.unit.save_held(void)
            if void.state is HeldState.VOID:
                await fail_held(work, void.model_copy(update={"command": held.command}))
        return Done()
