"""What is moved from one store to another: no table of a backend is forgotten."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from engine.store.dynamodb.kinds import TABLES
from engine.store.dynamodb.moving_out import DERIVED
from engine.store.protocol.moving import KINDS, place_number, place_text
from engine.store.sqlite import moving, moving_groups, moving_kinds
from tests.support.migrated import make_database

SEARCH = {"findable", "occasion", "search_owner", "search_pending", "search_word", "word_use"}
"""What SQLite makes anew of the events."""
READ_WITH_OTHERS = {"lease", "tally", "kept_share", "sqlite_sequence", *SEARCH}


def test_each_kind_of_item_is_moved_or_derived() -> None:
    assert set(TABLES) - DERIVED - {"rows"} <= set(KINDS)
    assert not DERIVED & set(KINDS)


def test_each_table_of_sqlite_is_read_and_written(tmp_path: Path) -> None:
    make_database(tmp_path / "x.sqlite3")
    with closing(sqlite3.connect(tmp_path / "x.sqlite3")) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    tables = {name for (name,) in rows if not name.startswith(("event_text", "search_gram"))}
    told = " ".join(
        [
            *(f"{spec.select} {spec.insert}" for spec in moving_kinds.SPECS),
            Path(str(moving_groups.__file__)).read_text(),
            Path(str(moving.__file__)).read_text(),
        ]
    )
    assert {name for name in tables - READ_WITH_OTHERS if name not in told} == set()


def test_places_are_texts_that_sort_as_the_numbers_do() -> None:
    numbers = [0, 1, 35, 36, 2**40, 2**63 - 1]
    texts = [place_text(number) for number in numbers]
    assert texts == sorted(texts)
    assert [place_number(text) for text in texts] == numbers
