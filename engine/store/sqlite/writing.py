"""The connection that writes: one transaction of this process at a time, in turns with other processes."""

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
"""How long a writer waits for another process: transactions are short, so this is never reached in health."""
_TURN_MS = 3
"""For this long SQLite waits at a time, looking every one or two milliseconds."""
_FULL = "the disk is full: nothing was changed; make room and try again"


_MOST = 64
"""Works that are kept by one commit."""


class UnitWriter(Generic[U]):
    """Makes units of work over one connection, with `unit`, and keeps all of each or nothing.

    Where the disk is full, OSError (ENOSPC) is raised, and nothing was changed.
    """

    def __init__(self, connection: aiosqlite.Connection, path: Path, unit: Callable[[Statements], U]) -> None:
        self._connection = connection
        self._path = path
        self._unit = unit
        self._writing = asyncio.Lock()
        self._works: Gathering[Work[Any], Any] = Gathering(self._kept_together, _MOST)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[U]:
        """One transaction, kept when the block ends, undone when it raises."""
        async with self._writing:
            try:
                await self._begin()
                unit = self._unit(self._connection)
                yield unit
                await unit.flush()
                await self._connection.execute("COMMIT")
            except BaseException as error:
                # A caller that goes away leaves its statement running in the connection's thread: this
                # queues up behind it, and does nothing if no transaction was begun.
                await self._connection.rollback()
                self._refuse_full(error)
                raise

    async def _begin(self) -> None:
        """Wait for the turn to write; others of this process get on meanwhile."""
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
        """One transaction for `work` that waits for nothing but the store: it holds others up for less long.

        Once begun it is carried out, even where the caller goes away. What others ask for meanwhile is carried
        out after it, each whole or not at all, and kept by one commit.
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
        """What came of the first of `works`, kept by one commit."""

        def commit(connection: sqlite3.Connection) -> list[Any]:
            return transaction(connection, works, BUSY_S)

        async with self._writing:
            return await in_thread(self._connection, commit)

    async def erase_remains(self) -> bool:
        """Write the file anew without what deleted rows left; False if a reader keeps the log of before."""

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
        """Close the connection, behind what is being written."""
        async with self._writing:
            await self._connection.close()


def _with_patience(connection: sqlite3.Connection, statement: str) -> None:
    """Execute what needs the database to itself, once the others have had their turns."""
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


async def keep_ahead(connection: aiosqlite.Connection) -> None:
    """Have the file keep a write-ahead log; wait for whoever is about to do the same.

    SQLite looks at the file first, and then gives up at once where another connection writes: it waits with no lock.
    """
    deadline = asyncio.get_running_loop().time() + BUSY_S
    while True:
        try:
            await connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not busy(error) or asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(_TURN_MS / 1000)
        else:
            return


async def take_turns(connection: aiosqlite.Connection) -> None:
    """Let `connection` look often for its turn; SQLite's own waiting sleeps ever longer, and turns pass by."""
    await connection.execute(f"PRAGMA busy_timeout = {_TURN_MS}")
