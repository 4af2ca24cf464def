"""The contract of a store: what a person is owed in a day, and what the installation sends in 24 hours."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.model.counters import PersonMails
from engine.model.messages import Kind, Message, MessageState, Method, Notice
from engine.store.protocol import Store
from tests.store.stores import (
    START,
    STORES,
    answered,
    claim,
    emails,
    message,
    owe,
    sqlite,
    with_event,
)

ANN, BOB = "ann@example.com", "bob@example.com"
TOMORROW = START + timedelta(days=1)


async def mails(store: Store, email: str, now: datetime = START) -> PersonMails:
    async with store.unit() as unit:
        return (await unit.person_mails([email], now)).get("ann@example.com", PersonMails())


def notice(email: str, **values: object) -> Message:
    words = Notice(subject="Is it you?", text="Confirm it.")
    return message(email, kind=Kind.NOTICE, method=None, event_uid=None, notice=words, **values)


async def test_invites_and_reminders_count_for_a_person_under_every_tag(store: Store) -> None:
    await with_event(store, ANN, "ann+work@example.com", BOB)
    await owe(store, message(ANN, kind=Kind.REMINDER, repeat="r"))
    assert await mails(store, "ann+other@example.com") == PersonMails(all=3)


async def test_changes_cancellations_and_notices_do_not_count(store: Store) -> None:
    made = await with_event(store, ANN)
    await answered(store, await claim(store))
    async with store.unit() as unit:
        await unit.save_event(made.model_copy(update={"sequence": 2}))
    await owe(
        store,
        message(ANN, kind=Kind.UPDATE, sequence=1),
        message(ANN, kind=Kind.CANCELLATION, method=Method.CANCEL, sequence=2),
        notice(ANN),
    )
    assert await mails(store, ANN) == PersonMails(all=1)


async def test_what_is_owed_already_is_not_counted_again(store: Store) -> None:
    await with_event(store, ANN)
    await owe(store, message(ANN), message(ANN))
    assert await mails(store, ANN) == PersonMails(all=1)


async def test_what_strangers_ask_for_counts_apart_whatever_it_is(store: Store) -> None:
    await with_event(store, ANN)
    await owe(store, notice(ANN, prompted=True), message(ANN, repeat="r", prompted=True))
    assert await mails(store, ANN) == PersonMails(all=3, prompted=2)


async def test_every_day_counts_for_itself_and_is_deleted_later(store: Store) -> None:
    await with_event(store, ANN)
    assert await mails(store, ANN, TOMORROW) == PersonMails()
    assert "drop_days" not in await store.due_jobs(TOMORROW)
    async with store.unit() as unit:
        await unit.drop_days(START + timedelta(days=2), 1_000)
    assert "drop_days" not in await store.due_jobs(START + timedelta(days=2))


@pytest.mark.parametrize("backend", STORES)
async def test_no_more_mails_are_claimed_than_may_leave_in_24_hours(backend: str, tmp_path: Path) -> None:
    async with STORES[backend](tmp_path, day=2) as store:
        await with_event(store, ANN, BOB, "cid@example.com")
        first = await claim(store)
        assert emails(first) == [ANN, BOB]
        assert await claim(store, "two") == []
        await answered(store, first[:1])
        await answered(store, first[1:], MessageState.DEFERRED, due=START + timedelta(days=3))
        assert emails(await claim(store, "two")) == ["cid@example.com"]


@pytest.mark.parametrize("backend", STORES)
async def test_what_waits_for_the_limit_leaves_a_day_later(backend: str, tmp_path: Path) -> None:
    async with STORES[backend](tmp_path, day=1) as store:
        await with_event(store, ANN, BOB)
        await answered(store, await claim(store))
        assert await claim(store, now=START + timedelta(hours=23)) == []
        assert emails(await claim(store, now=START + timedelta(hours=25))) == [BOB]


async def test_a_mail_that_came_back_has_left_all_the_same(tmp_path: Path) -> None:
    async with sqlite(tmp_path, day=1) as store:
        await with_event(store, ANN, BOB)
        (sent,) = await claim(store)
        await answered(store, [sent])
        async with store.unit() as unit:
            await unit.bounce(sent.message, "550 no such user", START)
        assert await claim(store) == []


@pytest.mark.parametrize("more_bytes", [0, 5_000_000])
async def test_a_recount_names_counters_that_differ_from_the_mails(tmp_path: Path, more_bytes: int) -> None:
    async with sqlite(tmp_path) as store:
        await with_event(store, ANN)
        await answered(store, await claim(store))
        with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as raw, raw:
            raw.execute("CREATE TABLE more AS SELECT zeroblob(?) AS of_them", (more_bytes,))
            raw.execute("UPDATE person_mail SET n = 7")
            raw.execute("UPDATE sent_hour SET n = 0")
        found = " ".join(await store.recount())
        assert "1 counters of the mails that a person was owed" in found
        assert "hours that count fewer mails" in found
        with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as raw, raw:
            raw.execute("UPDATE person_mail SET n = 1")
            raw.execute("UPDATE sent_hour SET n = 1")


async def test_a_recount_looks_at_all_days_that_are_counted(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as store:
        await with_event(store, ANN)
        await owe(store, message(ANN, kind=Kind.REMINDER, repeat="r", created=TOMORROW, due=TOMORROW))
        assert await store.recount() == []
        with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as raw, raw:
            raw.execute("UPDATE person_mail SET n = 7 WHERE day = (SELECT min(day) FROM person_mail)")
        (found,) = await store.recount()
        assert "1 counters of the mails that a person was owed" in found
        with closing(sqlite3.connect(tmp_path / "store.sqlite3")) as raw, raw:
            raw.execute("UPDATE person_mail SET n = 1")


async def test_what_is_left_of_the_day_is_told(store: Store) -> None:
    await with_event(store, ANN, BOB)
    assert await store.left_today(3, START) == 3
    (first, *_) = await claim(store)
    await answered(store, [first])
    assert await store.left_today(3, START) == 1, "one left, one is held"
