"""Short questions are answered in the event loop; one that would take long or wait goes to the thread."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engine.store.sqlite.in_loop_reader import InLoopReader, too_long
from engine.store.sqlite.store import SqliteStore
from tests.store.stores import event, sqlite

_ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


async def test_a_question_without_end_is_broken_off(tmp_path: Path) -> None:
    glance = InLoopReader(tmp_path / "any.sqlite3")
    with pytest.raises(sqlite3.OperationalError) as broken:
        await glance.statements.execute_fetchall(_ENDLESS)
    assert too_long(broken.value)
    assert [tuple(row) for row in await glance.statements.execute_fetchall("SELECT 1")] == [(1,)]
    glance.close()


async def test_what_takes_too_long_for_a_glance_is_asked_in_the_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.sqlite.in_loop_reader._LONGEST_S", -1.0)
    monkeypatch.setattr("engine.store.sqlite.in_loop_reader._LOOK_OPS", 1)
    async with sqlite(tmp_path) as store:
        assert isinstance(store, SqliteStore)
        async with store.unit() as unit:
            await unit.ensure_organizer("olga@example.org", "", event().created)
            await unit.add_event(event())
        found = await store.event("event1")
        assert found is not None
        assert (await store.statistics("event", "event1")).attendees == 0
