"""The contract of a store: a unit of work keeps all or nothing."""

from __future__ import annotations

import asyncio

import pytest

from engine.model.answers import Receipt
from engine.model.counters import Intake
from engine.model.people import Partstat
from engine.model.record import GENESIS, Head, next_row
from engine.refusals import Code
from engine.store.protocol import AlreadyTakenIn, Store, Unit
from tests.store import stores
from tests.store.stores import ORGANIZER, START


async def test_what_a_unit_wrote_is_kept_when_it_ends(store: Store) -> None:
    made = await stores.with_event(store, "ann@example.com")
    assert await store.event(made.uid) == made
    found = await store.attendee_by_token("token-event1-ann@example.com")
    assert found == stores.attendee("ann@example.com")


async def test_a_unit_that_raises_keeps_nothing(store: Store) -> None:
    await stores.with_event(store, "ann@example.com")
    before = await store.statistics("system", "")
    with pytest.raises(ZeroDivisionError):
        async with store.unit() as unit:
            await unit.add_attendees([stores.attendee("bob@example.com")])
            await unit.add_messages([stores.message("bob@example.com")], priority=0)
            await unit.save_event(stores.event(summary="Changed"))
            raise ZeroDivisionError
    assert await store.attendee_by_token("token-event1-bob@example.com") is None
    assert await store.statistics("system", "") == before
    assert await store.event("event1") == stores.event()


async def test_a_unit_that_breaks_a_rule_of_the_store_keeps_nothing(store: Store) -> None:
    await stores.with_event(store)
    with pytest.raises(Exception):  # noqa: B017 -- whichever the store raises
        async with store.unit() as unit:
            await unit.add_row(next_row(Head(0, GENESIS), {"command": "Test"}, b"salt"), {})
            await unit.add_attendees([stores.attendee("ann@example.com", token="t")])
            await unit.add_attendees([stores.attendee("bob@example.com", token="t")])
    async with store.unit() as unit:
        assert await unit.attendee("event1", "ann@example.com") is None


@pytest.mark.parametrize("turns", range(8))
async def test_a_unit_that_is_cancelled_at_any_moment_leaves_the_store_usable(
    store: Store, turns: int
) -> None:
    await stores.with_event(store)

    async def work() -> None:
        async with store.unit() as unit:
            for n in range(3):
                await unit.add_attendees([stores.attendee(f"a{n}@example.com")])

    task = asyncio.create_task(work())
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    async with store.unit() as unit:
        await unit.add_attendees([stores.attendee("later@example.com")])
        kept = [await unit.attendee("event1", f"a{n}@example.com") for n in range(3)]
    assert all(kept) or not any(kept)


async def test_units_wait_for_each_other(store: Store) -> None:
    await stores.with_event(store)

    async def add(n: int) -> None:
        async with store.unit() as unit:
            count = await unit.attendee_count("event1")
            await asyncio.sleep(0)
            await unit.add_attendees([stores.attendee(f"{count}@example.com")])

    await asyncio.gather(*(add(n) for n in range(20)))
    assert (await store.statistics("event", "event1")).attendees == 20


async def test_questions_see_nothing_of_a_unit_that_is_not_done(store: Store) -> None:
    async with store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "", START)
        await unit.add_event(stores.event())
        assert await store.event("event1") is None
    assert await store.event("event1") is not None


async def test_a_mail_is_taken_in_once(store: Store) -> None:
    intake = Intake(id="mail1", at=START, mailbox="create", action="created")
    async with store.unit() as unit:
        await unit.take_in(intake)
    with pytest.raises(AlreadyTakenIn):
        async with store.unit() as unit:
            await unit.ensure_organizer("other@example.org", "", START)
            await unit.take_in(intake.model_copy(update={"action": "refused"}))
    async with store.unit() as unit:
        assert await unit.taken_in("mail1") == intake
        assert await unit.taken_in("mail2") is None
    assert await store.notes("") == [intake]


async def test_what_a_request_made_is_remembered_by_actor_and_key(store: Store) -> None:
    async with store.unit() as unit:
        await unit.remember("agent:a", "key", "digest", "event1", START)
        assert await unit.remembered("agent:a", "key") == ("digest", "event1")
        assert await unit.remembered("agent:b", "key") is None


async def test_keys_are_found_by_their_digest(store: Store) -> None:
    async with store.unit() as unit:
        await unit.add_key(stores.key("k1", "ann@example.com"))
        await unit.add_key(stores.key("k2", "ann@example.com"))
        await unit.save_key(stores.key("k1", "ann@example.com", name="changed"))
        assert await unit.key("k3") is None
        assert [one.id for one in await unit.keys_for("ann@example.com")] == ["k1", "k2"]
        assert await unit.keys_for("bob@example.com") == []
    found = await store.key_by_digest("digest of k1")
    assert found is not None
    assert found.name == "changed"
    assert await store.key_by_digest("digest3") is None
    assert [one.name for one in await store.keys()] == ["changed", ""]


async def test_an_event_is_found_by_its_organizers_own_uid(store: Store) -> None:
    made = await stores.with_event(store, source_uid="client-uid")
    assert await store.event_by_source(ORGANIZER, "client-uid") == made
    assert await store.event_by_source("other@example.org", "client-uid") is None


async def test_who_must_not_be_mailed_is_named_with_the_reason(store: Store) -> None:
    await stores.with_event(store)
    async with store.unit() as unit:
        await unit.block("blocked@example.com", ORGANIZER, START)
        await unit.block("blocked@example.com", ORGANIZER, START)
        await unit.block("elsewhere@example.com", "other@example.org", START)
        await unit.suppress("bounced@example.com", "5.1.1", START)
        await unit.suppress("bounced@example.com", "5.1.1", START)
        emails = ["blocked@example.com", "elsewhere@example.com", "bounced@example.com", "fine@example.com"]
        assert await unit.barred(ORGANIZER, emails) == {
            "blocked@example.com": Code.ATTENDEE_BLOCKED,
            "bounced@example.com": Code.ADDRESS_SUPPRESSED,
        }


async def test_a_receipt_moves_counters_at_all_three_levels(store: Store) -> None:
    await stores.with_event(store, "ann@example.com")
    old = stores.attendee("ann@example.com")
    values = {
        "partstat": Partstat.ACCEPTED,
        "prodid": "-//Example//Client//EN",
        "receipt_sequence": 0,
        "receipt_dtstamp": START,
        "receipt_arrived": START,
    }
    new = old.model_copy(update=values)
    receipt = Receipt(
        event_uid="event1",
        email=old.email,
        partstat=Partstat.ACCEPTED,
        sequence=0,
        dtstamp=START,
        arrived=START,
    )
    async with store.unit() as unit:
        await unit.record_receipt(receipt)
        await unit.change_attendee(old, new)
        assert await unit.attendee("event1", old.email) == new
    for scope, key in (
        ("event", "event1"),
        ("organizer", ORGANIZER),
        ("domain", "example.org"),
        ("system", ""),
    ):
        found = await store.statistics(scope, key)
        assert (found.rsvp["accepted"], found.rsvp["noaction"]) == (1, 0)
        assert found.prodid == {"-//Example//Client//EN": 1}
        assert found.attendees == 1
        assert found.origin == {"api": 1}


async def test_of_units_that_count_places_at_the_same_time_none_gives_one_too_many(store: Store) -> None:
    made = await stores.with_event(store)

    async def booked(n: int) -> bool:
        async def work(unit: Unit) -> bool:
            if await unit.places_taken(made.uid) >= 3:
                return False
            await unit.add_attendees([stores.attendee(f"p{n}@example.com")])
            return True

        return await store.transact(work)

    assert sum(await asyncio.gather(*(booked(n) for n in range(8)))) == 3
