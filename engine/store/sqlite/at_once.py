"""A whole transaction in the thread of its connection: nothing of it waits for what else the process does.

Each statement that the event loop sends over there and back waits for everybody else in the loop, with the
database locked. So what is long and often done goes over as a whole.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


class Inside:
    """A connection as its own thread has it: what is awaited of it never waits."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    async def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> sqlite3.Cursor:
        return self._connection.executemany(sql, parameters)

    async def execute_fetchall(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        return self._connection.execute(sql, parameters).fetchall()


def transaction(
    connection: sqlite3.Connection, work: Callable[[Inside], Coroutine[object, object, T]], busy_s: float
) -> T:
    """Carry `work` out, and keep all of it or nothing; called in the thread of `connection`.

    Raises RuntimeError where `work` waits for anything but its connection, sqlite3.Error.
    """
    try:
        _begin(connection, busy_s)
        result = _at_once(work(Inside(connection)))
        connection.execute("COMMIT")
    except BaseException:
        connection.rollback()
        raise
    return result


def _begin(connection: sqlite3.Connection, busy_s: float) -> None:
    """Wait for the turn to write. SQLite's own waiting sleeps ever longer, and would let turns pass."""
    deadline = time.monotonic() + busy_s
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if not busy(error) or time.monotonic() > deadline:
                raise
        else:
            return


def busy(error: sqlite3.Error) -> bool:
    """True where another process had its turn."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _at_once(work: Coroutine[object, object, T]) -> T:
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("work in a transaction waited for something else")
