"""Which bounds hold for whoever asks: read anew for each command, so that what was narrowed holds at once."""

from __future__ import annotations

from datetime import datetime

from engine.model.actors import Actor
from engine.model.keys import UNBOUNDED, Standing
from engine.refusals import Code, Refused
from engine.store.protocol import Unit


async def standing_of(unit: Unit, actor: Actor, now: datetime) -> Standing:
    """The keys whose bounds hold for `actor`, as they are now. Raises Refused: NOT_ALLOWED, OUT_OF_BOUNDS."""
    if not actor.chain:
        return UNBOUNDED
    found = await unit.standing(actor.chain)
    if len(found.keys) < len(set(actor.chain)) or found.ended(now):
        raise Refused(Code.NOT_ALLOWED, "This key has ended.", "Ask the operator for a new one.")
    if found.stopped:
        raise Refused(
            Code.OUT_OF_BOUNDS,
            "This key is stopped: it changes nothing, and what it owes waits.",
            "Ask its owner to resume it.",
            bound="stopped",
        )
    return found
