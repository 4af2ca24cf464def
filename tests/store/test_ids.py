"""Events by each of their names: uid, short id, and the key with which somebody made them."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from engine.store.protocol import Store
from engine.store.sqlite.ids_schema import SHORT_IDS
from engine.store.sqlite.schema import MIGRATIONS
from engine.store.sqlite.store import SqliteStore
from tests.store import stores
from tests.store.stores import ORGANIZER
from tests.support.clock import START

OLD = 5_000


async def test_an_event_is_found_by_each_of_its_names(store: Store) -> None:
    event, other = stores.event("event1", id="k3m9p2qa"), stores.event("event2")
    async with store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "Olga", START)
        await unit.add_event(event)
        await unit.add_event(other)
        await unit.remember("ann@example.com", "My/Key", "digest", "event1", START)
        for name in ("event1", "EVENT1", "k3m9p2qa", "K3M9P2QA", "My/Key"):
            assert await unit.events_named(name, "ann@example.com") == [event]
        for name in ("my/key", "", "nothing"):
            assert await unit.events_named(name, "ann@example.com") == []
        assert await unit.events_named("My/Key", "bob@example.com") == []
        await unit.remember("ann@example.com", "event2", "digest", "event1", START)
    found = await store.events_named("event2", "ann@example.com")
    assert sorted(one.uid for one in found) == ["event1", "event2"]
    assert [one for one, _ in await store.events_with_statistics("k3m9p2qa", "")] == [event]


async def test_events_of_an_older_database_are_given_ids(tmp_path: Path) -> None:
    before = next(n for n, script in enumerate(MIGRATIONS) if script == SHORT_IDS)
    with closing(sqlite3.connect(tmp_path / "cis.sqlite3")) as raw, raw:
        for script in MIGRATIONS[:before]:
            raw.executescript(script)
        raw.execute("INSERT INTO organizer(address, name, created) VALUES (?,'',0)", [ORGANIZER])
        raw.executemany(
            "INSERT INTO event(uid, organizer, status, sequence, starts, body) VALUES (?,?,'confirmed',0,0,?)",
            [
                (f"event{n}", ORGANIZER, stores.event(f"event{n}").model_dump_json(exclude={"id"}))
                for n in range(OLD)
            ],
        )
        raw.execute(f"PRAGMA user_version = {before}")
    store = await SqliteStore.open(tmp_path / "cis.sqlite3")
    try:
        with closing(sqlite3.connect(tmp_path / "cis.sqlite3")) as raw:
            ids = dict(raw.execute("SELECT uid, short_id FROM event").fetchall())
        assert len(set(ids.values())) == OLD
        assert all(re.fullmatch("[23456789abcdefghjkmnpqrstuvwxyz]{8}", found) for found in ids.values())
        (event,) = await store.events_named(ids["event17"], "")
        assert event == stores.event("event17", id=ids["event17"])
    finally:
        await store.close()
