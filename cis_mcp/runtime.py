"""Runs the engine in this process: inbox, dispatcher and chores, started and stopped together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager

from cis_mcp import progress
from engine.engine import Engine
from engine.inbox import cleaning, sources
from engine.inbox.intake import Inbox
from engine.outbox import chores
from engine.outbox.crew import Crew
from engine.outbox.dispatcher import Dispatcher
from engine.outbox.transports import open_transport
from engine.settings import Settings

log = logging.getLogger(__name__)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Engine]:
    """The engine alone, closed at the end."""
    engine = await Engine.open(settings)
    try:
        yield engine
    finally:
        await engine.close()


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Engine]:
    """The engine with everything that works in the background, stopped cleanly at the end.

    Raises ValueError where `CIS_INBOX` or `CIS_OUTBOX` cannot be understood.
    """
    transport = open_transport(settings)
    async with opened(settings) as engine:
        inbox = Inbox(engine)
        named = sources.named(inbox, settings.inbox.get_secret_value())
        jobs: list[Callable[[], Coroutine[object, object, None]]] = [source.run for source in named]
        jobs += [inbox.run, lambda: chores.run(engine), Dispatcher(engine, transport).run]
        jobs += [lambda: cleaning.run(engine), lambda: progress.run(engine), Crew(engine, transport.connections).run]
        tasks = [asyncio.create_task(_watched(job)) for job in jobs]
        try:
            yield engine
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _watched(job: Callable[[], Coroutine[object, object, None]]) -> None:
    """A background job never ends by itself; where one fails, it is said loudly."""
    try:
        await job()
    except Exception:
        log.critical("a background job ended; restart the server", exc_info=True)
        raise
