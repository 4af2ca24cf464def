"""The contract of a store: what keys have spent, reserved and given back, and what their keys say at the claim."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.model.bounds import Bounds
from engine.model.budgets import Spent
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.messages import Kind, MessageState, Method
from engine.refusals import Code
from engine.store.protocol import Store, Unit
from tests.store import stores
from tests.store.stores import START

ANN, BOB = "ann@example.com", "bob@example.com"
KEYS = "top below"


async def with_keys(store: Store, **bounds: object) -> None:
    """An event, and a key with another under it."""
    found = Bounds(minute=0, **bounds)  # type: ignore[arg-type]
    async with store.unit() as unit:
        await unit.ensure_organizer(stores.ORGANIZER, "Olga", START)
        await unit.add_event(stores.event(key="top"))
        await unit.add_key(stores.key("top", bounds=found))
        await unit.add_key(stores.key("below", bounds=found, above=("top",)))
        await unit.add_attendees([stores.attendee(email) for email in (ANN, BOB)])


async def spent(store: Store, key: str = "below") -> Spent:
    async with store.unit() as unit:
        return (await unit.spent([key], START))[key]


async def test_what_is_owed_counts_for_each_key_and_what_is_withdrawn_is_given_back_once(
    store: Store,
) -> None:
    await with_keys(store)
    await stores.owe(store, stores.message(ANN, key=KEYS), stores.message(BOB, key=KEYS), stores.message(ANN))
    for key in ("top", "below"):
        assert await spent(store, key) == Spent(mails=2, people=2, met=2)
    async with store.unit() as unit:
        assert await unit.mailed_today("below", [ANN, "ann+x@example.com", "eve@example.com"], START) == {
            ANN: 1
        }
        await unit.withdraw_for_person("event1", BOB, Code.INVITE_WITHDRAWN, START)
        await unit.withdraw_for_person("event1", BOB, Code.INVITE_WITHDRAWN, START)
    assert (await spent(store)).mails == 1
    async with store.unit() as unit:
        later = START + timedelta(days=1)
        assert (await unit.spent(["below"], later))["below"] == Spent(met=2)


async def test_changes_count_apart(store: Store) -> None:
    await with_keys(store)
    change = {"kind": Kind.WITHDRAWAL, "method": Method.CANCEL, "key": KEYS}
    await stores.owe(store, stores.message(ANN, **change))
    assert await spent(store) == Spent(changes=1)


async def test_what_a_campaign_reserves_goes_over_to_what_it_owes(store: Store) -> None:
    await with_keys(store)
    rows = stores.recipients(3)
    async with store.unit() as unit:
        await unit.add_campaign(stores.campaign(), rows)
        new = await unit.new_people("below", "campaign1")
        assert new == 3
        await unit.reserve("campaign1", KEYS, START, Spent(mails=3, people=new))
    assert await spent(store) == Spent(mails=3, people=3, met=3)
    async with store.unit() as unit:
        await unit.add_attendees([stores.attendee(row.email) for row in rows[:2]])
        owed = [stores.message(row.email, key=KEYS, campaign_id="campaign1") for row in rows[:2]]
        await unit.add_messages(owed, priority=1)
        await unit.release_reserve("campaign1", 2)
    assert await spent(store, "top") == Spent(mails=3, people=3, met=3)
    async with store.unit() as unit:
        assert await unit.new_people("below", "campaign1") == 1
        await unit.release_reserve("campaign1", None)
    assert await spent(store) == Spent(mails=2, people=2, met=2)


async def test_a_campaign_for_more_people_than_a_unit_owes_mails_is_reserved_in_one_unit(
    store: Store,
) -> None:
    await with_keys(store)
    rows = stores.recipients(120)
    async with store.unit() as unit:
        await unit.add_campaign(stores.campaign(), rows)
        new = await unit.new_people("below", "campaign1")
        await unit.mailed_today("below", [row.email for row in rows], START)
        await unit.reserve("campaign1", KEYS, START, Spent(mails=len(rows), people=new))
    assert await spent(store) == Spent(mails=120, people=120, met=120)


async def taken_out(unit: Unit, *emails: str) -> None:
    """Their invites are withdrawn."""
    for email in emails:
        known = await unit.attendee("event1", email)
        assert known is not None
        await unit.change_attendee(known, known.model_copy(update={"withdrawn": START}))


async def test_a_message_is_judged_by_its_keys_at_the_claim(store: Store) -> None:
    await with_keys(store, to=("*@example.com",))
    await stores.owe(store, stores.message(ANN, key=KEYS), stores.message(BOB, key=KEYS))
    async with store.unit() as unit:
        narrow = Bounds(minute=0, to=(ANN,))
        await unit.save_key(stores.key("top", bounds=narrow))
    (one,) = await stores.claim(store)
    assert one.message.email == ANN
    assert [key.id for key in one.standing.keys] == ["top", "below"]
    async with store.unit() as unit:
        gone = await unit.last_message("event1", BOB)
    assert gone is not None
    assert (gone.state, gone.code) == (MessageState.WITHDRAWN, Code.OUT_OF_BOUNDS)


async def test_what_hours_put_off_is_due_at_once_if_it_was_put_off_until_that_moment(store: Store) -> None:
    await with_keys(store)
    later = START + timedelta(hours=9)
    await stores.owe(
        store,
        stores.message(ANN, key=KEYS, due=later),
        stores.message(BOB, key=KEYS, due=later + timedelta(seconds=1)),
    )
    earlier = BulkChange(action=BulkAction.DUE_NOW, key="top", due=later)
    async with store.unit() as unit:
        assert await unit.change_messages(earlier, START) is None
    assert [c.message.email for c in await stores.claim(store)] == [ANN]


async def test_mail_of_a_stopped_key_waits_and_of_one_that_ended_waits_for_a_decision(store: Store) -> None:
    await with_keys(store)
    change = {"kind": Kind.WITHDRAWAL, "method": Method.CANCEL, "key": KEYS}
    await stores.owe(store, stores.message(ANN, key=KEYS), stores.message(BOB, **change))
    async with store.unit() as unit:
        await taken_out(unit, BOB)
        await unit.save_key(stores.key("top", bounds=Bounds(minute=0), stopped=START))
    assert await stores.claim(store) == []
    async with store.unit() as unit:
        await unit.save_key(stores.key("top", bounds=Bounds(minute=0), revoked=START))
        released = BulkChange(action=BulkAction.RELEASE, key="top")
        assert await unit.change_messages(released, START) is None
    assert await stores.claim(store) == []
    async with store.unit() as unit:
        ended = await unit.last_message("event1", ANN)
        assert ended is not None
        assert ended.code == Code.KEY_ENDED
        assert ended.state is MessageState.WITHDRAWN
        assert await unit.waiting_mails("top") == 1
        assert (
            await unit.change_messages(BulkChange(action=BulkAction.SEND_UNDECIDED, key="top"), START) is None
        )
        assert await unit.waiting_mails("top") == 0
    assert [c.message.email for c in await stores.claim(store)] == [BOB]
    assert await spent(store) == Spent(people=1, met=1)


@pytest.mark.parametrize("action", [BulkAction.SEND_UNDECIDED, BulkAction.DROP_UNDECIDED])
async def test_what_waits_for_a_decision_is_decided_in_parts(store: Store, action: BulkAction) -> None:
    await with_keys(store)
    many = store.items_per_unit + 3
    withdrawal = {"kind": Kind.WITHDRAWAL, "method": Method.CANCEL, "key": KEYS}
    people = [f"p{n:05}@example.com" for n in range(many)]
    async with store.unit() as unit:
        await unit.add_attendees([stores.attendee(email) for email in people])
        await unit.add_messages([stores.message(email, **withdrawal) for email in people], priority=0)
        await taken_out(unit, *people)
        await unit.save_key(stores.key("top", bounds=Bounds(minute=0), revoked=START))
    assert await stores.claim(store, limit=2 * many) == []
    async with store.unit() as unit:
        waiting = await unit.waiting_mails("top")
        assert waiting == many
    change = BulkChange(action=action, key="top", code=Code.KEY_ENDED.value)
    left = []
    while True:
        async with store.unit() as unit:
            cursor = await unit.change_messages(change, START)
            left.append(await unit.waiting_mails("top"))
        if cursor is None:
            break
        change = change.model_copy(update={"cursor": cursor})
    assert many > left[0] > left[-1] == 0
    assert left == sorted(left, reverse=True)
    claimed = await stores.claim(store)
    assert bool(claimed) is (action is BulkAction.SEND_UNDECIDED)


@pytest.mark.parametrize("action", [BulkAction.SEND_UNDECIDED, BulkAction.DROP_UNDECIDED])
async def test_what_waits_for_a_decision_in_many_events_is_decided(store: Store, action: BulkAction) -> None:
    await with_keys(store)
    uids = [f"of the key {n}" for n in range(31)]
    for uid in uids:
        withdrawal = stores.message(ANN, uid, kind=Kind.WITHDRAWAL, method=Method.CANCEL, key=KEYS)
        async with store.unit() as unit:
            await unit.add_event(stores.event(uid))
            await unit.add_attendees([stores.attendee(ANN, uid)])
            await unit.add_messages([withdrawal], priority=0)
    async with store.unit() as unit:
        await unit.save_key(stores.key("top", bounds=Bounds(minute=0), revoked=START))
    assert await stores.claim(store) == []
    change = BulkChange(action=action, key="top", code=Code.KEY_ENDED.value)
    cursor: str | None = ""
    while cursor is not None:
        async with store.unit() as unit:
            cursor = await unit.change_messages(change.model_copy(update={"cursor": cursor}), START)
    async with store.unit() as unit:
        assert await unit.waiting_mails("top") == 0


async def test_events_that_stand_count_for_the_keys_that_made_them(store: Store) -> None:
    await with_keys(store)
    async with store.unit() as unit:
        await unit.add_event(stores.event("event2", key=KEYS))
        assert (await unit.standing_events("top", START), await unit.standing_events("below", START)) == (
            2,
            1,
        )
        assert await unit.standing_events("top", START + timedelta(days=90)) == 0


async def test_lists_are_named_and_replaced(store: Store) -> None:
    await with_keys(store, to=("@customers",))
    async with store.unit() as unit:
        assert (await unit.standing(["below"])).lists == {}
        await unit.save_address_list("customers", ["*@a.com"])
        await unit.save_address_list("customers", ["*@b.com"])
        assert (await unit.standing(["below"])).lists == {"customers": ("*@b.com",)}


async def test_mails_of_a_key_that_ended_are_those_that_did_not_leave(store: Store) -> None:
    await with_keys(store)
    await stores.owe(store, stores.message(ANN, key=KEYS), stores.message(BOB, key=KEYS))
    await stores.answered(store, await stores.claim(store, limit=1))
    async with store.unit() as unit:
        assert await unit.mails_of_ended("below") == 1
        await unit.withdraw_for_person("event1", BOB, Code.KEY_ENDED, START)
        assert (await unit.mails_of_ended("top"), await unit.mails_of_ended("other")) == (1, 0)
