"""The contract of a store: leases that were lost, renewed or written by another clock, and what may go again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.model.campaigns import CampaignState
from engine.model.messages import MessageState
from engine.refusals import Code
from engine.store.protocol import Store
from tests.store.stores import (
    START,
    answered,
    attendee,
    campaign,
    claim,
    emails,
    message,
    recipients,
    save,
    state,
    with_event,
    withdrawing,
)

ANN, BOB = "ann@example.com", "bob@example.com"
LATER = START + timedelta(seconds=60)


async def test_a_newer_revision_of_a_mail_that_may_have_gone_has_a_message_id_of_its_own(
    store: Store,
) -> None:
    made = await with_event(store, ANN)
    (lost,) = await claim(store, "dead")
    await save(store, made.model_copy(update={"sequence": 1}))
    (first,) = await claim(store, "alive", now=LATER)
    assert first.message.message_id != lost.message.message_id
    assert (await state(store, first)).message_id == first.message.message_id
    await answered(store, [first], MessageState.DEFERRED, "alive", LATER, due=LATER, in_doubt=True)
    (again,) = await claim(store, "alive", now=LATER)
    assert again.message.message_id == first.message.message_id
    await answered(store, [again], MessageState.DEFERRED, "alive", LATER, due=LATER)
    await save(store, made.model_copy(update={"sequence": 2}))
    (second,) = await claim(store, "alive", now=LATER)
    names = {c.message.message_id for c in (lost, first, second)}
    assert len(names) == 3
    assert len({name.partition("@")[2] for name in names}) == 1


async def test_a_mail_that_has_certainly_not_gone_keeps_its_message_id_in_a_newer_revision(
    store: Store,
) -> None:
    made = await with_event(store, ANN)
    (tried,) = await claim(store)
    await answered(store, [tried], MessageState.DEFERRED, due=LATER)
    await save(store, made.model_copy(update={"sequence": 1}))
    (newer,) = await claim(store, now=LATER)
    assert newer.message.sequence == 1
    assert newer.message.message_id == tried.message.message_id


async def test_whoever_renews_hears_what_it_still_holds(store: Store) -> None:
    await with_event(store, ANN, BOB)
    await claim(store, "slow", 1)
    await claim(store, "quick", 1, now=LATER)
    (kept,) = await claim(store, "slow", 1, now=LATER)
    assert await store.renew_leases("slow", lambda: LATER, 20) == {kept.message.id}
    assert await store.renew_leases("nobody", lambda: LATER, 20) == set()


async def test_who_is_careful_takes_nothing_from_others(store: Store) -> None:
    await with_event(store, ANN)
    await claim(store, "dead")
    assert await store.claim_messages("alive", 10, lambda: LATER, 20, reclaim=False) == []
    assert emails(await store.claim_messages("alive", 10, lambda: LATER, 20)) == [ANN]


async def test_a_lease_from_a_clock_that_was_set_back_has_run_out(store: Store) -> None:
    await with_event(store, ANN)
    await claim(store, "dead", now=START + timedelta(hours=1))
    (found,) = await claim(store, "alive", now=START)
    assert found.message.in_doubt


@pytest.mark.parametrize("came", [MessageState.DEFERRED, MessageState.QUEUED, None])
async def test_what_was_in_flight_when_a_campaign_with_a_rate_was_cancelled_is_withdrawn(
    store: Store, came: MessageState | None
) -> None:
    """It comes back deferred or untried, or the dispatcher was lost."""
    await with_event(store)
    async with store.unit() as unit:
        await unit.add_campaign(campaign(rate=10), recipients(1))
        await unit.add_attendees([attendee(ANN)])
        await unit.add_messages([message(ANN, campaign_id="campaign1")], priority=1)
    claims = await claim(store)
    async with store.unit() as unit:
        await unit.save_campaign(campaign(rate=10, state=CampaignState.CANCELLED))
        await unit.change_messages(withdrawing(Code.CAMPAIGN_CANCELLED, campaign_id="campaign1"), START)
    if came:
        await answered(store, claims, came, due=LATER)
    assert await claim(store, "another", now=LATER) == []
    found = await state(store, claims[0])
    assert (found.state, found.code) == (MessageState.WITHDRAWN, Code.CAMPAIGN_CANCELLED)
