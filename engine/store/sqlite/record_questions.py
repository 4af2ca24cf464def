"""Questions about the record."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, TypeVar

import aiosqlite

from engine.model.record import ChainRow, Cut, Head, Leaf, OldLine
from engine.store.sqlite.compat import in_thread
from engine.store.sqlite.record import Record
from engine.store.sqlite.session import Statements

T = TypeVar("T")


_LEAVES = "SELECT seq, CAST(body AS BLOB), head FROM record WHERE seq > ? ORDER BY seq LIMIT ?"


class RecordQuestions:
    """The store's questions about the record, on its reading connection."""

    _reader: aiosqlite.Connection

    if TYPE_CHECKING:

        async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...
        async def _in_thread(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def record_rows(self, after: int, limit: int, caller: str | None = None) -> list[ChainRow]:
        return await self._in_thread(lambda s: Record(s).record_rows(after, limit, caller))

    async def record_leaves(self, after: int, limit: int) -> list[Leaf]:
        return await in_thread(self._reader, lambda connection: _leaves(connection, after, limit))

    async def newest_rows(self, caller: str | None, before: int | None, limit: int) -> list[ChainRow]:
        return await self._in_thread(lambda s: Record(s).newest_rows(caller, before, limit))

    async def record_head(self) -> Head:
        return await self._in_loop(lambda s: Record(s).record_head())

    async def record_cut(self) -> Cut | None:
        return await self._in_loop(lambda s: Record(s).record_cut())

    async def old_lines(self, after: int, limit: int) -> list[OldLine]:
        return await self._in_thread(lambda s: Record(s).old_lines(after, limit))

    async def record_salt(self, address: str) -> bytes | None:
        return await self._in_loop(lambda s: Record(s).record_salt(address))


def _leaves(connection: sqlite3.Connection, after: int, limit: int) -> list[Leaf]:
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples: a record has very many rows
    return cursor.execute(_LEAVES, (after, limit)).fetchall()
