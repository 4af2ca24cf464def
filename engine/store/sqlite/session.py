"""One open transaction: its connection, and the counters that it moves."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Sequence

import aiosqlite


class Tally:
    """Counter changes gathered during a transaction, written once at its end (rule 10)."""

    def __init__(self) -> None:
        self.changes: Counter[tuple[str, str, str]] = Counter()

    def add(self, event_uid: str | None, organizer: str, name: str, n: int = 1) -> None:
        """Change a counter at all three levels: event, organizer and system (cis-reference 29)."""
        if event_uid:
            self.changes["event", event_uid, name] += n
        self.changes["organizer", organizer, name] += n
        self.changes["system", "", name] += n

    def campaign(self, campaign_id: str | None, state: str, n: int = 1) -> None:
        if campaign_id:
            self.changes["campaign", campaign_id, f"delivery.{state}"] += n


class Session:
    """Runs statements of one transaction; the groups of store methods build on it."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self.connection = connection
        self.tally = Tally()

    async def all(self, sql: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        return list(await self.connection.execute_fetchall(sql, tuple(values)))

    async def one(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Row | None:
        rows = await self.all(sql, values)
        return rows[0] if rows else None

    async def run(self, sql: str, values: Sequence[object] = ()) -> int:
        """Execute one statement and give back how many rows it changed."""
        cursor = await self.connection.execute(sql, tuple(values))
        return cursor.rowcount

    async def many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        await self.connection.executemany(sql, rows)

    async def flush(self) -> None:
        """Write the counter changes."""
        changed = [(*key, n) for key, n in self.tally.changes.items() if n]
        if changed:
            await self.many(
                "INSERT INTO tally(scope, key, name, n) VALUES (?,?,?,?) "
                "ON CONFLICT DO UPDATE SET n = n + excluded.n",
                changed,
            )


def as_list(values: Collection[str]) -> str:
    """Many values as one parameter, for `IN (SELECT value FROM json_each(?))`."""
    return json.dumps(list(values), ensure_ascii=False)
