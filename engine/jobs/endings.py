"""Every minute, closes what has expired and notifies the people responsible."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from engine.commands.approvals.endings import ExpireHeld, TellEnded, end_of
from engine.commands.orders.ending import ReportEndedPlans
from engine.engine import SYSTEM, Engine
from engine.jobs.turns import each
from engine.model.keys import Key

_EVERY = timedelta(minutes=1)
_LATELY = timedelta(days=7)
"""The owner of a key that ended longer ago is not notified, even if the server was off until now."""


def due(engine: Engine, last: datetime | None) -> bool:
    """True if a minute has passed since `last`."""
    return last is None or engine.clock() - last >= _EVERY


async def step(engine: Engine, told: set[str]) -> None:
    """Close requests not decided in time and notify owners of ended keys; `told` collects what it told."""
    await each(work(engine) for work in (_close, _report, partial(_tell, told=told)))


async def _close(engine: Engine) -> None:
    while (await engine.apply(ExpireHeld(), SYSTEM)).worked:
        pass


async def _report(engine: Engine) -> None:
    while (await engine.apply(ReportEndedPlans(), SYSTEM)).worked:
        pass


async def _tell(engine: Engine, told: set[str]) -> None:
    now = engine.clock()
    await each(_tell_of(engine, key, told) for key in await engine.store.keys() if _lately(key, now))


def _lately(key: Key, now: datetime) -> bool:
    return key.ends is not None and now - _LATELY <= key.ends <= now


async def _tell_of(engine: Engine, key: Key, told: set[str]) -> None:
    if end_of(key) not in told:
        await engine.apply(TellEnded(key_id=key.id), SYSTEM)
        told.add(end_of(key))
