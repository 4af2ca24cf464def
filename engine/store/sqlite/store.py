"""The SQLite store: one file, opened by several processes at once (design: The store)."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import aiosqlite

from engine.model import Attendee, Campaign, Event, Message, Receipt, Recipient, Statistics
from engine.store.protocol import (
    Answer,
    AttendeePage,
    AttendeeQuery,
    Claim,
    EventPage,
    EventQuery,
    History,
    Intake,
    Rates,
    Unit,
)
from engine.store.sqlite.attendees import Attendees
from engine.store.sqlite.campaigns import Campaigns
from engine.store.sqlite.claims import Claims
from engine.store.sqlite.events import Events
from engine.store.sqlite.memory import Memory
from engine.store.sqlite.questions import Questions
from engine.store.sqlite.recount import Recount
from engine.store.sqlite.rows import moment
from engine.store.sqlite.schema import DUE, migrate

_BUSY_S = 60.0
"""How long a writer waits for another process: transactions are short, so this is never reached in health."""

_FULL = "the disk is full: nothing was changed; make room and try again"


class _Unit(Events, Attendees, Claims, Campaigns, Memory):
    """Everything a unit of work can do."""


class SqliteStore:
    """Keeps everything in one SQLite file in WAL mode with `synchronous=FULL`."""

    def __init__(
        self, writer: aiosqlite.Connection, reader: aiosqlite.Connection, rates: Rates, path: Path
    ) -> None:
        self._path = path
        self._writer = writer
        self._reader = reader
        self._writing = asyncio.Lock()
        self._rates = rates
        self._questions = Questions(reader)

    @classmethod
    async def open(cls, path: Path, rates: Rates | None = None) -> SqliteStore:
        """Open the file, making or migrating it as needed.

        `rates`: what all processes together may claim. Raises NewerDatabase, OSError.
        """
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            writer, reader = await _connect_both(path)
        except sqlite3.Error as error:
            raise OSError(errno.EIO, f"the database cannot be opened: {error}", str(path)) from error
        return cls(writer, reader, rates or Rates(), path)

    async def close(self) -> None:
        async with self._writing:
            await self._reader.close()
            await self._writer.close()

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[Unit]:
        """A unit of work: kept when the block ends, undone when it raises."""
        async with self._transaction() as unit:
            yield unit

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[_Unit]:
        """One transaction; raises OSError (ENOSPC) where the disk is full, and then nothing was changed."""
        async with self._writing:
            try:
                await self._writer.execute("BEGIN IMMEDIATE")
                unit = _Unit(self._writer)
                yield unit
                await unit.flush()
                await self._writer.execute("COMMIT")
            except BaseException as error:
                # A caller that goes away leaves its statement running in the connection's thread: this
                # queues up behind it, and does nothing where no transaction was begun.
                await self._writer.rollback()
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                    raise OSError(errno.ENOSPC, _FULL, str(self._path)) from error
                raise

    # questions

    async def event(self, uid: str) -> Event | None:
        return await self._questions.event(uid)

    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None:
        return await Events(self._reader).event_by_source(organizer, source_uid)

    async def attendee_by_token(self, token: str) -> Attendee | None:
        return await Attendees(self._reader).attendee_by_token(token)

    async def event_with_statistics(self, uid: str) -> tuple[Event, Statistics] | None:
        return await self._questions.event_with_statistics(uid)

    async def search(self, query: EventQuery) -> EventPage:
        return await self._questions.search(query)

    async def attendees(self, query: AttendeeQuery) -> AttendeePage:
        return await self._questions.attendees(query)

    def every_attendee(self, uid: str) -> AsyncIterator[Attendee]:
        return self._questions.every_attendee(uid)

    async def statistics(self, scope: str, key: str) -> Statistics:
        return await self._questions.statistics(scope, key)

    async def message(self, message_id: int) -> Message | None:
        return await self._questions.message(message_id)

    async def message_by_message_id(self, message_id: str) -> Message | None:
        return await self._questions.message_by_message_id(message_id)

    async def campaign(self, campaign_id: str) -> Campaign | None:
        return await Campaigns(self._reader).campaign(campaign_id)

    async def campaigns(self, organizer: str | None, limit: int) -> list[Campaign]:
        return await self._questions.campaigns(organizer, limit)

    async def campaign_counts(self, campaign_id: str) -> dict[str, int]:
        return await Campaigns(self._reader).campaign_counts(campaign_id)

    async def skipped(self, campaign_id: str, limit: int) -> list[Recipient]:
        return await Campaigns(self._reader).skipped(campaign_id, limit)

    async def failures(self, campaign_id: str, limit: int) -> list[Message]:
        return await self._questions.failures(campaign_id, limit)

    async def attendee(self, event_uid: str, email: str) -> Attendee | None:
        return await self._questions.attendee(event_uid, email)

    async def history(self, event_uid: str, email: str) -> list[History]:
        return await self._questions.history(event_uid, email)

    async def receipts(self, event_uid: str, email: str) -> list[Receipt]:
        return await self._questions.receipts(event_uid, email)

    async def key_by_digest(self, digest: str) -> str | None:
        return await self._questions.key_by_digest(digest)

    async def keys(self) -> list[str]:
        return await self._questions.keys()

    async def intake(self, limit: int) -> list[Intake]:
        return await self._questions.intake(limit)

    async def noted(self, intake_prefix: str) -> bool:
        return await self._questions.noted(intake_prefix)

    async def recount(self) -> list[str]:
        """Every difference between counters and rows, seen at one instant."""
        async with self._transaction() as unit:
            return await Recount(unit.connection).differences()

    # the dispatcher's side

    async def claim_messages(
        self, owner: str, limit: int, now: datetime, lease_s: float, *, reclaim: bool = True
    ) -> list[Claim]:
        """Lease up to `limit` messages that are due to `owner`, in order, until now + `lease_s` seconds.

        `reclaim`: take what others held, where their leases have run out.
        """
        async with self._transaction() as unit:
            if reclaim:
                await unit.reclaim(now, lease_s)
            return await unit.claim(owner, limit, now, lease_s, self._rates)

    async def renew_leases(self, owner: str, now: datetime, lease_s: float) -> set[int]:
        """Keep what `owner` holds for another `lease_s` seconds; gives back the ids of those messages."""
        async with self._transaction() as unit:
            return await unit.renew(owner, now.timestamp() + lease_s)

    async def write_answers(self, owner: str, answers: Sequence[Answer], now: datetime) -> None:
        """Write down what came of claimed messages, in one transaction."""
        async with self._transaction() as unit:
            await unit.write(owner, answers, now)

    async def chores(self, now: datetime, fail_share: float = 0) -> bool:
        """True where a job, or a scheduled, a failing or a finished campaign waits to be looked after."""
        look = Campaigns(self._reader)
        if await look.next_fanout() or await look.next_scheduled(now) or await look.next_drained():
            return True
        return bool(fail_share and await look.next_failing(fail_share))

    async def senders(self) -> int:
        """How many dispatchers hold messages just now."""
        row = await self._questions.one(
            "SELECT count(DISTINCT owner) AS n FROM message WHERE state = 'sending'"
        )
        return int(row["n"]) if row else 0

    async def next_due(self) -> datetime | None:
        """When the next message is due, or the next lease may have run out; None where nothing is owed."""
        row = await self._questions.one(
            f"SELECT min(t) AS t FROM (SELECT min(due) AS t FROM message WHERE {DUE} AND priority = 0 "
            f"UNION ALL SELECT min(due) FROM message WHERE {DUE} AND priority = 1 "
            "UNION ALL SELECT min(lease) FROM message WHERE state = 'sending')"
        )
        return moment(row["t"]) if row else None


async def _connect_both(path: Path) -> tuple[aiosqlite.Connection, aiosqlite.Connection]:
    """The connection that writes, with the tables brought up to date, and the one that reads."""
    writer = await _connect(path)
    try:
        await migrate(writer)
        return writer, await _connect(path)
    except BaseException:
        await writer.close()
        raise


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, timeout=_BUSY_S, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "cache_size = -32000",
        ):
            await connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        await connection.close()
        raise
    return connection
