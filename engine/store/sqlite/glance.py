"""Looks that are too short to send to another thread: the way there takes ten times as long."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from engine.store.sqlite.at_once import Inside
from engine.store.sqlite.session import Statements


class Glance:
    """A connection that only reads, by index, one row at a time, and waits for no lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    @property
    def statements(self) -> Statements:
        """What runs questions here and now, in the event loop; raises sqlite3.OperationalError where it would wait."""
        return Inside(self._opened())

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            self._connection.execute("PRAGMA query_only = ON")
        return self._connection

    def token(self, token: str) -> bool | None:
        """True where the token belongs to an attendee; None where it cannot be said just now."""
        try:
            found = self._opened().execute("SELECT 1 FROM attendee WHERE token = ?", (token,)).fetchone()
        except sqlite3.OperationalError:
            return None
        return found is not None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
