"""Sources at work beside the inbox, stopped as the server stops them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from engine.engine import Engine
from engine.inbox import sources
from engine.inbox.intake.intake import Inbox
from engine.model.counters import Intake
from tests.support.intakes import newest
from tests.support.waiting import DEADLINE_S


@asynccontextmanager
async def fetching(engine: Engine, *urls: str, handling: bool = True) -> AsyncIterator[Inbox]:
    """The sources that `CIS_INBOX` names; `handling`: the spool is worked through as well."""
    inbox = Inbox(engine)
    jobs = [source.run() for source in sources.named(inbox, ",".join(urls))]
    tasks = [asyncio.create_task(job) for job in [*jobs, *([inbox.run()] if handling else [])]]
    try:
        yield inbox
    finally:
        for task in tasks:
            task.cancel()
        async with asyncio.timeout(DEADLINE_S):
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        for outcome in outcomes:
            assert isinstance(outcome, asyncio.CancelledError), outcome


async def actions(engine: Engine) -> Counter[str]:
    """How many mails came to what."""
    return Counter(intake.action for intake in await taken(engine))


async def taken(engine: Engine) -> list[Intake]:
    """What became of mails, the newest first."""
    return list(await newest(engine, 1_000))


def spooled(inbox: Inbox) -> list[str]:
    """The ids of the mails that wait in the spool."""
    return list(inbox.spool.waiting())
