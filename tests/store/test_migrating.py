"""A new database has the tables that all steps come to."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from engine.store.sqlite.migrating import NEWEST, newest_sql
from engine.store.sqlite.schema import MIGRATIONS
from engine.store.sqlite.sealing import register
from engine.store.sqlite.store import SqliteStore

Contents = dict[tuple[str, str, str, str], list[tuple[object, ...]]]


def contents(path: Path) -> Contents:
    """Everything that a database consists of: tables with their rows, indexes, triggers."""
    with closing(sqlite3.connect(path)) as raw:
        every = raw.execute("SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema").fetchall()
        return {
            one: raw.execute(f'SELECT * FROM "{one[1]}"').fetchall() if one[0] == "table" else []
            for one in every
        }


def by_steps(path: Path) -> None:
    with closing(sqlite3.connect(path)) as raw:
        register(raw, path.parent)
        for script in MIGRATIONS:
            raw.executescript(script)


def test_the_script_has_not_drifted_from_the_steps() -> None:
    assert NEWEST.read_text(encoding="utf-8") == newest_sql(), "run “make docs”"


async def test_a_new_database_is_what_all_steps_come_to(tmp_path: Path) -> None:
    new, stepped = tmp_path / "new.sqlite3", tmp_path / "stepped.sqlite3"
    await (await SqliteStore.open(new)).close()
    by_steps(stepped)
    assert contents(new) == contents(stepped)
