"""Answers for single instances, proposals and delegations: every store keeps them alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState, Receipt
from engine.model.events import Event, EventStatus
from engine.model.people import Partstat
from engine.model.times import Instant
from engine.store.protocol import Store, Unit
from tests.store import stores

ANN, BOB = "ann@example.com", "bob@example.com"
NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


@pytest.fixture
async def event(store: Store) -> Event:
    return await stores.with_event(store, ANN, BOB, recurrence="FREQ=WEEKLY;COUNT=4")


def answered(event: Event, instance: Instant, partstat: Partstat, email: str = ANN) -> InstanceAnswer:
    return InstanceAnswer(
        event_uid=event.uid,
        email=email,
        recurrence_id=instance,
        partstat=partstat,
        sequence=0,
        dtstamp=NOW,
        arrived=NOW,
    )


async def given(unit: Unit, answer: InstanceAnswer) -> None:
    """An answer with the receipt that gave it."""
    await unit.record_receipt(Receipt(**answer.model_dump()))
    await unit.save_instance_answer(answer)


def proposed(event: Event, proposal_id: str, email: str = ANN) -> Proposal:
    return Proposal(id=proposal_id, event_uid=event.uid, email=email, sequence=0, dtstamp=NOW, arrived=NOW)


@pytest.mark.parametrize("instance", [date(2027, 5, 9), datetime(2027, 5, 9, 23, tzinfo=UTC)], ids=str)
async def test_the_newest_answer_for_an_instance_is_kept(
    store: Store, event: Event, instance: Instant
) -> None:
    later = instance + timedelta(days=7)
    newest = [answered(event, instance, Partstat.DECLINED), answered(event, later, Partstat.TENTATIVE)]
    async with store.unit() as unit:
        assert await unit.instance_answer(event.uid, ANN, instance) is None
        for answer in (answered(event, instance, Partstat.ACCEPTED), *newest):
            await given(unit, answer)
        await given(unit, answered(event, instance, Partstat.ACCEPTED, BOB))
        assert await unit.instance_answer(event.uid, ANN, instance) == newest[0]
        assert await store.instance_answers(event.uid) == [], "nobody else sees it before it is kept"
        assert await unit.audience_size(event.uid, [Partstat.DECLINED]) == 1
        assert await unit.audience_size(event.uid, [Partstat.DECLINED], later) == 0
    assert await store.instance_answers(event.uid, ANN) == newest
    assert len(await store.instance_answers(event.uid, None, instance)) == 2


async def test_the_last_answer_that_counted_is_known_for_an_event_and_for_each_instance(
    store: Store, event: Event
) -> None:
    instance = datetime(2027, 5, 9, 23, tzinfo=UTC)
    receipt = Receipt(
        event_uid=event.uid, email=ANN, partstat=Partstat.ACCEPTED, sequence=0, dtstamp=NOW, arrived=NOW
    )
    whole = receipt.model_copy(update={"unnumbered": True})
    single = receipt.model_copy(update={"recurrence_id": instance, "partstat": Partstat.TENTATIVE})
    async with store.unit() as unit:
        assert await unit.counted_receipt(event.uid, ANN) is None
        for given in (receipt, whole, single, receipt.model_copy(update={"counted": False, "code": "stale"})):
            await unit.record_receipt(given)
        assert await unit.counted_receipt(event.uid, ANN) == whole
    async with store.unit() as unit:
        assert await unit.counted_receipt(event.uid, ANN) == whole
        assert await unit.counted_receipt(event.uid, ANN, instance) == single
        assert await unit.counted_receipt(event.uid, BOB) is None


async def test_proposals_are_kept_in_order_with_what_became_of_them(store: Store, event: Event) -> None:
    first, second, bobs = proposed(event, "1"), proposed(event, "2"), proposed(event, "3", BOB)
    async with store.unit() as unit:
        for proposal in (first, second, bobs):
            await unit.add_proposal(proposal)
        declined = await unit.settle_proposal(first, ProposalState.DECLINED)
        assert await unit.proposals(event.uid, ANN) == [second]
    assert await store.proposals(event.uid) == [second, bobs]
    assert await store.proposals(event.uid, ANN, None) == [declined, second]
    assert await store.proposals("another") == []


async def test_a_delegation_is_kept_once_and_found_from_both_ends(store: Store, event: Event) -> None:
    delegation = Delegation(event_uid=event.uid, delegator=ANN, delegate=BOB, at=NOW)
    async with store.unit() as unit:
        for at in (NOW, NOW + timedelta(hours=1)):
            await unit.add_delegation(delegation.model_copy(update={"at": at}))
    for email in (ANN, BOB):
        assert await store.delegations(event.uid, email) == [delegation]
    assert await store.delegations(event.uid, "carol@example.com") == []


async def test_a_name_and_personal_values_change_with_their_attendee(store: Store) -> None:
    first = await stores.with_event(store, ANN)
    async with store.unit() as unit:
        ann = await unit.attendee(first.uid, ANN)
        assert ann is not None
        await unit.change_attendee(
            ann, ann.model_copy(update={"name": "Ann Lee", "fields": {"order": "4712/1"}})
        )
    async with store.unit() as unit:
        changed = await unit.attendee(first.uid, ANN)
    assert changed is not None
    assert (changed.name, changed.fields) == ("Ann Lee", {"order": "4712/1"})


async def test_the_zone_of_an_answer_is_known_to_later_events_of_that_organizer_alone(store: Store) -> None:
    first = await stores.with_event(store, ANN)
    async with store.unit() as unit:
        ann = await unit.attendee(first.uid, ANN)
        assert ann is not None
        answered = ann.model_copy(update={"zone": "Asia/Tokyo", "receipt_arrived": NOW})
        await unit.change_attendee(ann, answered)
    async with store.unit() as unit:
        await unit.ensure_organizer("other@example.org", "", NOW)
        await unit.add_event(stores.event("later"))
        await unit.add_event(stores.event("elsewhere", organizer="other@example.org"))
        for uid in ("later", "elsewhere"):
            await unit.add_attendees([stores.attendee(ANN, uid), stores.attendee(BOB, uid)])
    async with store.unit() as unit:
        people = [await unit.attendee(uid, ANN) for uid in (first.uid, "later", "elsewhere")]
        bob = await unit.attendee("later", BOB)
    assert [one.zone for one in people if one] == ["Asia/Tokyo", "Asia/Tokyo", ""]
    assert bob is not None
    assert bob.zone == ""


async def test_the_single_dates_of_a_series_are_found_by_its_uid(store: Store) -> None:
    async with store.unit() as unit:
        await unit.ensure_organizer(stores.ORGANIZER, "", NOW)
        for n, source in enumerate(("show 2027-05-02", "show 2027-05-01", "show", "shower 2027-05-01")):
            await unit.add_event(stores.event(f"e{n}", source_uid=source))
        await unit.add_event(stores.event("e9", source_uid="show 2027-05-03", status=EventStatus.CANCELLED))
    found = await store.single_dates(stores.ORGANIZER, "show", 10)
    assert [one.source_uid for one in found] == ["show 2027-05-01", "show 2027-05-02"]
