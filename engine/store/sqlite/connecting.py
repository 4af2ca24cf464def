"""The connections to the file: in write-ahead mode, with SQL functions for secrets."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiosqlite

from engine.store.sqlite.compat import in_thread
from engine.store.sqlite.migrating import migrate
from engine.store.sqlite.sealing import register
from engine.store.sqlite.writing import BUSY_S, keep_ahead, take_turns


async def connect_both(path: Path) -> tuple[aiosqlite.Connection, aiosqlite.Connection]:
    """The writing connection, after migrating the tables, and the reading one."""
    writer = await _connect(path)
    try:
        await migrate(writer)
        await take_turns(writer)
        return writer, await _connect(path)
    except BaseException:
        await writer.close()
        raise


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[aiosqlite.Connection]:
    """A connection of its own, for what reads for long."""
    connection = await _connect(path)
    try:
        yield connection
    finally:
        await connection.close()


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, timeout=BUSY_S, isolation_level=None)
    try:
        await in_thread(connection, lambda inner: _set_up(inner, path.parent))
    except BaseException:
        await connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, folder: Path) -> None:
    register(connection, folder)
    connection.row_factory = sqlite3.Row
    keep_ahead(connection)
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "cache_size = -12000"):
        connection.execute(f"PRAGMA {pragma}")
