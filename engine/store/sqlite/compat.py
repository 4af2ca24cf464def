"""What we reach into of aiosqlite, which shows its thread and its connection to no one; pyproject.toml caps it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import aiosqlite

T = TypeVar("T")


async def in_thread(connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """What `work` gives, done in one go in the thread of `connection`, with the connection that the thread uses."""
    result: T = await connection._execute(lambda: work(connection._conn))  # type: ignore[no-untyped-call]
    return result
