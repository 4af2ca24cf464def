"""Finds where a person is named: every text of every table is searched, so that new tables are included."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import aiosqlite

from engine.model.forgetting import Column, Trace, hint, names
from engine.model.record import commitment
from engine.store.sqlite.compat import in_thread
from engine.store.sqlite.unit import SqliteUnit
from engine.store.sqlite.writing import UnitWriter

_OWNERS = {
    "event": "event {uid}",
    "access_key": "bounds of the key {id}",
    "address_list": "list @{name}",
    "feed": "calendar {id}",
}
"""Tables with organizers' and operators' own texts, and how to refer to them."""
_OURS = frozenset({"record", "record_cut", "forgetting"})


class TracesAsked:
    """The store's questions about a person, on its reading connection."""

    _reader: aiosqlite.Connection
    _writer: UnitWriter[SqliteUnit]

    async def erase_remains(self) -> bool:
        return await self._writer.erase_remains()

    async def traces(self, address: str) -> list[Trace]:
        return await in_thread(self._reader, lambda connection: list(_traces(connection, address)))

    async def named_by_others(self, address: str) -> list[str]:
        def ask(connection: sqlite3.Connection) -> list[str]:
            found = (t for name in _OWNERS for t in _in_table(connection, name, address))
            return [_OWNERS[t.table].format_map(t.row) for t in found]

        return await in_thread(self._reader, ask)


def _traces(connection: sqlite3.Connection, address: str) -> Iterator[Trace]:
    yield from _of_record(connection, address)
    for table in _tables(connection):
        if table not in _OWNERS and table not in _OURS:
            yield from _in_table(connection, table, address)


def _of_record(connection: sqlite3.Connection, address: str) -> Iterator[Trace]:
    """The rows of the record that commit to the person, which can be checked while their salt exists."""
    found = connection.execute("SELECT salt FROM record_person WHERE address = ?", (address,)).fetchone()
    if found:
        committed = commitment(address.encode(), found[0])
        sql = "SELECT seq FROM record WHERE salt IS NOT NULL AND instr(body, ?)"
        for (seq,) in connection.execute(sql, (committed,)):
            yield Trace("record", {"seq": seq}, {"seq": seq})


def _tables(connection: sqlite3.Connection) -> list[str]:
    """Ordinary tables, without the search's virtual ones and the tables behind those."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    virtual = tuple(f"{name}_" for name, sql in found if sql and sql.startswith("CREATE VIRTUAL"))
    return [
        name
        for name, sql in found
        if sql and not sql.startswith("CREATE VIRTUAL") and not name.startswith((*virtual, "sqlite_"))
    ]


def _in_table(connection: sqlite3.Connection, table: str, address: str) -> Iterator[Trace]:
    columns = connection.execute(f"PRAGMA table_info({table})").fetchall()
    texts = [name for _, name, kind, *_ in columns if kind == "TEXT"]
    if not texts:
        return
    keys = [str(column[1]) for column in columns if column[5]]
    where = " OR ".join(f"instr(lower({name}), ?)" for name in texts)
    sql = f"SELECT {'' if keys else 'rowid AS rowid, '}* FROM {table} WHERE {where}"
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    for found in cursor.execute(sql, [hint(address)] * len(texts)):
        row: dict[str, Column] = {name: found[name] for name in found.keys()}  # noqa: SIM118 -- of sqlite3.Row
        if any(names(str(row[name]), address) for name in texts if row[name]):
            yield Trace(table, {name: row[name] for name in keys or ["rowid"]}, row)
