"""Every minute, closes what has expired and notifies the people responsible."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.commands.approvals.endings import ExpireHeld, TellEnded
from engine.commands.orders.ending import ReportEndedPlans
from engine.engine import SYSTEM, Engine

_EVERY = timedelta(minutes=1)
_LATELY = timedelta(days=7)
"""The owner of a key that ended longer ago is not notified, even if the server was off until now."""


def due(engine: Engine, last: datetime | None) -> bool:
    """True if a minute has passed since `last`."""
    return last is None or engine.clock() - last >= _EVERY


async def step(engine: Engine, told: set[str]) -> None:
    """Close requests not decided in time and notify owners of ended keys; `told` collects the ids of those keys."""
    while (await engine.apply(ExpireHeld(), SYSTEM)).worked:
        pass
    while (await engine.apply(ReportEndedPlans(), SYSTEM)).worked:
        pass
    now = engine.clock()
    for key in await engine.store.keys():
        ended = min((at for at in (key.revoked, key.expires) if at), default=None)
        if key.id not in told and ended and now - _LATELY <= ended <= now:
            await engine.apply(TellEnded(key_id=key.id), SYSTEM)
            told.add(key.id)
