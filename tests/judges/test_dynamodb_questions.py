"""What is asked of the store on DynamoDB, by several processes at once, and what it costs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from engine.itip.recurrence import instances
from engine.model.answers import InstanceAnswer, Receipt
from engine.model.changes import Change
from engine.model.confirmations import ConfirmationKind
from engine.model.exports import ExportQuery, Table
from engine.model.messages import Fanout, Kind, MessageState
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.model.triggers import DeliveryState
from engine.store.dynamodb.address import Address
from engine.store.dynamodb.answers import INSTANCE_ANSWERS
from engine.store.dynamodb.budgets import KEY_DAYS, SpentDay
from engine.store.dynamodb.opening import open_table
from engine.store.dynamodb.owed import INVITEES, place
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from engine.store.dynamodb.tallies import event_key
from engine.store.dynamodb.wires import as_written
from engine.store.sqlite.search_file import SearchFile
from tests.judges.tables import Fixed, new_address
from tests.store import stores
from tests.store.stores import ORGANIZER, START
from tests.store.test_confirmations import confirmation
from tests.store.test_triggers import delivery
from tests.support.waiting import eventually

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
PEOPLE = [f"p{n:02}@example.com" for n in range(25)]


@pytest.fixture
async def processes() -> AsyncIterator[tuple[DynamoStore, DynamoStore]]:
    """Two processes over one table."""
    address = Address.of(new_address())
    opened = [
        await open_table(address, Context(expand=instances, search_file=SearchFile.open), Fixed())
        for _ in range(2)
    ]
    yield opened[0], opened[1]
    for store in opened:
        await store.close()


async def _answer(store: DynamoStore, email: str, uid: str = "event1") -> None:
    receipt = Receipt(
        event_uid=uid, email=email, partstat=Partstat.ACCEPTED, sequence=0, dtstamp=START, arrived=START
    )

    async def work(unit: object) -> None:
        await unit.record_receipt(receipt)  # type: ignore[attr-defined]

    await store.transact(work)


async def test_an_event_with_its_counters_costs_three_read_units(
    processes: tuple[DynamoStore, DynamoStore],
) -> None:
    store, _ = processes
    made = await stores.with_event(store, *PEOPLE, id="k3m9p2qa")  # type: ignore[arg-type]
    await stores.answered(store, await stores.claim(store, limit=20))  # type: ignore[arg-type]
    for name, most in ((made.uid, 3.0), (made.id, 3.5)):
        before = store.consumed.reads
        ((found, counted),) = await store.events_with_statistics(name, ORGANIZER)
        assert (found, counted.attendees) == (made, 25)
        assert store.consumed.reads - before <= most


async def test_what_waits_about_an_object_costs_the_same_however_much_was_settled(
    processes: tuple[DynamoStore, DynamoStore],
) -> None:
    store, _ = processes
    settled = {"object": "x", "state": DeliveryState.DONE, "due": None}
    for lot in range(8):
        done = [delivery(f"done{lot}-{n}", **settled) for n in range(15)]
        async with store.unit() as unit:
            await unit.add_deliveries([(one, "{}") for one in done])
    async with store.unit() as unit:
        await unit.add_deliveries([(delivery("waits", object="x"), "{}")])
    async with store.unit() as unit:
        before = store.consumed.requests
        assert [one.id for one in await unit.pending_for("id-deals", "x", 10)] == ["waits"]
        assert store.consumed.requests - before == 2


async def test_mails_that_wait_for_registrations_are_looked_at_together(
    processes: tuple[DynamoStore, DynamoStore],
) -> None:
    store, _ = processes
    kinds = [ConfirmationKind.REGISTRATION, ConfirmationKind.FIRST_PROOF]
    for n in range(16):
        given = {"kind": kinds[n % 2], "proofs": (f"proof{n}",)}
        async with store.unit() as unit:
            one = confirmation(f"c{n}", f"{n}@example.com").model_copy(update=given)
            await unit.add_confirmation(one)
    before = store.consumed.requests
    assert await store.proven_since(START, 10) == []
    assert store.consumed.requests - before <= 6


async def test_what_another_process_keeps_is_seen_and_found(
    processes: tuple[DynamoStore, DynamoStore],
) -> None:
    one, other = processes
    await stores.with_event(one, uid="event1", summary="Rehearsal")  # type: ignore[arg-type]
    await stores.with_event(one, uid="event2", summary="Rehearsal")  # type: ignore[arg-type]
    query = EventQuery(query="rehearsal", limit=1)
    revision, (start, _) = await other.revision(), await other.answered(None)
    page = await one.search(query)
    assert await other.listed(page.search_cursor or "") == tuple(event.uid for event in page.events)
    rest = await other.search(query.model_copy(update={"cursor": page.next_cursor}))
    assert {event.uid for event in (*page.events, *rest.events)} == {"event1", "event2"}
    await stores.with_event(one, "ann@example.com", uid="event3", summary="Rehearsal")  # type: ignore[arg-type]
    await _answer(one, "ann@example.com", "event3")
    await one.announce()
    assert await other.revision() != revision
    assert (await other.answered(start))[1] == {"event3"}
    peopled = await other.search(EventQuery(query="rehearsal", has_attendees=True))
    assert [event.uid for event in peopled.events] == ["event3"]


async def test_what_a_process_kept_is_told_before_it_stands_still(
    processes: tuple[DynamoStore, DynamoStore],
) -> None:
    """Lambda freezes a function after each answer, and others are told at most once a second otherwise."""
    one, other = processes
    await stores.with_event(one, uid="event1")  # type: ignore[arg-type]
    await one.announce()
    revision = await other.revision()
    await stores.with_event(one, uid="event2")  # type: ignore[arg-type]
    await one.announce()
    assert await other.revision() != revision


async def test_others_are_told_also_after_a_loop_ended_all_that_waited_in_it(
    processes: tuple[DynamoStore, DynamoStore],
) -> None:
    """A function of Lambda ends what it has begun with each request."""
    one, other = processes
    before = asyncio.all_tasks()
    await stores.with_event(one, uid="event1")  # type: ignore[arg-type]
    waiting = asyncio.all_tasks() - before
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    revision = await other.revision()
    await stores.with_event(one, uid="event2")  # type: ignore[arg-type]

    async def told() -> bool:
        return await other.revision() != revision

    await eventually(told)


async def test_nothing_is_missed_or_told_twice_while_several_write(
    processes: tuple[DynamoStore, DynamoStore],
) -> None:
    one, other = processes
    await stores.with_event(one)  # type: ignore[arg-type]
    cursor = (await one.changes(None, None, 1)).cursor
    told: list[Change] = []
    writing = asyncio.gather(*(_answer((one, other)[n % 2], f"p{n}@example.com") for n in range(60)))
    while True:
        last = writing.done()
        page = await other.changes(ORGANIZER, cursor, 7)
        told, cursor = [*told, *page.changes], page.cursor
        if last and not page.changes:
            break
    await writing
    assert sorted(change.email for change in told) == sorted(f"p{n}@example.com" for n in range(60))
    assert len({change.id for change in told}) == 60


async def test_a_page_may_end_within_one_unit_of_work(processes: tuple[DynamoStore, DynamoStore]) -> None:
    store, _ = processes
    cursor = (await store.changes(None, None, 1)).cursor

    async def ten(unit: object) -> None:
        for n in range(10):
            await unit.note_complaint(f"p{n}@example.com", ORGANIZER, None, "", START)  # type: ignore[attr-defined]

    for _ in range(4):
        await store.transact(ten)
    told: list[str] = []
    more = True
    while more:
        page = await store.changes(None, cursor, 3)
        told += [change.email for change in page.changes]
        cursor, more = page.cursor, page.more
    assert sorted(told) == sorted([f"p{n}@example.com" for n in range(10)] * 4)


async def test_the_recount_finds_what_differs(processes: tuple[DynamoStore, DynamoStore]) -> None:
    store, _ = processes
    await stores.with_event(store, "ann@example.com")  # type: ignore[arg-type]
    assert await store.recount() == []
    items = store.items
    items.add(event_key("event1", 3), "attendees", 2)
    await items.commit()
    assert await store.recount() == ["event event1 attendees: the counter says 3, there are 1"]
    found = await stores.claim(store)  # type: ignore[arg-type]
    rows = store.rows
    owed = (await store.rows_at([place(found[0].message)]))[found[0].message.id]
    person = await rows.get(INVITEES, "event1", "attendee", "ann@example.com")
    assert person is not None
    wrong = owed.changed(sequence=4, state=MessageState.SENT)
    await rows.put(INVITEES, person.model_copy(update={"newest": wrong}))
    await rows.put(KEY_DAYS, SpentDay(key="spender", day=1, mails=2))
    await rows.items.commit()
    text = " ".join(await store.recount())
    assert "1 messages with a revision that does not exist yet" in text
    assert "1 messages settled without a time" in text
    assert "1 days of keys whose budgets differ from the ledger" in text
    assert "event event1 delivery.sent: the counter says 0, there are 1" in text
    assert store.consumed.scans > 0


async def test_only_the_recount_scans(processes: tuple[DynamoStore, DynamoStore]) -> None:
    store, _ = processes
    await stores.with_event(store, *PEOPLE)  # type: ignore[arg-type]
    await store.search(EventQuery())
    await store.figures()
    await store.organizer_domains(3)
    await store.changes(None, None, 3)
    assert [page async for page in store.attendees_of(["event1"], ExportQuery(table=Table.ATTENDEES))]
    assert store.consumed.scans == 0


async def test_who_answered_for_the_last_of_very_many_dates_is_told_of_a_change(
    processes: tuple[DynamoStore, DynamoStore],
) -> None:
    store, _ = processes
    await stores.with_event(store, "zoe@example.com")  # type: ignore[arg-type]
    dates = [START + timedelta(days=n) for n in range(10_001)]
    answers = [_for_date("ann@example.com", date, Partstat.DECLINED) for date in dates[:-1]]
    answers.append(_for_date("zoe@example.com", dates[-1], Partstat.ACCEPTED))
    items = (as_written(INSTANCE_ANSWERS.items(one)[0], "1")[0] for one in answers)
    await store.calls.write([{"PutRequest": {"Item": item}} for item in items])

    async with store.unit() as unit:
        job = Fanout(event_uid="event1", kind=Kind.UPDATE, partstats=frozenset({Partstat.ACCEPTED}))
        people, _ = await unit.audience(job, 10)
        assert [attendee.email for attendee in people] == ["zoe@example.com"]


def _for_date(email: str, date: datetime, partstat: Partstat) -> InstanceAnswer:
    return InstanceAnswer(
        event_uid="event1",
        email=email,
        recurrence_id=date,
        partstat=partstat,
        sequence=0,
        dtstamp=START,
        arrived=START,
    )
