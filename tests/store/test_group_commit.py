"""Units of work that are done at once, and what a claim holds of a message."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.answers import Receipt
from engine.model.messages import Kind, MessageState, Notice
from engine.model.people import Partstat
from engine.process.gathering import Failed
from engine.store.protocol import Store, Unit
from engine.store.sqlite.group_commit import SyncConnection, transaction
from tests.store.stores import (
    attendee,
    claim,
    event,
    message,
    needs_large_units,
    owe,
    save,
    sqlite,
    with_event,
)
from tests.support.clock import START

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


async def test_what_is_done_at_once_is_kept(store: Store) -> None:
    await with_event(store, "ann@example.com")

    async def work(unit: Unit) -> int:
        await unit.add_attendees([attendee("bob@example.com")])
        return await unit.attendee_count("event1")

    assert await store.transact(work) == 1
    assert await store.attendee("event1", "bob@example.com")


async def test_work_that_fails_is_undone_and_the_store_goes_on(store: Store) -> None:
    await with_event(store, "ann@example.com")

    async def fails(unit: Unit) -> None:
        await unit.add_attendees([attendee("bob@example.com")])
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store.transact(fails)
    assert await store.attendee("event1", "bob@example.com") is None
    await save(store, event(summary="Later"))


async def test_work_that_waits_for_something_else_is_undone_and_said(store: Store) -> None:
    needs_large_units(store)
    await with_event(store, "ann@example.com")

    async def waits(unit: Unit) -> None:
        await unit.add_attendees([attendee("bob@example.com")])
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="waited"):
        await store.transact(waits)
    assert await store.attendee("event1", "bob@example.com") is None
    await save(store, event(summary="Later"))


async def test_two_stores_over_one_file_take_turns(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as one, sqlite(tmp_path) as two:
        await with_event(one)

        async def invite(number: int) -> None:
            async def work(unit: Unit) -> None:
                await unit.add_attendees([attendee(f"p{number}@example.com")])

            await (one, two)[number % 2].transact(work)

        await asyncio.gather(*(invite(n) for n in range(60)))
        assert (await one.statistics("event", "event1")).attendees == 60


async def test_many_rows_are_added_whatever_their_number(store: Store) -> None:
    needs_large_units(store)
    people = [f"p{n}@example.com" for n in range(1_501)]
    await with_event(store, *people)
    assert (await store.statistics("event", "event1")).delivery["queued"] == len(people)
    claims = await claim(store, limit=2_000)
    assert [c.message.email for c in claims] == people


@settings(max_examples=15)
@given(name=WORDS, value=WORDS, micros=st.integers(0, 999_999))
async def test_a_claim_holds_what_the_ledger_and_the_list_say(name: str, value: str, micros: int) -> None:
    with TemporaryDirectory() as folder:
        async with sqlite(Path(folder)) as store:
            await with_event(store)
            then = START - timedelta(microseconds=micros)
            person = attendee("ann@example.com", name=name, fields={"seat": value}, created=then)
            answered = {"receipt_sequence": 1, "receipt_dtstamp": then, "receipt_arrived": START}
            changed = person.model_copy(update={"partstat": Partstat.TENTATIVE, "prodid": name, **answered})
            receipt = Receipt(
                event_uid="event1",
                email=person.email,
                partstat=Partstat.TENTATIVE,
                sequence=1,
                dtstamp=then,
                arrived=START,
            )
            async with store.unit() as unit:
                await unit.add_attendees([person])
                await unit.change_attendee(person, changed)
                await unit.record_receipt(receipt)
            notice = Notice(subject=name, text=value)
            invite = message("ann@example.com", created=then, due=then)
            note = message("bob@example.com", kind=Kind.NOTICE, event_uid=None, method=None, notice=notice)
            await owe(store, invite)
            await owe(store, note)
            before = [await store.message_by_message_id(m.message_id) for m in (invite, note)]
            claims = await claim(store)
            assert [c.message for c in claims] == before
            assert claims[0].attendee == await store.attendee("event1", "ann@example.com") == changed
            assert claims[1].attendee is None
            assert [m.state for m in before if m] == [MessageState.QUEUED, MessageState.QUEUED]


async def test_of_several_at_the_same_time_the_one_that_fails_is_undone_alone(store: Store) -> None:
    await with_event(store, "ann@example.com")

    async def add(unit: Unit, name: str) -> None:
        await unit.add_attendees([attendee(f"{name}@example.com")])
        if name == "eve":
            raise ValueError("no")

    names = ["bob", "eve", "cyd", "dan"]
    asked = [store.transact(partial(add, name=name)) for name in names]
    became = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(b) for b in became] == [type(None), ValueError, type(None), type(None)]
    there = [name for name in names if await store.attendee("event1", f"{name}@example.com")]
    assert there == ["bob", "cyd", "dan"]
    assert await store.recount() == []


def test_where_the_disk_fills_up_in_the_middle_each_work_is_kept_or_told(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "small", isolation_level=None)
    connection.execute("CREATE TABLE line (text)")
    connection.execute("PRAGMA max_page_count = 40")

    async def write(inside: SyncConnection, size: int) -> int:
        await inside.execute("INSERT INTO line VALUES (?)", ["x" * size])
        return size

    sizes = [1_000, 2_000, 900_000, 3_000]
    done: list[int | Failed] = []
    while len(done) < len(sizes):
        done += transaction(connection, [partial(write, size=s) for s in sizes[len(done) :]], 1)
    kept = [size for (size,) in connection.execute("SELECT length(text) FROM line ORDER BY rowid")]
    connection.close()
    assert [d for d in done if not isinstance(d, Failed)] == kept == [1_000, 2_000, 3_000]


def test_one_work_alone_is_undone_whole_without_a_savepoint(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "one", isolation_level=None)
    connection.execute("CREATE TABLE line (text)")

    async def write(inside: SyncConnection, text: str) -> str:
        await inside.execute("INSERT INTO line VALUES (?)", [text])
        if text == "no":
            raise ValueError(text)
        return text

    said: list[str] = []
    connection.set_trace_callback(said.append)
    done = [transaction(connection, [partial(write, text=text)], 1)[0] for text in ("yes", "no", "again")]
    connection.set_trace_callback(None)
    kept = [text for (text,) in connection.execute("SELECT text FROM line ORDER BY rowid")]
    connection.close()
    assert not [sql for sql in said if "SAVEPOINT" in sql]
    assert [d for d in done if not isinstance(d, Failed)] == kept == ["yes", "again"]


async def test_work_whose_caller_goes_away_is_carried_out_and_the_others_get_their_answers(
    store: Store,
) -> None:
    await with_event(store, "ann@example.com")

    async def add(unit: Unit, name: str) -> int:
        await unit.add_attendees([attendee(f"{name}@example.com")])
        return await unit.attendee_count("event1")

    asked = [asyncio.create_task(store.transact(partial(add, name=name))) for name in ("bob", "cyd", "dan")]
    await asyncio.sleep(0)
    asked[1].cancel()
    became = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(became[1], asyncio.CancelledError)
    assert became[0] in {1, 2, 3}
    assert became[2] in {1, 2, 3}
    assert await store.attendee("event1", "cyd@example.com")
