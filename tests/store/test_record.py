"""The contract of a store: the record is one chain, in the order in which units of work are kept."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from engine.model.record import GENESIS, ChainRow, Cut, Head, next_row
from engine.store.protocol import Store, Unit
from tests.store import stores
from tests.store.stores import START


async def _append(store: Store, key: str = "", address: str = "") -> ChainRow:
    async def work(unit: Unit) -> ChainRow:
        place = await unit.record_place([address] if address else [])
        row = next_row(place.after, {"key": key, "at": str(START)}, b"salt of the row")
        new = {address: b"salt of a person"} if address and address not in place.salts else {}
        await unit.add_row(row, new)
        return row

    return await store.transact(work)


async def test_rows_of_units_at_the_same_time_follow_one_another(store: Store) -> None:
    await asyncio.gather(*(_append(store) for _ in range(5)))
    rows = await store.record_rows(0, 10)
    head = Head(0, GENESIS)
    for row in rows:
        assert row == next_row(head, {"at": str(START)}, b"salt of the row")
        head = Head(row.seq, row.head)
    assert await store.record_head() == head == (5, rows[-1].head)


async def test_rows_are_read_in_pages_and_by_caller(store: Store) -> None:
    for key in ("a", "b", "a", "a"):
        await _append(store, key)
    assert [r.seq for r in await store.record_rows(1, 2)] == [2, 3]
    assert [r.seq for r in await store.record_rows(0, 10, "a")] == [1, 3, 4]
    assert [r.seq for r in await store.newest_rows("a", None, 2)] == [4, 3]
    assert [r.seq for r in await store.newest_rows(None, 3, 2)] == [2, 1]


async def test_a_person_keeps_their_salt(store: Store) -> None:
    assert await store.record_salt("ann@example.com") is None
    for _ in range(2):
        await _append(store, address="ann@example.com")
    assert await store.record_salt("ann@example.com") == b"salt of a person"


async def test_a_row_of_a_unit_that_is_undone_is_undone_with_it(store: Store) -> None:
    await _append(store)

    async def work(unit: Unit) -> None:
        place = await unit.record_place([])
        await unit.add_row(next_row(place.after, {"at": "x"}, b"s"), {})
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store.transact(work)
    assert (await store.record_head()).seq == 1


async def test_what_a_unit_owes_is_told_once(store: Store) -> None:
    await stores.with_event(store, "ann@example.com")

    async def work(unit: Unit) -> list[list[str]]:
        owed = [stores.message("bob@example.com", message_id="new@x")]
        await unit.add_attendees([stores.attendee("bob@example.com")])
        await unit.add_messages(owed, priority=0)
        return [unit.take_owed(), unit.take_owed()]

    assert await store.transact(work) == [["new@x"], []]


async def test_a_record_goes_on_where_its_past_was_cut(store: Store) -> None:
    assert await store.record_cut() is None
    rows = [await _append(store) for _ in range(3)]
    cut = Cut(seq=2, head=rows[1].head, note="signed")
    await store.transact(partial(_cut, cut))
    assert await store.record_cut() == cut
    assert await store.record_rows(0, 10) == rows[2:]
    assert (await _append(store)).seq == 4


async def test_a_cut_further_on_stays(store: Store) -> None:
    rows = [await _append(store) for _ in range(4)]
    earlier, later = (Cut(seq=n, head=rows[n - 1].head, note="signed") for n in (2, 3))
    for cut in (later, earlier):
        await store.transact(partial(_cut, cut))
    assert await store.record_cut() == later
    assert await store.record_rows(0, 10) == rows[3:]


async def _cut(cut: Cut, unit: Unit) -> None:
    await unit.cut_record(cut)
