"""What the fault tests share: campaigns to many people, workers that are real processes, a look into the ledger."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from engine.commands.campaigns.campaigns import CampaignAction, CampaignDone
from engine.commands.events.timing import Timing
from engine.engine import Engine, system_clock
from engine.model.campaigns import CampaignState
from engine.model.events import Event
from tests.support.engines import control, created, drafted, engine_in
from tests.support.ports import free_port, listens
from tests.support.processes import program
from tests.support.relay import Relay
from tests.support.soak import SOAK
from tests.support.waiting import DEADLINE_S, eventually

PEOPLE = 5_000 if SOAK else 1_200
KILLS = 20 if SOAK else 4
PATIENCE_S = 5 * DEADLINE_S if SOAK else DEADLINE_S


@dataclass
class Story:
    """One campaign on its way."""

    folder: Path
    engine: Engine
    event: Event
    draft: CampaignDone
    people: list[str]

    async def state(self) -> CampaignState:
        return (await self.engine.campaign(self.draft.campaign.id, self.engine.local)).campaign.state

    async def counts(self) -> dict[str, int]:
        return (await self.engine.campaign(self.draft.campaign.id, self.engine.local)).counts

    async def finished(self) -> None:
        """Return when the campaign is over; by then its counts add up to everybody."""

        async def over() -> bool:
            return await self.state() is CampaignState.FINISHED

        await eventually(over, PATIENCE_S)
        counts = await self.counts()
        assert sum(counts.values()) == len(self.people), counts

    async def all_sent(self) -> None:
        """As `finished`, and every message was accepted."""
        await self.finished()
        assert (await self.counts())["sent"] == len(self.people)


def crowd(number: int = PEOPLE, domain: str = "example.com") -> list[str]:
    return [f"p{n}@{domain}" for n in range(number)]


async def own_event(engine: Engine) -> Event:
    """An event a month from now, by the engine's clock."""
    start = f"{engine.clock() + timedelta(days=30):%Y-%m-%dT%H:%M}"
    return await created(engine, when=Timing(start=start, duration="PT1H", timezone="UTC"))


@asynccontextmanager
async def campaign_to(
    folder: Path, people: list[str], *, start: bool = True, **values: object
) -> AsyncIterator[Story]:
    """A campaign that is started and has nobody who sends it yet; at the end everything must add up."""
    async with engine_in(folder, system_clock, invite_limit=0, **values) as engine:
        event = await own_event(engine)
        draft = await drafted(engine, event, people)
        if start:
            await control(engine, draft, CampaignAction.START)
        yield Story(folder, engine, event, draft, people)


def worker(
    folder: Path, port: int, *, connections: int = 4, **settings: str
) -> AbstractAsyncContextManager[asyncio.subprocess.Process]:
    """`cis-mcp worker`, sending to a port of this machine; one process unless `SENDERS` says more."""
    outbox = f"smtp://127.0.0.1:{port}?starttls=no&connections={connections}"
    return program(folder, "worker", OUTBOX=outbox, **{"INVITE_LIMIT": "0", "SENDERS": "1", **settings})


@asynccontextmanager
async def ready_worker(
    folder: Path, relay: Relay, **settings: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, int]]:
    """A worker that takes mail in, once it does; with the port."""
    port = free_port()
    async with worker(folder, relay.port, INBOX=f"smtp://127.0.0.1:{port}", **settings) as process:
        await eventually(lambda: listens(port), PATIENCE_S)
        yield process, port


async def killed(process: asyncio.subprocess.Process) -> None:
    """Wait for a process that something else kills."""
    async with asyncio.timeout(PATIENCE_S):
        await process.wait()
    assert process.returncode == -9


async def stopped(process: asyncio.subprocess.Process) -> None:
    """Ask a process to stop, and wait until it has ended in good order."""
    process.terminate()
    assert await asyncio.wait_for(process.wait(), PATIENCE_S) == 0


class Signalled(Protocol):
    """A process that takes signals."""

    def send_signal(self, number: int, /) -> None: ...


async def stood_still(process: Signalled, folder: Path) -> None:
    """Stop a process where it is (SIGSTOP), at a moment when it does not have the database locked."""

    def stopped_outside() -> bool:
        process.send_signal(signal.SIGSTOP)
        if _writable(folder):
            return True
        process.send_signal(signal.SIGCONT)
        return False

    await eventually(stopped_outside, PATIENCE_S)


def _writable(folder: Path) -> bool:
    with closing(sqlite3.connect(folder / "cis.sqlite3", timeout=0.1, isolation_level=None)) as raw:
        try:
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("ROLLBACK")
        except sqlite3.OperationalError:
            return False
    return True


def asked(folder: Path, sql: str) -> list[tuple[object, ...]]:
    """What the database answers."""
    with closing(sqlite3.connect(folder / "cis.sqlite3", timeout=PATIENCE_S)) as raw:
        return raw.execute(sql).fetchall()


HELD = "id IN (SELECT value FROM lease, json_each(lease.run))"
"""The messages that somebody holds."""


def under_way(folder: Path) -> set[str]:
    """Message-IDs of what somebody holds."""
    return {str(row[0]) for row in asked(folder, f"SELECT message_id FROM message WHERE {HELD}")}


def leases_run_out(folder: Path) -> None:
    """Let the time pass for which the dead hold what they claimed."""
    _passes(folder, "UPDATE lease SET until = until - ?", 60)


def retries_come_nearer(folder: Path, seconds: float) -> None:
    """Let messages be due earlier, as if that time had passed."""
    _passes(folder, "UPDATE message SET due = due - ?", seconds)


def _passes(folder: Path, sql: str, seconds: float) -> None:
    with closing(sqlite3.connect(folder / "cis.sqlite3", timeout=PATIENCE_S)) as raw:
        raw.execute(sql, [seconds])
        raw.commit()
