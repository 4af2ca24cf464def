"""Stores the deliveries of a hook, in as many units of work as needed."""

from __future__ import annotations

from collections.abc import Sequence

from engine.commands.triggers.deliveries import Arrived, KeepDeliveries
from engine.engine import SYSTEM, Engine


async def kept(engine: Engine, trigger_id: str, arrived: Sequence[Arrived], divided: str = "") -> int:
    """Store deliveries and return how many were new. `divided`: id of the stored request that contained them.

    Raises Refused: UNKNOWN_TRIGGER, BUSY; deliveries stored before that remain, and are not stored twice.
    """
    new, rest, goes_on = 0, tuple(arrived), False
    while True:
        keep = KeepDeliveries(trigger_id=trigger_id, arrived=rest, divided=divided, goes_on=goes_on)
        done = await engine.apply(keep, SYSTEM)
        new, goes_on = new + done.new, True
        if not done.left:
            return new
        rest = rest[len(rest) - done.left :]
