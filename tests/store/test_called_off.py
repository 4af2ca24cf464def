"""The contract of a store: whoever's invite was withdrawn with its list hears of no change."""

from __future__ import annotations

import pytest

from engine.model.messages import Fanout, Kind, MessageState
from engine.model.people import Origin, Partstat
from engine.refusals import Code
from engine.store.protocol import Store
from tests.store.stores import (
    START,
    answered,
    attendee,
    campaign,
    claim,
    event,
    message,
    owe,
    save,
    with_event,
    withdrawing,
)

ANN, BOB, CEM, DAN = (f"{name}@example.com" for name in ("ann", "bob", "cem", "dan"))
NO_ANSWER = frozenset({Partstat.NEEDS_ACTION})


async def hearing(store: Store, partstats: frozenset[Partstat] = NO_ANSWER, **values: object) -> list[str]:
    """Who is in the audience of a change; its size is their number."""
    job = Fanout(event_uid="event1", kind=Kind.UPDATE, partstats=partstats, **values)  # type: ignore[arg-type]
    async with store.unit() as unit:
        people, _ = await unit.audience(job, 10)
        assert await unit.audience_size("event1", partstats, job.recurrence_id, job.emails) == len(people)
    return [person.email for person in people]


async def cancelled_list(store: Store, *emails: str) -> None:
    """A list, all of whose invites are written; the first has left when it is cancelled."""
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_campaign(campaign(started=START), ())
        await unit.add_attendees([attendee(email, origin=Origin.BULK) for email in emails])
        await unit.add_messages([message(email, campaign_id="campaign1") for email in emails], priority=1)
    await answered(store, await claim(store, limit=1))
    async with store.unit() as unit:
        await unit.save_campaign(campaign(started=START, state="cancelled"))
        change = withdrawing(campaign_id="campaign1", code=Code.CAMPAIGN_CANCELLED)
        await unit.change_messages(change, START)


async def test_whom_a_cancelled_list_did_not_reach_is_in_no_audience_until_invited_again(
    store: Store,
) -> None:
    await cancelled_list(store, ANN, BOB, CEM)
    assert await hearing(store) == [ANN]
    await owe(store, message(BOB))
    assert await hearing(store) == [ANN, BOB]


async def test_whom_a_cancelled_list_did_not_reach_hears_what_they_are_named_for(store: Store) -> None:
    await cancelled_list(store, ANN, BOB, CEM)
    assert await hearing(store, emails=frozenset({BOB})) == [ANN, BOB]
    assert await hearing(store, frozenset({Partstat.ACCEPTED}), emails=frozenset({CEM})) == [CEM]


async def test_who_answered_though_their_list_was_cancelled_hears_of_changes(store: Store) -> None:
    await cancelled_list(store, ANN, BOB)
    bob = await store.attendee("event1", BOB)
    assert bob is not None
    said = {"partstat": Partstat.ACCEPTED, "receipt_arrived": START, "receipt_sequence": 0}
    async with store.unit() as unit:
        await unit.change_attendee(bob, bob.model_copy(update=said))
    assert await hearing(store, frozenset({Partstat.ACCEPTED})) == [BOB]


@pytest.mark.parametrize("code", [Code.EVENT_CANCELLED, Code.KEY_ENDED])
async def test_what_was_withdrawn_for_another_reason_takes_nobody_out_of_the_audience(
    store: Store, code: Code
) -> None:
    await with_event(store, ANN)
    async with store.unit() as unit:
        await unit.add_campaign(campaign(started=START), ())
        await unit.add_attendees([attendee(BOB)])
        await unit.add_messages([message(BOB, campaign_id="campaign1")], priority=1)
        await unit.change_messages(withdrawing(campaign_id="campaign1", code=code), START)
        await unit.save_campaign(campaign(started=START, state="cancelled"))
    assert await hearing(store) == [ANN, BOB]


async def test_who_got_the_event_before_the_list_was_cancelled_or_may_have_stays_in_the_audience(
    store: Store,
) -> None:
    await cancelled_list(store, ANN, BOB)
    async with store.unit() as unit:
        await unit.add_attendees([attendee(DAN)])
        await unit.add_messages([message(DAN)], priority=1)
    claims = await claim(store)
    await answered(store, claims, MessageState.FAILED, code=Code.REJECTED_BY_SERVER)
    await save(store, event(sequence=1))
    await owe(store, message(DAN, kind=Kind.UPDATE, sequence=1))
    async with store.unit() as unit:
        assert await unit.withdraw_for_person("event1", DAN, Code.CAMPAIGN_CANCELLED, START) == 1
    assert await hearing(store) == [ANN, DAN]


async def test_who_is_an_attendee_is_found_by_address_be_they_withdrawn_or_not(store: Store) -> None:
    await with_event(store, ANN, BOB)
    bob = await store.attendee("event1", BOB)
    assert bob is not None
    async with store.unit() as unit:
        await unit.change_attendee(bob, bob.model_copy(update={"withdrawn": START}))
    async with store.unit() as unit:
        found = await unit.known_attendees("event1", [ANN, BOB, CEM])
        assert {a.email: a.withdrawn for a in found} == {ANN: None, BOB: START}
        assert await unit.known_attendees("event2", [ANN]) == []
