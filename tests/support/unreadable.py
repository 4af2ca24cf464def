"""A table of the database that cannot be read for a while."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

from engine.engine import Engine


@contextmanager
def without(engine: Engine, table: str) -> Iterator[None]:
    """The database with a table that cannot be read."""
    _rename(engine, table, "elsewhere")
    yield
    _rename(engine, "elsewhere", table)


def _rename(engine: Engine, old: str, new: str) -> None:
    with closing(sqlite3.connect(engine.settings.database)) as raw:
        raw.execute("PRAGMA legacy_alter_table = ON")
        raw.execute(f"ALTER TABLE {old} RENAME TO {new}")
