"""Looks after jobs: writes the messages of changes and campaigns, starts and closes campaigns."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from engine.commands.base import Command
from engine.commands.campaigns.fan_out import DropDays, FanOut, FinishCampaign, PauseFailing, StartScheduled
from engine.commands.telling import Progress, TellGathered
from engine.engine import SYSTEM, Engine
from engine.jobs import digests
from engine.quiet import Quiet
from engine.store.protocol import Chore

log = logging.getLogger(__name__)

_COMMANDS: dict[Chore, type[Command[Progress]]] = {
    Chore.PAUSE_FAILING: PauseFailing,
    Chore.START_SCHEDULED: StartScheduled,
    Chore.FAN_OUT: FanOut,
    Chore.FINISH: FinishCampaign,
    Chore.TELL: TellGathered,
    Chore.DROP_DAYS: DropDays,
}
_IDLE_S = 0.5
_LOOK_S = 2.0
"""How often to look for what only the clock makes due, while nothing is kept."""
_AFTER_FAILURE_S = 5.0


async def run(engine: Engine) -> None:
    """Run until cancelled."""
    quiet, loop, next_look = Quiet(engine.store), asyncio.get_running_loop(), 0.0
    digested: datetime | None = None
    while True:
        heard = engine.owed.listen()
        try:
            worked = False
            if not await quiet.since_last() or loop.time() >= next_look:
                next_look = loop.time() + _LOOK_S
                worked = await step(engine)
            if digests.due(engine, digested):
                await digests.step(engine)
                digested = engine.clock()
        except Exception:
            log.exception("a chore failed; trying again")
            await asyncio.sleep(_AFTER_FAILURE_S)
        else:
            if not worked:
                await heard.wait(_IDLE_S)


async def step(engine: Engine) -> bool:
    """Do one piece of each kind of work that waits; True where there was any."""
    waiting = await engine.store.chores(engine.clock(), engine.settings.fail_share)
    worked = False
    for chore in Chore:
        if chore in waiting:
            done = await engine.apply(_COMMANDS[chore](), SYSTEM)
            worked = worked or done.worked
    return worked
