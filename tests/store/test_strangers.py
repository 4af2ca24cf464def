"""The contract of a store: who turned up unproven, aliases, delegations, and the mail that strangers prompt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.model.answers import Delegation, InstanceAnswer, Receipt
from engine.model.counters import Prompt, Prompts
from engine.model.messages import Fanout, Kind, MessageState, Method
from engine.model.people import Origin, Partstat
from engine.refusals import Code
from engine.store.protocol import Store
from tests.store.stores import ORGANIZER, attendee, claim, message, owe, with_event
from tests.support.clock import START

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
EVERYBODY = frozenset(Partstat)


async def turned_up(store: Store, **values: object) -> None:
    async with store.unit() as unit:
        await unit.add_attendees([attendee(EVE, origin=Origin.SHARED, proven=False, **values)])


async def hearing(store: Store, **values: object) -> list[str]:
    """Who is in the audience of a change."""
    job = Fanout(event_uid="event1", kind=Kind.UPDATE, partstats=EVERYBODY, **values)  # type: ignore[arg-type]
    async with store.unit() as unit:
        people, _ = await unit.audience(job, 10)
        assert await unit.audience_size("event1", EVERYBODY, job.recurrence_id) == len(people)
    return [person.email for person in people]


async def proved(store: Store) -> None:
    found = await store.attendee("event1", EVE)
    assert found is not None
    async with store.unit() as unit:
        await unit.change_attendee(found, found.model_copy(update={"proven": True}))


async def test_who_turned_up_unproven_is_in_no_audience_until_proven(store: Store) -> None:
    await with_event(store, ANN)
    await turned_up(store)
    assert await hearing(store) == [ANN]
    await proved(store)
    assert await hearing(store) == [ANN, EVE]


async def test_an_answer_for_one_instance_brings_the_unproven_into_no_audience(store: Store) -> None:
    made = await with_event(store, recurrence="FREQ=DAILY")
    await turned_up(store, partstat=Partstat.DECLINED)
    values = {"event_uid": made.uid, "email": EVE, "sequence": 0, "dtstamp": START, "arrived": START}
    said = InstanceAnswer(recurrence_id=made.span.start, partstat=Partstat.ACCEPTED, **values)  # type: ignore[arg-type]
    async with store.unit() as unit:
        await unit.record_receipt(Receipt(**said.model_dump()))
        await unit.save_instance_answer(said)
        yes = [Partstat.ACCEPTED]
        assert await unit.audience_size(made.uid, yes, made.span.start) == 0
    await proved(store)
    async with store.unit() as unit:
        assert await unit.audience_size(made.uid, yes, made.span.start) == 1


@pytest.mark.parametrize("kind", [Kind.INVITE, Kind.UPDATE, Kind.CANCELLATION, Kind.DECLINED_PROPOSAL])
async def test_no_calendar_message_leaves_to_who_turned_up_unproven(store: Store, kind: Kind) -> None:
    await with_event(store)
    await turned_up(store)
    await owe(store, message(EVE, kind=kind, method=kind.method))
    assert await claim(store) == []
    async with store.unit() as unit:
        last = await unit.last_message("event1", EVE)
        assert await unit.notified_size("event1", EVERYBODY) == 0
    assert last is not None
    assert (last.state, last.code) == (MessageState.WITHDRAWN, Code.SENDER_UNAUTHENTICATED)


async def test_whoever_is_added_again_as_invited_hears_from_then_on(store: Store) -> None:
    await with_event(store)
    await turned_up(store, name="Eve")
    async with store.unit() as unit:
        assert await unit.invited("event1", [EVE]) == set()
        await unit.add_attendees([attendee(EVE, name="Somebody else", token="another", proven=False)])
    assert await hearing(store) == []
    async with store.unit() as unit:
        await unit.add_attendees([attendee(EVE, name="Somebody else", token="another")])
    found = await store.attendee("event1", EVE)
    assert found is not None
    assert (found.proven, found.name, found.origin) == (True, "Eve", Origin.SHARED)
    await owe(store, message(EVE, method=Method.REQUEST))
    (one,) = await claim(store)
    assert one.attendee == found
    assert (await store.statistics("event", "event1")).attendees == 1


async def test_a_list_passes_over_who_proved_themselves_without_an_invite(store: Store) -> None:
    await with_event(store)
    await turned_up(store)
    await proved(store)
    async with store.unit() as unit:
        assert await unit.invited("event1", [EVE]) == {EVE}


async def test_the_first_alias_of_an_attendee_stays(store: Store) -> None:
    await with_event(store, ANN, BOB)
    async with store.unit() as unit:
        assert await unit.alias("event1", ANN) == ""
        await unit.add_alias("event1", ANN, "a@example.net")
        await unit.add_alias("event1", ANN, "b@example.net")
        await unit.add_alias("event1", BOB, "b@example.net")
        assert await unit.alias("event1", ANN) == "a@example.net"
        assert await unit.alias("event1", BOB) == "b@example.net"


async def test_a_delegation_tells_whether_the_delegator_added_whom_they_name(store: Store) -> None:
    await with_event(store, ANN, BOB, EVE)
    sent = Delegation(event_uid="event1", delegator=ANN, delegate=BOB, at=START, added=True)
    said = Delegation(event_uid="event1", delegator=ANN, delegate=EVE, at=START)
    async with store.unit() as unit:
        for known in (sent, said, sent.model_copy(update={"added": False})):
            await unit.add_delegation(known)
    assert sorted(await store.delegations("event1", ANN), key=lambda d: d.delegate) == [sent, said]
    async with store.unit() as unit:
        await unit.end_proxy("event1", BOB)
    assert [d.added for d in await store.delegations("event1", BOB)] == [False]


async def test_mail_that_came_back_to_one_organizer_bars_that_one_alone(store: Store) -> None:
    await with_event(store, ANN)
    await with_event(store, uid="event2", organizer="other@example.org")
    async with store.unit() as unit:
        await unit.add_attendees([attendee(ANN, "event2")])
        await unit.add_messages([message(ANN, "event2", organizer="other@example.org")], priority=0)
        await unit.suppress_for(ANN, ORGANIZER, "", START)
        assert await unit.barred(ORGANIZER, [ANN]) == {ANN: Code.ADDRESS_SUPPRESSED}
        assert await unit.barred("other@example.org", [ANN]) == {}
    assert {c.message.event_uid for c in await claim(store)} == {"event2"}
    async with store.unit() as unit:
        last = await unit.last_message("event1", ANN)
        await unit.block(ANN, ORGANIZER, START)
        await unit.suppress_for(ANN, ORGANIZER, "5.1.1", START)
        assert await unit.barred(ORGANIZER, [ANN]) == {ANN: Code.ATTENDEE_BLOCKED}
    assert last is not None
    assert (last.state, last.code) == (MessageState.WITHDRAWN, Code.ADDRESS_SUPPRESSED)


async def test_what_strangers_prompt_is_counted_by_kind_and_time(store: Store) -> None:
    def prompt(address: str, kind: str = "question", hours: float = 0) -> Prompt:
        domain = address.partition("@")[2]
        at = START + timedelta(hours=hours)
        return Prompt(kind=kind, address=address, domain=domain, organizer=ORGANIZER, at=at)

    async with store.unit() as unit:
        for made in (prompt(ANN), prompt(ANN, hours=2), prompt(BOB, hours=2), prompt(ANN, "notice", 2)):
            await unit.add_prompt(made)
        like = prompt(ANN)
        early, late = START - timedelta(hours=1), START + timedelta(hours=1)
        assert await unit.prompts(like, early) == Prompts(address=2, domain=3, organizer=3, all=3)
        assert await unit.prompts(like, late) == Prompts(address=1, domain=2, organizer=2, all=2)
        assert await unit.prompts(prompt("x@example.net"), late) == Prompts(organizer=2, all=2)
        assert await unit.prompts(like, START + timedelta(hours=3)) == Prompts()


async def test_what_strangers_prompted_long_ago_is_forgotten(store: Store) -> None:
    old = Prompt(kind="question", address=ANN, domain="example.com", organizer=ORGANIZER, at=START)
    async with store.unit() as unit:
        await unit.add_prompt(old)
        await unit.add_prompt(old.model_copy(update={"at": START + timedelta(days=3)}))
    async with store.unit() as unit:
        assert (await unit.prompts(old, START - timedelta(days=1))).all == 1
