"""Our only use of aiosqlite's private parts, its thread and connection; pyproject.toml limits its version."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TypeVar

import aiosqlite

T = TypeVar("T")


async def in_thread(connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """The result of `work`, which runs as one piece in the thread of `connection`, with the thread's connection."""
    result: T = await connection._execute(lambda: work(connection._conn))  # type: ignore[no-untyped-call]
    return result
