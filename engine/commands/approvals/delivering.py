"""What a decision means for the delivery that waited for it: it goes on with the yes, or fails and can be replayed."""

from __future__ import annotations

from engine.commands.approvals.holding import kept_command
from engine.commands.base import Done, Work
from engine.commands.triggers.deliveries import DeliveryDone, HandleDelivery
from engine.model.held import HeldAction, HeldState
from engine.model.triggers import DeliveryState
from engine.refusals import Code

_DETAIL_MAX = 300


async def keep_yes(work: Work, held: HeldAction, done: Done) -> None:
    """Note the yes at a delivery that goes on in parts, so that none of the others waits for one of its own."""
    if isinstance(done, DeliveryDone) and done.to_come:
        approved = done.delivery.model_copy(update={"approved": held.digest})
        await work.unit.save_delivery(approved)


async def fail_held(work: Work, held: HeldAction) -> None:
    """Fail the delivery that waited for this action, if it was one and nothing else became of it meanwhile."""
    command = kept_command(held) if held.command.name == HandleDelivery.__name__ else None
    if not isinstance(command, HandleDelivery) or held.state is HeldState.APPROVED:
        return
    delivery = await work.unit.delivery(command.delivery_id)
    # A replay may have had it held anew, under another action.
    if delivery is None or delivery.state is not DeliveryState.HELD or held.id not in delivery.detail:
        return
    became = "was not decided in time" if held.state is HeldState.EXPIRED else f"is {held.state.value}"
    detail = f"Held action {held.id} {became}{f': {held.why}' if held.why else '.'}"
    failed = {
        "state": DeliveryState.FAILED,
        "code": Code.HELD_ACTION_STATE.value,
        "detail": detail[:_DETAIL_MAX],
    }
    await work.unit.save_delivery(delivery.model_copy(update=failed))
