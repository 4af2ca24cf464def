"""The contract of a store: how it tells that something was kept, and what answers came."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.itip.recurrence import instances
from engine.model.answers import Receipt
from engine.model.counters import Rates
from engine.model.people import Partstat
from engine.store.protocol import Store
from engine.store.sqlite.store import SqliteStore
from tests.store import stores
from tests.store.stores import ORGANIZER
from tests.support.clock import START


async def _with_events(store: Store, *uids: str) -> None:
    async with store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "Olga", START)
        for uid in uids:
            await unit.add_event(stores.event(uid))


async def _answered(store: Store, uid: str) -> None:
    receipt = Receipt(
        event_uid=uid,
        email="ann@example.com",
        partstat=Partstat.ACCEPTED,
        sequence=0,
        dtstamp=START,
        arrived=START,
    )
    async with store.unit() as unit:
        await unit.record_receipt(receipt)


async def _given_up(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_event(stores.event("event2"))
        raise LookupError


async def test_the_revision_differs_once_something_was_kept_and_only_then(store: Store) -> None:
    before = await store.revision()
    await store.event("event1")
    assert await store.revision() == before
    await _with_events(store, "event1")
    after = await store.revision()
    assert after != before
    assert await store.revision() == after


async def test_what_was_undone_is_no_news(store: Store) -> None:
    await _with_events(store, "event1")
    before = await store.revision()
    with pytest.raises(LookupError):
        await _given_up(store)
    assert await store.revision() == before


async def test_what_another_process_keeps_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    first = await SqliteStore.open(path, Rates(), instances)
    second = await SqliteStore.open(path, Rates(), instances)
    try:
        await _with_events(second, "event1")
        revision = await first.revision()
        newest, _ = await first.answered(None)
        await _answered(second, "event1")
        assert await first.revision() != revision
        assert (await first.answered(newest))[1] == {"event1"}
    finally:
        await first.close()
        await second.close()


async def test_answers_are_told_once_by_their_events(store: Store) -> None:
    await _with_events(store, "event1", "event2", "event3")
    start, none = await store.answered(None)
    assert none == frozenset()
    for uid in ("event1", "event2", "event1"):
        await _answered(store, uid)
    newest, events = await store.answered(start)
    assert events == {"event1", "event2"}
    assert await store.answered(newest) == (newest, frozenset())
    assert await store.answered(None) == (newest, frozenset())


async def test_uids_are_found_by_their_beginning(store: Store) -> None:
    await _with_events(store, "event1", "event2", "other1")
    assert await store.uids(None, "event", 10) == ["event1", "event2"]
    assert await store.uids(ORGANIZER, "event", 1) == ["event1"]
    assert await store.uids("nobody@example.org", "event", 10) == []
    assert await store.uids(None, "%", 10) == []
