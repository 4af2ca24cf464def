"""Creates the tables of a new database with one script, and migrates an older one step by step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import aiosqlite

from engine.store.sqlite.compat import in_thread
from engine.store.sqlite.sealing import register

NEWEST = Path(__file__).with_name("newest.sql")
"""The result of all steps, written by `make docs`; the steps take five times as long and 27 more modules."""
_HEAD = "-- version "
_BETWEEN = "\n--\n"
_OURS = """
SELECT sql FROM sqlite_schema AS own WHERE sql <> '' AND name NOT GLOB 'sqlite_*' AND NOT EXISTS (
    SELECT 1 FROM sqlite_schema AS v WHERE v.sql GLOB 'CREATE VIRTUAL *' AND own.name GLOB v.name || '_*'
) ORDER BY own.rowid
"""
"""The query for the schema without SQLite's own objects, such as the tables behind a virtual one."""


class NewerDatabase(OSError):  # noqa: N818 -- reads as what it is
    """The database was written by a newer version of this program."""


async def migrate(connection: aiosqlite.Connection) -> None:
    """Migrate the database to the newest version; safe if several processes start at once.

    Raises NewerDatabase.
    """
    await in_thread(connection, _migrate)


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        _brought_up_to_date(connection)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _brought_up_to_date(connection: sqlite3.Connection) -> None:
    ((version,),) = connection.execute("PRAGMA user_version")
    head, *tables = NEWEST.read_text(encoding="utf-8").rstrip().split(_BETWEEN)
    newest = int(head.removeprefix(_HEAD))
    if version > newest:
        raise NewerDatabase(
            f"The database has version {version}, this program knows {newest}. Use the newer program."
        )
    for statement in _steps(version) if version else tables:
        connection.execute(statement)
    if version < newest:
        connection.execute(f"PRAGMA user_version = {newest}")


def _steps(version: int) -> Iterator[str]:
    """The statements that bring a database from `version` to the newest."""
    from engine.store.sqlite.schema import MIGRATIONS

    for script in MIGRATIONS[version:]:
        yield from filter(str.strip, script.split(";\n"))


def newest_sql() -> str:
    """The content of newest.sql: the tables that result from all steps."""
    from engine.store.sqlite.schema import MIGRATIONS

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        register(connection, Path())
        for statement in _steps(0):
            connection.execute(statement)
        made = connection.execute(_OURS).fetchall()
    listed = [sql for (sql,) in made]
    return _BETWEEN.join([f"{_HEAD}{len(MIGRATIONS)}", *listed]) + "\n"


if __name__ == "__main__":
    NEWEST.write_text(newest_sql(), encoding="utf-8")
