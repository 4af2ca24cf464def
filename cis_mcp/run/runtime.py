"""Runs the engine in this process: inbox, dispatcher and jobs, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from cis_mcp.watch import progress
from cis_mcp.watch.health import Health
from cis_mcp.watch.metrics import Gauges, MetricsCollector
from engine.engine import Engine
from engine.imports.following import Follower
from engine.inbox import cleaning, sources
from engine.inbox.intake.intake import Inbox
from engine.inbox.smtp.listener import Listener
from engine.jobs import jobs as job_runner
from engine.jobs import record
from engine.observe import telemetry
from engine.outbox.dispatcher import Dispatcher
from engine.outbox.processes.pool import SenderPool
from engine.outbox.transports import open_transport
from engine.refusals import Code, Refused
from engine.settings import Settings
from engine.triggers import worker as deliveries
from engine.webhooks.worker import Courier

log = logging.getLogger(__name__)

Job = Callable[[], Coroutine[object, object, None]]


@asynccontextmanager
async def opened(settings: Settings, *, existing: bool = False) -> AsyncIterator[Engine]:
    """The engine without background work, closed at the end.

    `existing`: raise Refused(INVALID_ARGUMENT) where there is no store yet. A question or a stop that a new, empty
    store answers would say that all is well of a server that it has not reached.
    """
    if existing and not settings.in_table and not await asyncio.to_thread(settings.database.exists):
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"There is no store at {settings.database}.",
            "Run this in the folder that holds the server's .env, or set CIS_DATA_DIR as the server has it.",
        )
    engine = await Engine.open(settings)
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def running(settings: Settings, health: Health | None = None) -> AsyncIterator[Engine]:
    """The engine with all its background jobs, stopped cleanly at the end; `health` is told of the jobs.

    Raises ValueError if `CIS_INBOX` or `CIS_OUTBOX` cannot be understood.
    """
    transport = open_transport(settings)
    async with opened(settings) as engine:
        inbox = Inbox(engine)
        named = sources.named(inbox, settings.inbox.get_secret_value())
        jobs: dict[str, Job] = {f"source {n} of CIS_INBOX": source.run for n, source in enumerate(named, 1)}
        jobs |= {"inbox": inbox.run, "jobs": lambda: job_runner.run(engine)}
        jobs |= {
            "dispatcher": Dispatcher(engine, transport).run,
            "senders": SenderPool(engine, transport.connections).run,
        }
        jobs |= {"cleaning": lambda: cleaning.run(engine), "progress": lambda: progress.run(engine)}
        jobs |= {"deliveries": lambda: deliveries.run(engine), "webhooks": Courier(engine).run}
        jobs |= {"record": lambda: record.run(engine), "calendars": Follower(engine).run}
        health = health or Health()
        end = await _seen(engine, health)
        health.jobs = {name: asyncio.create_task(_watched(name, job)) for name, job in jobs.items()}
        health.doubts = [source.doubt for source in named if isinstance(source, Listener)]
        try:
            yield engine
        finally:
            for task in health.jobs.values():
                task.cancel()
            await asyncio.gather(*health.jobs.values(), return_exceptions=True)
            await telemetry.flushed(end)


async def _seen(engine: Engine, health: Health) -> Callable[[], None]:
    """Start exporting metrics and traces if the settings ask for it; returns what to call at the end."""
    end = telemetry.begin(engine.observer)
    if engine.observer.listener:
        tower = MetricsCollector(engine, health)
        Gauges(tower.samples, await tower.samples())
    return end


async def _watched(name: str, job: Job) -> None:
    """Run a background job, which never ends on its own; a failure is logged as critical."""
    try:
        await job()
    except Exception:
        log.critical("the %s ended; restart the server", name, exc_info=True)
        raise
