"""Units of work of two processes over one table that meet: one of them is not kept, and nothing is lost."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import pytest

from engine.itip.recurrence import instances
from engine.model.claims import SendResult
from engine.model.messages import Kind, MessageState
from engine.model.queries import EventQuery
from engine.model.record import ChainRow, Cut, next_row
from engine.model.webhooks import PostingState
from engine.refusals import Code
from engine.store.dynamodb.address import Address
from engine.store.dynamodb.calls import Calls, Wire
from engine.store.dynamodb.items import Items
from engine.store.dynamodb.ledger import reports_sent
from engine.store.dynamodb.opening import open_table
from engine.store.dynamodb.session import Context
from engine.store.dynamodb.store import DynamoStore
from engine.store.dynamodb.table import SORTED, Index
from engine.store.dynamodb.unit import DynamoUnit
from engine.store.protocol import Conflict
from engine.store.sqlite.search_file import SearchFile
from tests.judges.tables import Fixed, new_address
from tests.store import stores
from tests.store.stores import ORGANIZER, START
from tests.store.test_pictures import ONE as PICTURE
from tests.store.test_webhooks import claimed, outgoing, with_postings

pytestmark = pytest.mark.skipif(
    os.environ.get("CIS_JUDGES") != "required", reason="an emulator of AWS: run by .ci/run (make judges)"
)
PLACE = ("probe#one", "place")
ANN = "ann@example.com"


class Process(DynamoStore):
    """A process to which `meanwhile` happens once, between what a unit of work reads and its being kept."""

    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def _keep(self, unit: DynamoUnit) -> None:
        what, self.meanwhile = self.meanwhile, None
        if what:
            await what()
        await super()._keep(unit)


Both = tuple[Process, Process]
Work = Callable[[Process], Awaitable[None]]


@asynccontextmanager
async def two_processes() -> AsyncIterator[Both]:
    """Two processes over one table, which adds up in the end."""
    address = Address.of(new_address())
    opened = [
        await open_table(address, Context(expand=instances, search_file=SearchFile.open), Fixed())
        for _ in range(2)
    ]
    one, other = (Process(store._calls, store.context) for store in opened)
    yield one, other
    for store in (one, other):
        assert await store.recount() == []
        await store.close()


@pytest.fixture
async def processes() -> AsyncIterator[Both]:
    """Two processes over one table."""
    async with two_processes() as both:
        yield both


async def test_what_was_not_there_when_it_was_read_is_not_replaced(processes: Both) -> None:
    mine, theirs = (store.rows.items for store in processes)
    assert await mine.get(PLACE) is None
    theirs.put(PLACE, "theirs")
    await theirs.commit()
    assert [item.value for item in await mine.query(PLACE[0])] == ["theirs"]
    mine.put(PLACE, "mine")
    with pytest.raises(Conflict):
        await mine.commit()
    found = await processes[0].rows.items.get(PLACE)
    assert found is not None
    assert found.value == "theirs"


class Interrupted:
    """Calls to which `meanwhile` happens once, before they read what a long value goes on with."""

    def __init__(self, calls: Calls, meanwhile: Callable[[], Awaitable[object]]) -> None:
        self._calls = calls
        self._meanwhile: Callable[[], Awaitable[object]] | None = meanwhile

    def __getattr__(self, name: str) -> object:
        return getattr(self._calls, name)

    async def get(self, keys: Sequence[Wire], *, consistent: bool = True) -> list[Wire]:
        what, self._meanwhile = self._meanwhile, None
        if what and keys[0]["pk"]["S"].startswith("part#"):
            await what()
        else:
            self._meanwhile = what
        return await self._calls.get(keys, consistent=consistent)


def _long(seed: int, size: int) -> str:
    """A text that is as long when it is compressed as half of it."""
    return random.Random(seed).randbytes(size).hex()


@pytest.mark.parametrize("new", [_long(2, 700_000), _long(3, 400_000), "short", None])
async def test_a_long_value_that_is_replaced_while_it_is_read_is_read_whole(
    processes: Both, new: str | None
) -> None:
    one, other = processes
    items = one.rows.items
    items.put(PLACE, _long(1, 700_000))
    await items.commit()

    async def replace() -> None:
        items = other.rows.items
        await items.get(PLACE)
        if new is None:
            items.drop(PLACE)
        else:
            items.put(PLACE, new)
        await items.commit()

    calls = Interrupted(one._calls, replace)
    found = await Items(calls).get(PLACE)  # type: ignore[arg-type]
    assert (found.value if found else None) == new


async def _claimed(store: Process) -> list[tuple[int, str]]:
    """Claim what is due: the sequence of each mail, and the summary of the event in it."""
    found = await store.claim_messages("one", 10, lambda: START, 20, reclaim=False)
    return [(claim.message.sequence, claim.event.summary if claim.event else "") for claim in found]


async def test_what_is_claimed_meanwhile_is_not_withdrawn(processes: Both) -> None:
    one, other = processes
    await stores.with_event(one, ANN)  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        async with one.unit() as unit:
            assert await unit.withdraw_for_person("event1", ANN, Code.EVENT_CANCELLED, START) == 1
            claims = await stores.claim(other)  # type: ignore[arg-type]
    await stores.answered(other, claims)  # type: ignore[arg-type]
    assert await stores.states(one) == {"sent": 1}  # type: ignore[arg-type]


async def test_what_is_withdrawn_meanwhile_is_not_claimed(processes: Both) -> None:
    one, other = processes
    await stores.with_event(one, ANN)  # type: ignore[arg-type]

    async def withdraw() -> None:
        async with one.unit() as unit:
            assert await unit.withdraw_for_person("event1", ANN, Code.EVENT_CANCELLED, START) == 1

    other.meanwhile = withdraw
    assert await _claimed(other) == []
    assert await stores.states(one) == {"withdrawn": 1}  # type: ignore[arg-type]


async def test_two_first_claims_at_once_share_what_is_due(processes: Both) -> None:
    one, other = processes
    await stores.with_event(one, ANN)  # type: ignore[arg-type]
    mine: list[tuple[int, str]] = []

    async def claim() -> None:
        mine.extend(await _claimed(one))

    other.meanwhile = claim
    assert await other.claim_messages("two", 10, lambda: START, 20, reclaim=False) == []
    assert mine == [(0, "Meeting")]


async def test_a_mail_that_was_given_back_and_claimed_again_is_not_given_back_by_the_same_words(
    processes: Both,
) -> None:
    """An answer is written down again where it is not known whether it was."""
    one, other = processes
    await stores.with_event(one, ANN)  # type: ignore[arg-type]
    (first,) = await one.claim_messages("one", 10, lambda: START, 20)
    back = SendResult(message_id=first.message.id, state=MessageState.QUEUED, lease=first.lease)
    await one.write_answers("one", [back], START)
    (second,) = await one.claim_messages("one", 10, lambda: START, 20)
    await one.write_answers("one", [back], START)
    assert await stores.claim(other, "another") == []  # type: ignore[arg-type]
    sent = back._replace(state=MessageState.SENT, lease=second.lease)
    await one.write_answers("one", [sent], START)
    assert await stores.states(one) == {"sent": 1}  # type: ignore[arg-type]


async def _revise(store: Process) -> None:
    """The event has another name, of which Ann is told."""
    made = stores.event(sequence=1, summary="Another name")
    async with store.unit() as unit:
        await unit.save_event(made)
        await unit.add_messages([stores.message(ANN, kind=Kind.UPDATE, sequence=1)], priority=0)


async def test_an_invite_that_is_claimed_meanwhile_covers_no_update(processes: Both) -> None:
    one, other = processes
    await stores.with_event(one, ANN)  # type: ignore[arg-type]

    async def claim() -> None:
        assert await _claimed(other) == [(0, "Meeting")]

    one.meanwhile = claim
    with pytest.raises(Conflict):
        await _revise(one)
    await _revise(one)
    assert await stores.states(one) == {"sending": 1, "queued": 1}  # type: ignore[arg-type]


async def test_an_invite_whose_event_is_revised_meanwhile_leaves_with_what_is_new(processes: Both) -> None:
    one, other = processes
    await stores.with_event(one, ANN)  # type: ignore[arg-type]
    other.meanwhile = lambda: _revise(one)
    assert await _claimed(other) == []
    assert await stores.states(one) == {"queued": 1}  # type: ignore[arg-type]
    assert await _claimed(other) == [(1, "Another name")]


async def test_what_a_key_spends_first_on_a_day_is_spent_once_at_a_time(processes: Both) -> None:
    one, other = processes
    people = [stores.attendee(email) for email in (ANN, "bob@example.com")]
    await stores.with_event(one)  # type: ignore[arg-type]
    async with one.unit() as unit:
        await unit.add_attendees(people)

    async def invite(store: Process, email: str) -> None:
        async with store.unit() as unit:
            assert (await unit.spent(["key1"], START))["key1"].mails == 0
            if store is one:
                await invite(other, "bob@example.com")
            await unit.add_messages([stores.message(email, key="key1")], priority=0)

    with pytest.raises(Conflict):
        await invite(one, ANN)
    assert (await one.spent(["key1"], START))["key1"].mails == 1


async def test_what_left_an_index_hides_nothing_of_what_is_in_it(processes: Both) -> None:
    one, _ = processes
    items = one.rows.items
    for n in range(3):
        items.put(("probe", str(n)), "", {Index.DUE.value: "probe", SORTED[Index.DUE]: str(n)})
    await items.commit()
    items = one.rows.items
    items.put(("probe", "0"), "")
    assert [item.key[1] for item in await items.indexed(Index.DUE, "probe", limit=1)] == ["1"]
    assert [item.key[1] for item in await items.indexed(Index.DUE, "probe", limit=2)] == ["1", "2"]


async def test_what_is_counted_while_counters_are_moved_is_not_lost(processes: Both) -> None:
    one, other = processes
    counters = reports_sent(f"party for {ANN}")

    async def count() -> None:
        items = other.rows.items
        items.add(counters, "sent", 1)
        await items.commit()

    async def forget() -> None:
        traces = await one.traces(ANN)
        assert len(traces) == 1
        async with one.unit() as unit:
            await unit.forget_rows(ANN, "nobody@forgotten.invalid", traces, START)

    await count()
    one.meanwhile = count
    with pytest.raises(Conflict):
        await forget()
    await forget()
    moved = reports_sent("party for nobody@forgotten.invalid")
    found = await one.rows.items.numbers([counters, moved])
    assert found == {counters: {}, moved: {"sent": 2}}


async def _settle_first(store: Process) -> None:
    done = {"state": PostingState.DELIVERED, "due": None, "attempts": 1}
    async with store.unit() as unit:
        await unit.save_posting(outgoing("first", "lane", **done).posting)


async def _add_second(store: Process) -> None:
    async with store.unit() as unit:
        await unit.add_postings([outgoing("second", "lane")])


@pytest.mark.parametrize("works", [(_settle_first, _add_second), (_add_second, _settle_first)])
async def test_a_lane_goes_on_when_its_last_posting_is_settled_while_another_is_added(
    processes: Both, works: tuple[Work, Work]
) -> None:
    one, other = processes
    await with_postings(one, outgoing("first", "lane"))  # type: ignore[arg-type]
    work, meanwhile = works
    one.meanwhile = lambda: meanwhile(other)
    with pytest.raises(Conflict):
        await work(one)
    await work(one)
    assert await claimed(one) == ["second"]  # type: ignore[arg-type]


async def test_an_event_whose_people_all_left_in_another_process_is_found_with_new_people(
    processes: Both,
) -> None:
    one, other = processes
    await stores.with_event(one, ANN, summary="Rehearsal")  # type: ignore[arg-type]
    ann = await other.attendee("event1", ANN)
    assert ann is not None
    query = EventQuery(query="rehearsal", has_attendees=True)
    async with other.unit() as unit:
        await unit.change_attendee(ann, ann.model_copy(update={"withdrawn": START}))
    assert (await other.search(query)).events == ()
    async with one.unit() as unit:
        await unit.add_attendees([stores.attendee("bob@example.com")])
    assert [event.uid for event in (await one.search(query)).events] == ["event1"]


async def test_the_record_that_two_processes_cut_begins_where_the_last_of_them_cut_it(
    processes: Both,
) -> None:
    one, other = processes

    async def append(unit: DynamoUnit) -> ChainRow:
        place = await unit.record_place([])
        row = next_row(place.after, {"at": str(START)}, b"salt of the row")
        await unit.add_row(row, {})
        return row

    rows = [await one.transact(append) for _ in range(4)]

    async def cut(store: DynamoStore, seq: int) -> None:
        place = Cut(seq=seq, head=rows[seq - 1].head, note="signed")

        async def work(unit: DynamoUnit) -> None:
            await unit.cut_record(place)

        await store.transact(work)

    async def twice() -> None:
        await cut(other, 2)
        await cut(other, 3)

    one.meanwhile = twice
    await cut(one, 2)
    begins = await one.record_cut()
    assert begins
    assert begins.seq == 3
    assert await one.record_rows(begins.seq, 10) == rows[3:]


async def test_two_processes_make_one_event_of_a_uid_of_an_organizers_own_calendar(processes: Both) -> None:
    one, other = processes

    async def make(store: Process, uid: str) -> bool:
        async def work(unit: DynamoUnit) -> bool:
            if await unit.event_by_source(ORGANIZER, "own@client"):
                return False
            await unit.ensure_organizer(ORGANIZER, "Olga", START)
            await unit.add_event(stores.event(uid, source_uid="own@client"))
            return True

        return await store.transact(work)

    async with other.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "Olga", START)
    one.meanwhile = partial(make, other, "theirs")
    assert not await make(one, "mine")
    assert await one.event("mine") is None
    assert await one.event("theirs") is not None


async def test_a_picture_that_another_organizer_adds_while_it_is_dropped_keeps_its_bytes(
    processes: Both,
) -> None:
    one, other = processes

    async def save(organizer: str) -> None:
        async with other.unit() as unit:
            await unit.save_picture(PICTURE.model_copy(update={"organizer": organizer}), b"bytes")

    await save(ORGANIZER)
    one.meanwhile = partial(save, "eve@example.org")

    async def drop(unit: DynamoUnit) -> None:
        await unit.drop_pictures(ORGANIZER, START + timedelta(days=1))

    await one.transact(drop)
    assert await one.picture_content(PICTURE.name) == b"bytes"
