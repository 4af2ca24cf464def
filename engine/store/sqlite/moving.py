"""Moves everything out of an SQLite file, or into a new one that replaces the file when complete."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from engine.model.searching import Expansion
from engine.refusals import Code, Refused
from engine.store.protocol.moving import KINDS, Document
from engine.store.sqlite.moving_groups import GROUPS
from engine.store.sqlite.moving_kinds import SPECS
from engine.store.sqlite.recount import COUNTERS
from engine.store.sqlite.sealing import register
from engine.store.sqlite.store import SqliteStore

T = TypeVar("T")
_LOT = 300
_WAIT_S = 1.0
_SPECS = {spec.kind: spec for spec in SPECS}
_GROUPS = {group.kind: group for group in GROUPS}
_BESIDE = ("-wal", "-shm", "-journal")
# data that a store derives: counters, the order of inviting and of creating keys, and the search index
_DERIVED = (
    f"INSERT INTO tally(scope, key, name, n) {COUNTERS}",
    "INSERT INTO kept_share SELECT proven, share, count(*), sum(bytes) FROM kept_mail GROUP BY 1, 2",
    "CREATE TEMP TABLE invited AS SELECT id, row_number() OVER (ORDER BY created, event_uid, email) AS n FROM attendee",
    "CREATE UNIQUE INDEX temp.invited_by_id ON invited(id)",
    "UPDATE attendee SET id = -(SELECT n FROM invited i WHERE i.id = attendee.id)",
    "UPDATE attendee SET id = -id",
    "CREATE TEMP TABLE made AS SELECT * FROM access_key ORDER BY body ->> '$.created', id",
    "DELETE FROM access_key",
    "INSERT INTO access_key SELECT * FROM made",
    "INSERT INTO search_pending SELECT uid FROM event",
)


class MovableFile:
    """A database that is read or written while no one else has it open."""

    def __init__(self, path: Path, expand: Expansion, clock: Callable[[], datetime]) -> None:
        self._path = path
        self._expand = expand
        self._clock = clock
        self._made: Path | None = None
        self._connection: sqlite3.Connection | None = None

    async def refuse_in_use(self) -> None:
        """Raises Refused: BUSY if another process, or another connection, has the file open."""
        if self._path.exists() and not self._connection:
            (await asyncio.to_thread(_alone, self._path)).close()
            await (await SqliteStore.open(self._path, expand=self._expand)).close()  # migrated
            self._connection = await asyncio.to_thread(_alone, self._path)

    async def holds_anything(self) -> bool:
        """True if any kind has a row."""
        if not self._connection:
            return False
        async for _ in self.documents():
            return True
        return False

    async def documents(self) -> AsyncIterator[Sequence[Document]]:
        """Everything stored, kind by kind, some hundred documents at a time."""
        found = self._all()
        while some := await asyncio.to_thread(next, found, ()):
            yield some

    def _all(self) -> Iterator[Sequence[Document]]:
        if connection := self._connection:
            for kind in KINDS:
                some: list[Document] = []
                for value in _read(connection, kind, self._clock()):
                    some.append(Document(kind, value))
                    if len(some) == _LOT:
                        yield some
                        some = []
                if some:
                    yield some

    async def changed(self) -> bool:
        """False, since no one else can write to the file."""
        return False

    async def begin(self) -> None:
        """Create a new file beside the one that it will replace."""
        self._close()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._made = self._path.with_name(f"{self._path.name}.moving")
        _delete(self._made)
        await (await SqliteStore.open(self._made)).close()
        self._connection = await asyncio.to_thread(_alone, self._made)

    async def take(self, documents: Sequence[Document]) -> None:
        """Insert the rows of these documents."""
        await asyncio.to_thread(self._take, documents)

    def _take(self, documents: Sequence[Document]) -> None:
        assert self._connection is not None, "what takes has begun"
        for kind, some in groupby(documents, key=lambda document: document.kind):
            values = [document.value for document in some]
            if kind in _GROUPS:
                _GROUPS[kind].write(self._connection, values)
            else:
                spec = _SPECS[kind]
                self._connection.executemany(spec.insert, [spec.values(value) for value in values])

    async def finish(self) -> None:
        """Derive counters and orders, and check references."""
        await asyncio.to_thread(self._derive)

    def _derive(self) -> None:
        assert self._connection is not None, "what finishes has begun"
        for statement in _DERIVED:
            self._connection.execute(statement)
        broken = self._connection.execute("PRAGMA foreign_key_check").fetchall()
        if broken:
            tables = ", ".join(sorted({row["table"] for row in broken}))
            raise Refused(
                Code.NOT_ALLOWED, f"{len(broken)} rows refer to something that is not there: {tables}."
            )

    async def end(self) -> None:
        """Index the events for the search, and move the file to its final place."""
        assert self._connection is not None and self._made is not None, "what ends has begun"
        self._connection.execute("COMMIT")
        self._close()
        await (await SqliteStore.open(self._made, expand=self._expand)).close()
        await asyncio.to_thread(_put, self._made, self._path)

    async def close(self) -> None:
        """Close the file; an incomplete new one is deleted."""
        self._close()
        if self._made:
            _delete(self._made)

    def _close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None


def _alone(path: Path) -> sqlite3.Connection:
    """The only connection to the file: it leaves write-ahead mode, which SQLite refuses while another is open."""
    connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.row_factory = sqlite3.Row
        register(connection, path.parent)
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        connection.close()
        if "locked" not in str(error) and "busy" not in str(error):
            raise OSError(f"the database cannot be opened: {error}") from error
        hint = "Stop the server and the workers that use it, then move it."
        raise Refused(Code.BUSY, f"{path} is open in another process.", hint) from error
    return connection


def _read(connection: sqlite3.Connection, kind: str, now: datetime) -> Iterator[dict[str, object]]:
    if kind in _GROUPS:
        yield from _GROUPS[kind].read(connection, now)
    else:
        spec = _SPECS[kind]
        yield from map(spec.document, connection.execute(spec.select))


def _delete(path: Path) -> None:
    for name in ("", *_BESIDE):
        path.with_name(f"{path.name}{name}").unlink(missing_ok=True)


def _put(made: Path, path: Path) -> None:
    descriptor = os.open(made, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    for name in _BESIDE:
        path.with_name(f"{path.name}{name}").unlink(missing_ok=True)
    made.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
