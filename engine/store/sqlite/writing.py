"""The writing connection: one transaction of this process at a time, alternating with other processes."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiosqlite

from engine.process.gathering import Gathering
from engine.store.sqlite.compat import in_thread
from engine.store.sqlite.group_commit import SyncConnection, Work, busy, transaction
from engine.store.sqlite.session import Session, Statements

T = TypeVar("T")
U = TypeVar("U", bound=Session)

BUSY_S = 60.0
"""The most seconds that a writer waits for another process, never reached in normal operation."""
_TURN_MS = 3
"""The milliseconds that SQLite waits at a time, checking every one or two."""
_FULL = "the disk is full: nothing was changed; make room and try again"


_MOST = 64
"""The most works in one commit."""


class UnitWriter(Generic[U]):
    """Creates units of work on one connection with `unit`, and commits all of each or nothing.

    Raises OSError (ENOSPC) if the disk is full; nothing was changed then.
    """

    def __init__(self, connection: aiosqlite.Connection, path: Path, unit: Callable[[Statements], U]) -> None:
        self._connection = connection
        self._path = path
        self._unit = unit
        self._writing = asyncio.Lock()
        self._works: Gathering[Work[Any], Any] = Gathering(self._kept_together, _MOST)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[U]:
        """One transaction, committed when the block ends and rolled back if it raises."""
        async with self._writing:
            try:
                await self._begin()
                unit = self._unit(self._connection)
                yield unit
                await unit.flush()
                await self._connection.execute("COMMIT")
            except BaseException as error:
                # A cancelled caller leaves its statement running in the connection's thread: this
                # queues behind it, and does nothing if no transaction was begun.
                await self._connection.rollback()
                self._refuse_full(error)
                raise

    async def _begin(self) -> None:
        """Wait for the write lock without blocking the rest of this process."""
        deadline = asyncio.get_running_loop().time() + BUSY_S
        while True:
            try:
                await self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not busy(error) or asyncio.get_running_loop().time() > deadline:
                    raise
            else:
                return

    async def transact(self, work: Callable[[U], Coroutine[object, object, T]]) -> T:
        """One transaction for `work`, which waits for nothing but the store and so delays others less.

        Once begun it is completed, even if the caller is cancelled. The work of others that arrives meanwhile is
        executed after it, each completely or not at all, with one commit.
        """

        async def kept(inside: SyncConnection) -> T:
            unit = self._unit(inside)
            result = await work(unit)
            await unit.flush()
            return result

        try:
            result: T = await self._works.do(kept)
        except sqlite3.Error as error:
            self._refuse_full(error)
            raise
        return result

    async def _kept_together(self, works: Sequence[Work[Any]]) -> list[Any]:
        """The results of the first of `works`, committed together."""

        def commit(connection: sqlite3.Connection) -> list[Any]:
            return transaction(connection, works, BUSY_S)

        async with self._writing:
            return await in_thread(self._connection, commit)

    async def erase_remains(self) -> bool:
        """Rewrite the file without the remains of deleted rows; False if a reader still uses the old log."""

        def erase(connection: sqlite3.Connection) -> bool:
            _with_patience(connection, "VACUUM")
            busy_readers, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            return not busy_readers

        async with self._writing:
            return await in_thread(self._connection, erase)

    def _refuse_full(self, error: BaseException) -> None:
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
            raise OSError(errno.ENOSPC, _FULL, str(self._path)) from error

    async def close(self) -> None:
        """Close the connection after the current write."""
        async with self._writing:
            await self._connection.close()


def _with_patience(connection: sqlite3.Connection, statement: str) -> None:
    """Execute a statement that needs exclusive access, waiting for others."""
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute(statement)
        except sqlite3.OperationalError as error:
            if not busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(_TURN_MS / 1000)
        else:
            return


def keep_ahead(connection: sqlite3.Connection) -> None:
    """Switch the file to write-ahead mode, waiting for others that do the same.

    SQLite itself does not wait here: it gives up at once if another connection writes.
    """
    _with_patience(connection, "PRAGMA journal_mode = WAL")


async def take_turns(connection: aiosqlite.Connection) -> None:
    """Let `connection` retry often for a lock; SQLite's own waiting sleeps ever longer and misses chances."""
    await connection.execute(f"PRAGMA busy_timeout = {_TURN_MS}")
