"""Runs a whole transaction in its connection's thread, so that it never waits for the rest of the process.

A statement sent to the thread by the event loop waits for every other task in the loop, with the database
locked. So work is sent as a whole, and the work of concurrent callers is committed together.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from typing import TypeVar

from engine.process.gathering import Failed

T = TypeVar("T")

_TOGETHER_S = 0.02
"""The seconds during which works may join one transaction; a single work may take longer."""


class SyncConnection:
    """A connection used in its own thread, with asynchronous methods that never wait."""

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
    """Execute `works` in order, each completely or not at all, with one commit.

    Call it in the thread of `connection`. Returns the results of the first works: once the time is up, later ones
    are left for the next call, so that none waits long for others. Raises sqlite3.Error if nothing was committed.
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
    # SQLite has rolled everything back itself, as it does if the disk is full.
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
    """The result of a transaction's only work, which needs no savepoint, since its failure undoes everything."""
    try:
        return _run_now(work(SyncConnection(connection)))
    except Exception as error:  # noqa: BLE001 -- handed to whoever asked for this work
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        return Failed(error)


def asked(
    connection: sqlite3.Connection, question: Callable[[SyncConnection], Coroutine[object, object, T]]
) -> T:
    """The result of `question`. Call it in the thread of `connection`; raises as `transaction`."""
    return _run_now(question(SyncConnection(connection)))


def _begin(connection: sqlite3.Connection, busy_s: float) -> None:
    """Wait for the write lock. SQLite's own waiting sleeps ever longer and would miss chances."""
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
    """True if the error says that another connection holds the lock."""
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY


def _run_now(work: Coroutine[object, object, T]) -> T:
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("work in a transaction waited for something else")
