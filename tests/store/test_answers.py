"""Answers for single instances, proposals and delegations: every store keeps them alike."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState, Receipt
from engine.model.events import Event
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
