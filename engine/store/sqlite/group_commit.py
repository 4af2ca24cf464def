"""A whole transaction in the thread of its connection: nothing of it waits for what else the process does.

Each statement that the event loop sends over there and back waits for everyone else in the loop, with the
database locked. So work goes over as a whole, and what several ask for at the same time is kept by one commit.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TypeVar

from engine.process.gathering import Failed

T = TypeVar("T")

_TOGETHER_S = 0.02
"""For this long works are taken into one transaction; one that takes longer by itself is carried out all the same."""


class SyncConnection:
    """A connection as its own thread has it: what is awaited of it never waits."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, parameters: Sequence[object] = ()) -> sqlite3.Cursor:
        return self._connection.execute(sql, parameters)

    async def executemany(self, sql: str, parameters: Iterable[Sequence[object]]) -> sqlite3.Cursor:
        return self._connection.executemany(sql, parameters)

    async def execute_fetchall(self, sql: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        return self._connection.execute(sql, parameters).fetchall()


Work = Callable[[SyncConnection], Coroutine[object, object, T]]


def transaction(connection: sqlite3.Connection, works: Sequence[Work[T]], busy_s: float) -> list[T | Failed]:
    """Carry `works` out in order, each whole or not at all, and keep them by one commit.

    Called in the thread of `connection`. Returns what came of the first of them: later ones are left for the
    next call once the time is up, so that no one waits long for others. Raises sqlite3.Error where nothing is kept.
    """
    _begin(connection, busy_s)
    try:
        done = _commit_together(connection, works)
        if connection.in_transaction:
            connection.execute("COMMIT")
            return done
    except BaseException:
        connection.rollback()
        raise
    # SQLite has undone everything on its own, as it does where the disk is full.
    if len(works) == 1:
        return done
    return [transaction(connection, [work], busy_s)[0] for work in works[: len(done)]]


def _commit_together(connection: sqlite3.Connection, works: Sequence[Work[T]]) -> list[T | Failed]:
    if len(works) == 1:
        return [_alone(connection, works[0])]
    done: list[T | Failed] = []
    until = time.monotonic() + _TOGETHER_S
    for work in works:
        connection.execute("SAVEPOINT work")
        try:
            done.append(_run_now(work(SyncConnection(connection))))
        except Exception as error:  # noqa: BLE001 -- handed to whoever asked for this work
            done.append(Failed(error))
            if not connection.in_transaction:
                break
            connection.execute("ROLLBACK TO work")
        connection.execute("RELEASE work")
        if time.monotonic() > until:
            break
    return done


def _alone(connection: sqlite3.Connection, work: Work[T]) -> T | Failed:
    """What came of the only work of a transaction, which needs no savepoint: with it, all is undone."""
    try:
        return _run_now(work(SyncConnection(connection)))
    except Exception as error:  # noqa: BLE001 -- handed to whoever asked for this work
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return Failed(error)


def asked(
    connection: sqlite3.Connection, question: Callable[[SyncConnection], Coroutine[object, object, T]]
) -> T:
    """Ask in the thread of `connection`, with all the statements that it takes. Raises as `transaction`."""
    return _run_now(question(SyncConnection(connection)))


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
    """True if another process had its turn."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _run_now(work: Coroutine[object, object, T]) -> T:
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("work in a transaction waited for something else")
