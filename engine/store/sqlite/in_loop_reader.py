"""Runs queries that are too short to send to another thread, which takes ten times as long."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from engine.store.sqlite.group_commit import SyncConnection, busy
from engine.store.sqlite.sealing import register
from engine.store.sqlite.session import Statements

_LONGEST_S = 0.003
_LOOK_OPS = 2_000
"""The steps of SQLite's virtual machine between two checks of the time, about 50 µs."""


def too_long(error: sqlite3.Error) -> bool:
    """True if a query met a lock or took too long, so that it has to run in a thread."""
    return busy(error) or error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_INTERRUPT


class InLoopReader:
    """A connection for short reads, which never waits for a lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._until = 0.0

    @property
    def statements(self) -> Statements:
        """A connection that runs queries in the event loop, each for at most 3 ms.

        They raise an error that is `too_long` if they would wait for a lock or take longer.
        """
        return SyncConnection(self._opened())

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            register(self._connection, self._path.parent)
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.set_progress_handler(self._over, _LOOK_OPS)
        self._until = time.perf_counter() + _LONGEST_S
        return self._connection

    def _over(self) -> bool:
        return time.perf_counter() > self._until

    def written_mark(self) -> int | None:
        """SQLite's counter of all connections' commits; None if it cannot be read now."""
        try:
            (mark,) = self._opened().execute("PRAGMA data_version").fetchone()
        except sqlite3.OperationalError:
            return None
        return int(mark)

    def token(self, token: str) -> bool | None:
        """True if the token belongs to an attendee; None if it cannot be read now."""
        try:
            found = self._opened().execute("SELECT 1 FROM attendee WHERE token = ?", (token,)).fetchone()
        except sqlite3.OperationalError:
            return None
        return found is not None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
