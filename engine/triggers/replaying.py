"""Deliveries that were only stored, while their trigger was a draft or stopped, are handled after all."""

from __future__ import annotations

from engine.commands.triggers.deliveries import ReplayDelivery
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.triggers import DeliveryState
from engine.triggers import asking

_PAGE = 200


async def replay_kept(engine: Engine, name: str, actor: Actor) -> int:
    """Handle all that a trigger only stored, the oldest first, and return how many.

    Raises Refused: NOT_ALLOWED, UNKNOWN_TRIGGER, TRIGGER_STATE.
    """
    kept: list[str] = []
    before = ""
    while page := await asking.deliveries(
        engine, name, actor, state=DeliveryState.KEPT, limit=_PAGE, before=before
    ):
        kept += [one.id for one in page if one.due is None]
        before = page[-1].id
    for delivery_id in reversed(kept):
        await engine.apply(ReplayDelivery(trigger=name, delivery_id=delivery_id), actor)
    return len(kept)
