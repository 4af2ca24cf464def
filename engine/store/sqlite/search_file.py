"""A file with only the search index of events, for a store that cannot search."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Callable, Collection, Coroutine, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import aiosqlite

from engine.model.events import Event
from engine.model.queries import EventPage, EventQuery
from engine.model.searching import Expansion
from engine.store.sqlite import contest_schema, rows
from engine.store.sqlite import search_index as index
from engine.store.sqlite import search_schema as schema
from engine.store.sqlite import search_terms as terms
from engine.store.sqlite.compat import in_thread
from engine.store.sqlite.contest_schema import CONTESTS
from engine.store.sqlite.group_commit import asked
from engine.store.sqlite.search import Search
from engine.store.sqlite.search_index import SearchIndex
from engine.store.sqlite.search_schema import SEARCH
from engine.store.sqlite.session import Session, Statements
from engine.store.sqlite.webhooks import Webhooks

T = TypeVar("T")

_ID_BITS = 40
"""The bits of event ids in cursors, which are derived from uids, so that each process has the same."""
# `event_words` is what the steps of the migrations expect to be there before.
_TABLES = f"""
CREATE TABLE event_words (word TEXT);
CREATE TABLE event (
    uid TEXT PRIMARY KEY, short_id TEXT NOT NULL, organizer TEXT NOT NULL, starts REAL NOT NULL, body TEXT NOT NULL
) STRICT;
CREATE INDEX event_by_short_id ON event(short_id);
CREATE INDEX event_by_start ON event(starts, uid);
CREATE INDEX event_by_organizer ON event(organizer, starts, uid);
CREATE TABLE tally (
    scope TEXT NOT NULL, key TEXT NOT NULL, name TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (scope, key, name)
) STRICT, WITHOUT ROWID;
{SEARCH};
{CONTESTS}
"""


class SearchFile:
    """A search file, which is deleted when it is closed."""

    def __init__(
        self, connection: aiosqlite.Connection, folder: TemporaryDirectory[str], expand: Expansion | None
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._expand = expand

    @classmethod
    async def open(cls, expand: Expansion | None, image: bytes = b"") -> SearchFile:
        """A new file, empty or with the `image` of another one of the same form. Raises OSError."""
        folder = await asyncio.to_thread(TemporaryDirectory, prefix="cis-search-")
        path = Path(folder.name, "search.sqlite3")
        await asyncio.to_thread(path.write_bytes, image)
        connection = await aiosqlite.connect(path, isolation_level=None)
        connection.row_factory = sqlite3.Row
        tables = "" if image else _TABLES
        await connection.executescript(f"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; {tables}")
        return cls(connection, folder, expand)

    @property
    def form(self) -> str:
        """The version of the file's format: a hash of the code that writes it."""
        return _form()

    async def image(self, most: int) -> bytes | None:
        """The whole file, for `open`; None if it has more than `most` bytes."""

        def whole(connection: sqlite3.Connection) -> bytes | None:
            (size,) = connection.execute(
                "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
            ).fetchone()
            return connection.serialize() if size <= most else None

        return await in_thread(self._connection, whole)

    async def close(self) -> None:
        """Close the file and delete it."""
        await self._connection.close()
        await asyncio.to_thread(self._folder.cleanup)

    async def _ask(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T:
        return await in_thread(self._connection, lambda connection: asked(connection, ask))

    def _search(self, statements: Statements) -> Search:
        found = Search(statements)
        found.expand = self._expand
        return found

    async def search(self, query: EventQuery) -> EventPage:
        """A page of matching events, in order of their start. Raises Refused: INVALID_CURSOR."""
        return await self._ask(lambda s: self._search(s).search(query))

    async def listed(self, search_cursor: str) -> tuple[str, ...]:
        """The uids on the page of a search. Raises Refused: INVALID_CURSOR."""
        return await self._ask(lambda s: self._search(s).listed(search_cursor))

    async def names(self, organizer: str | None, phrases: Collection[str]) -> frozenset[str]:
        """Those of `phrases` that occur in an event; of one organizer, if given."""
        return await self._ask(lambda s: self._search(s).names(organizer, phrases))

    async def uids(self, organizer: str | None, beginning: str, limit: int) -> list[str]:
        """Uids that start with these characters, or whose short id does, in order; of one organizer, if given."""
        return await self._ask(lambda s: _Ordered(s).uids(organizer, beginning, limit))

    async def in_order(self, organizer: str | None, after: str, limit: int) -> list[str]:
        """Uids of the events behind this one, in that order; of one organizer, if given."""
        return await self._ask(lambda s: _Ordered(s).in_order(organizer, after, limit))

    async def beginning(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        """Events, not cancelled, that start after one moment and up to another: uid, start, end, by start."""
        return await self._ask(lambda s: Webhooks(s).beginning(owner, after, until, limit))

    async def ending(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        """As `beginning`, for events that end in that time and last at most 31 days."""
        return await self._ask(lambda s: Webhooks(s).ending(owner, after, until, limit))

    async def write(self, events: Sequence[tuple[Event, bool]]) -> None:
        """Index the current state of these events, each with whether anyone is invited."""

        async def work(statements: Statements) -> None:
            writing = _Writing(statements)
            writing.expand = self._expand
            await writing.run("BEGIN")
            for event, peopled in events:
                await writing.keep(event, peopled=peopled)
            await writing.run("COMMIT")

        await self._ask(work)


@cache
def _form() -> str:
    writers = (schema, index, terms, contest_schema)
    texts = [_TABLES, *(Path(str(module.__file__)).read_text() for module in writers)]
    return hashlib.sha256("".join(texts).encode()).hexdigest()


class _Ordered(Session):
    """Events in the order of their uids."""

    async def uids(self, organizer: str | None, beginning: str, limit: int) -> list[str]:
        found = await self.all(
            "SELECT uid FROM event WHERE (uid >= ?1 AND uid < ?2 OR short_id >= ?1 AND short_id < ?2) "
            "AND organizer = coalesce(?3, organizer) ORDER BY uid LIMIT ?4",
            [beginning, f"{beginning}\uffff", organizer, limit],
        )
        return [row["uid"] for row in found]

    async def in_order(self, organizer: str | None, after: str, limit: int) -> list[str]:
        owner, values = ("organizer = ? AND ", [organizer]) if organizer is not None else ("", [])
        found = await self.all(
            f"SELECT uid FROM event WHERE {owner}uid > ? ORDER BY uid LIMIT ?", [*values, after, limit]
        )
        return [row["uid"] for row in found]


class _Writing(SearchIndex):
    """Writes events to the file."""

    async def keep(self, event: Event, *, peopled: bool) -> None:
        row = await self.one("SELECT body FROM event WHERE uid = ?", [event.uid])
        await self.run(
            "INSERT INTO event(uid, short_id, organizer, starts, body) VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET "
            "short_id = excluded.short_id, starts = excluded.starts, body = excluded.body",
            [
                event.uid,
                event.id,
                event.organizer,
                event.span.start_utc.timestamp(),
                event.model_dump_json(),
            ],
        )
        if row is None:
            await self._number(event)
        await self.make_findable(event, rows.event(row) if row else None)
        await self.run(
            "INSERT OR REPLACE INTO tally VALUES ('event', ?, 'attendees', ?)", [event.uid, int(peopled)]
        )

    async def _number(self, event: Event) -> None:
        """Give an event the id derived from its uid, or the next free one if another event has that."""
        number = int.from_bytes(hashlib.sha256(event.uid.encode()).digest()[:8], "big") >> (64 - _ID_BITS)
        while await self.one("SELECT 1 FROM findable WHERE id = ?", [number]):
            number += 1
        await self.run("INSERT OR IGNORE INTO search_owner(address) VALUES (?)", [event.organizer])
        await self.run(
            "INSERT INTO findable(id, uid, owner, status) "
            "SELECT ?, ?, id, ? FROM search_owner WHERE address = ?",
            [number, event.uid, event.status.value, event.organizer],
        )
