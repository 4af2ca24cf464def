"""One open transaction: its connection, and the counters that it changes."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from json.encoder import encode_basestring as _quoted
from typing import Any, Protocol

_AT_ONCE = 500
"""The most rows per statement, of 16 columns each: SQLite accepts 32,766 values."""


class Tally:
    """Counter changes gathered during a transaction, written once at its end (promise 10)."""

    def __init__(self) -> None:
        self.changes: Counter[tuple[str, str, str]] = Counter()

    def add(self, event_uid: str | None, organizer: str, name: str, n: int = 1) -> None:
        """Change a counter at all three levels: event, organizer and system."""
        if event_uid:
            self.changes["event", event_uid, name] += n
        self.changes["organizer", organizer, name] += n
        self.changes["system", "", name] += n

    def campaign(self, campaign_id: str | None, state: str, n: int = 1) -> None:
        if campaign_id:
            self.changes["campaign", campaign_id, f"delivery.{state}"] += n

    def failure(self, code: str, n: int = 1) -> None:
        """Count failed messages by their code, for the whole system."""
        self.changes["failure", "", code] += n


class _Cursor(Protocol):
    @property
    def rowcount(self) -> int: ...


class Statements(Protocol):
    """An object that runs statements: an aiosqlite connection, or one used in its own thread."""

    async def execute(self, sql: str, parameters: Any = ...) -> _Cursor: ...
    async def executemany(self, sql: str, parameters: Any) -> _Cursor: ...
    async def execute_fetchall(self, sql: str, parameters: Any = ...) -> Iterable[sqlite3.Row]: ...


class Session:
    """Runs statements of one transaction; the groups of store methods build on it."""

    def __init__(self, connection: Statements) -> None:
        self.connection = connection
        self.tally = Tally()
        self.owed: list[str] = []
        self.chain = ""
        self.writes = 0

    async def all(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        return list(await self.connection.execute_fetchall(sql, tuple(values)))

    async def one(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Row | None:
        rows = await self.all(sql, values)
        return rows[0] if rows else None

    async def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Execute one statement and return how many rows it changed."""
        cursor = await self.connection.execute(sql, tuple(values))
        self.writes += max(0, cursor.rowcount)
        return cursor.rowcount

    async def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """Execute one statement for each row, if any."""
        listed = list(rows)
        self.writes += len(listed)
        if listed:
            await self.connection.executemany(sql, listed)

    async def insert(
        self, table: str, columns: str, rows: Sequence[Sequence[object]], *, replace: bool = False
    ) -> None:
        """Insert many rows at a time; `replace`: overwrite those with the same key.

        A statement for each row would release Python's GIL each time and wait to get it back.
        """
        verb = "INSERT OR REPLACE" if replace else "INSERT"
        one = f"({','.join('?' * (columns.count(',') + 1))})"
        for first in range(0, len(rows), _AT_ONCE):
            some = rows[first : first + _AT_ONCE]
            sql = f"{verb} INTO {table}({columns}) VALUES {','.join([one] * len(some))}"
            await self.run(sql, [value for row in some for value in row])

    async def flush(self) -> None:
        """Write the counter changes."""
        changed = [(*key, n) for key, n in self.tally.changes.items() if n]
        if changed:
            await self.many(
                "INSERT INTO tally(scope, key, name, n) VALUES (?,?,?,?) "
                "ON CONFLICT DO UPDATE SET n = n + excluded.n",
                changed,
            )


IN_LIST = "IN (SELECT value FROM json_each(?))"
"""The condition that a value is one of many, passed as one parameter by `as_list` or `as_numbers`."""


def of_whom(organizer: str | None) -> tuple[str, list[object]]:
    """The condition for rows of an organizer, or of all at a domain such as `@example.com`, and its values."""
    if organizer is None:
        return "", []
    if organizer.startswith("@"):
        return "WHERE substr(organizer, -length(?1)) = ?1", [organizer]
    return "WHERE organizer = ?", [organizer]


def values_if(any_row: str) -> str:
    """The table of the values of a parameter of `as_list`; an empty one where `any_row` selects nothing.

    Taking a thousand values apart is most of what a question costs to which no row can be the answer.
    """
    return f"json_each(iif(EXISTS ({any_row}), ?, '[]'))"


def in_list_if(any_row: str) -> str:
    """`IN_LIST` among the values of `values_if`."""
    return f"IN (SELECT value FROM {values_if(any_row)})"


def as_list(values: Collection[str]) -> str:
    """Many texts as one parameter, for `IN_LIST`."""
    return f"[{','.join(map(_quoted, values))}]"


def as_numbers(values: Iterable[int]) -> str:
    """Many numbers as one parameter, for `IN_LIST`."""
    return f"[{','.join(map(str, values))}]"
