"""Keeps what arrived at a hook, in as many units of work as it takes."""

from __future__ import annotations

from collections.abc import Sequence

from engine.commands.triggers.deliveries import Arrived, KeepDeliveries
from engine.engine import SYSTEM, Engine


async def kept(engine: Engine, trigger_id: str, arrived: Sequence[Arrived], divided: str = "") -> int:
    """Keep deliveries; how many were new. `divided`: id of the kept request that they came in.

    Raises Refused: UNKNOWN_TRIGGER, BUSY; what was kept until then stays, and is not kept twice.
    """
    new, rest, goes_on = 0, tuple(arrived), False
    while True:
        keep = KeepDeliveries(trigger_id=trigger_id, arrived=rest, divided=divided, goes_on=goes_on)
        done = await engine.apply(keep, SYSTEM)
        new, goes_on = new + done.new, True
        if not done.left:
            return new
        rest = rest[len(rest) - done.left :]
