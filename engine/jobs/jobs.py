"""Runs jobs: writes the messages of changes and campaigns, starts and closes campaigns."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from engine.commands.base import Command
from engine.commands.bulk_changes import ContinueBulkChange
from engine.commands.campaigns.fan_out import DropDays, FanOut, PauseFailing, StartScheduled
from engine.commands.campaigns.uploading import DropAbandoned
from engine.commands.notifying import Progress, SendGathered
from engine.engine import SYSTEM, Engine
from engine.jobs import digests, endings, finishing
from engine.quiet import Quiet
from engine.store.protocol import Job

if TYPE_CHECKING:
    from engine.jobs.nightly import Nights

log = logging.getLogger(__name__)

_COMMANDS: dict[Job, type[Command[Progress]]] = {
    Job.PAUSE_FAILING: PauseFailing,
    Job.START_SCHEDULED: StartScheduled,
    Job.BULK_CHANGE: ContinueBulkChange,
    Job.FAN_OUT: FanOut,
    Job.NOTIFY: SendGathered,
    Job.DROP_DAYS: DropDays,
    Job.DROP_LISTS: DropAbandoned,
}
_IDLE_S = 0.5
_LOOK_S = 2.0
"""The seconds between searches for jobs that time alone makes due."""
_BY_CLOCK_AGAIN_S = 60.0
_AFTER_FAILURE_S = 5.0
_WRITTEN_AT_ONCE = 1_000
"""How many messages to write before other jobs have their turn, if a unit of work takes fewer."""


async def run(engine: Engine) -> None:
    """Run jobs until cancelled."""
    nights = _nights(engine)
    try:
        await _look_after(engine, nights)
    finally:
        if nights:
            await nights.stop()


def _nights(engine: Engine) -> Nights | None:
    """The nightly export if one is configured; only then are the modules for S3 imported."""
    if not engine.settings.export:
        return None
    from engine.jobs.nightly import Nights

    return Nights(engine)


async def _look_after(engine: Engine, nights: Nights | None) -> None:
    quiet, loop, next_look = Quiet(engine.store), asyncio.get_running_loop(), 0.0
    others, not_before = _ByTheClock(engine, nights), dict.fromkeys(Job, 0.0)
    while True:
        signal = engine.owed.listen()
        worked = failed = False
        try:
            if not await quiet.since_last() or loop.time() >= next_look:
                next_look = loop.time() + _LOOK_S
                worked, failures = await _round(engine, [j for j in Job if not_before[j] <= loop.time()])
                for job, failure in failures.items():
                    log.error("a job failed; trying again", exc_info=failure)
                    not_before[job] = loop.time() + _AFTER_FAILURE_S
        except Exception:
            log.exception("a job failed; trying again")
            failed = True
        await others.look()
        if failed:
            await asyncio.sleep(_AFTER_FAILURE_S)
        elif not worked:
            await signal.rest(_IDLE_S)


class _ByTheClock:
    """Digests, what ends by itself, and the nightly export."""

    def __init__(self, engine: Engine, nights: Nights | None) -> None:
        self._engine = engine
        self._nights = nights
        self._digested: datetime | None = None
        self._ended: datetime | None = None
        self._told: set[str] = set()
        self._not_before: dict[str, float] = {}

    async def look(self) -> None:
        """Do what is due; what fails is tried again after a minute, and keeps nothing else from being done."""
        loop = asyncio.get_running_loop()
        for name, work in (("digests", self._digests), ("endings", self._ends), ("export", self._exports)):
            if loop.time() < self._not_before.get(name, 0.0):
                continue
            try:
                await work()
            except Exception:
                log.exception("a job by the clock failed (%s); trying again in a minute", name)
                self._not_before[name] = loop.time() + _BY_CLOCK_AGAIN_S

    async def _digests(self) -> None:
        if digests.due(self._engine, self._digested):
            await digests.step(self._engine)
            self._digested = self._engine.clock()

    async def _ends(self) -> None:
        if endings.due(self._engine, self._ended):
            await endings.step(self._engine, self._told)
            self._ended = self._engine.clock()

    async def _exports(self) -> None:
        if self._nights:
            self._nights.look()


async def step(engine: Engine) -> bool:
    """Do one unit of each kind of job that is due; True if there was any.

    Raises what a job failed by once the others had their turn, and OSError at once: then the store is out of reach.
    """
    worked, failures = await _round(engine, list(Job))
    if failures:
        raise next(iter(failures.values()))
    return worked


async def _round(engine: Engine, jobs: Sequence[Job]) -> tuple[bool, dict[Job, Exception]]:
    """Do one unit of each of `jobs` that is due: True if there was any, and which failed by what. Raises OSError."""
    waiting = await engine.store.due_jobs(engine.clock(), engine.settings.fail_share)
    worked, failures = False, {}
    for job in jobs:
        if job not in waiting:
            continue
        try:
            worked = await _do(engine, job) or worked
        except OSError:
            raise
        except Exception as error:  # noqa: BLE001 -- whoever called decides what comes of it
            failures[job] = error
    return worked, failures


async def _do(engine: Engine, job: Job) -> bool:
    """Do one unit of a job, or several if it writes messages, since finding a job costs as much as writing a few."""
    if job is Job.FINISH:
        return await finishing.step(engine)
    units = max(1, _WRITTEN_AT_ONCE // engine.store.items_per_unit) if job is Job.FAN_OUT else 1
    for done in range(units):
        if not (await engine.apply(_COMMANDS[job](), SYSTEM)).worked:
            return done > 0
    return True
