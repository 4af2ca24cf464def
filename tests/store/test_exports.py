"""The contract of a store: whole tables, read in pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from engine.model.answers import Receipt
from engine.model.exports import ExportQuery, Table
from engine.model.people import Partstat
from engine.model.times import Span
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import START


async def test_what_belongs_to_events_is_read_whole_in_pages_that_stay_small(store: Store) -> None:
    many = [f"p{n:04}@example.com" for n in range(2_300)]
    await stores.with_event(store, *many)
    await stores.with_event(store, "a@example.com", "b@example.com", uid="event0")
    await stores.with_event(store, "a@example.com", uid="event2")
    for name in many[:3]:
        given = Receipt(
            event_uid="event1",
            email=name,
            partstat=Partstat.DECLINED,
            sequence=0,
            dtstamp=START,
            arrived=START,
        )
        async with store.unit() as unit:
            await unit.record_receipt(given)
    uids = ["event0", "event1", "event2"]
    query = ExportQuery(table=Table.ATTENDEES)
    people = [page async for page in store.attendees_of(uids, query)]
    names = [(one.event_uid, one.email) for page in people for one in page]
    assert sorted(names) == sorted(set(names))
    assert len(names) == 2_303
    messages = [one async for page in store.messages_of(uids, query) for one in page]
    assert len({one.message_id for one in messages}) == 2_303
    receipts = [one.email async for page in store.receipts_of(uids, query) for one in page]
    assert receipts == many[:3]
    later = ExportQuery(table=Table.ATTENDEES, since=datetime(2030, 1, 1, tzinfo=UTC))
    assert [one async for page in store.attendees_of(uids, later) for one in page] == []


async def test_events_come_in_order_page_after_page(store: Store) -> None:
    for n in range(5):
        await stores.with_event(store, f"a{n}@example.com", uid=f"event{n}")
    found, after = await store.events_in_order(None, "", 3)
    rest, end = await store.events_in_order(None, after, 3)
    assert [event.uid for event, _ in (*found, *rest)] == [f"event{n}" for n in range(5)]
    assert [counted.attendees for _, counted in found] == [1, 1, 1]
    assert end == ""
    assert await store.events_in_order("nobody@example.org", "", 3) == ([], "")


async def test_an_event_that_is_moved_while_events_are_read_comes_once(store: Store) -> None:
    for n in range(6):
        await stores.with_event(store, f"a{n}@example.com", uid=f"event{n}", span=_days(n))
    found, after = await store.events_in_order(None, "", 3)
    unread, read = "event5", found[0][0].uid
    async with store.unit() as unit:
        for uid, days in ((unread, -9), (read, 99)):
            event = await unit.event(uid)
            assert event is not None
            await unit.save_event(event.model_copy(update={"span": _days(days), "sequence": 1}))
    rest, _ = await store.events_in_order(None, after, 4)
    assert sorted(event.uid for event, _ in (*found, *rest)) == [f"event{n}" for n in range(6)]


def _days(n: int) -> Span:
    begin = START + timedelta(days=30 + n)
    return Span(start=begin, end=begin + timedelta(hours=2), timezone="UTC")
