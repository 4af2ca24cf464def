"""Once a minute: what has ended by the clock is closed, and whoever answers for it is told."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.commands.approvals.endings import ExpireHeld, TellEnded
from engine.commands.orders.ending import ReportEndedPlans
from engine.engine import SYSTEM, Engine

_EVERY = timedelta(minutes=1)
_LATELY = timedelta(days=7)
"""A key that ended longer ago is no news, also to a server that was off."""


def due(engine: Engine, last: datetime | None) -> bool:
    """True if nothing was looked at for a minute."""
    return last is None or engine.clock() - last >= _EVERY


async def step(engine: Engine, told: set[str]) -> None:
    """Close what was not decided in time, and tell owners of keys that ended; `told`: keys that need no look more."""
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
