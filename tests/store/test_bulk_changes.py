"""The contract of a store: what concerns many messages is a flag that the claim judges, and a change in parts."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaigns import CampaignState
from engine.model.events import EventStatus
from engine.model.messages import Kind, Method
from engine.model.stops import Stop
from engine.refusals import Code
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import START, withdrawing

OF_CAMPAIGN = withdrawing(Code.CAMPAIGN_CANCELLED, campaign_id="campaign1")
HELD = BulkChange(action=BulkAction.HOLD, campaign_id="campaign1")
RELEASED = BulkChange(action=BulkAction.RELEASE, campaign_id="campaign1")


async def _size(store: Store) -> int:
    async with store.unit() as unit:
        return unit.items_per_unit


async def _owed(store: Store, n: int) -> list[str]:
    """A campaign that owes `n` messages."""
    await stores.with_event(store)
    people = [f"p{i}@example.com" for i in range(n)]
    async with store.unit() as unit:
        await unit.add_campaign(stores.campaign(total=n, valid=n), ())
        await unit.add_attendees([stores.attendee(email) for email in people])
        await unit.add_messages([stores.message(e, campaign_id="campaign1") for e in people], priority=1)
    return people


async def _applied(store: Store, change: BulkChange) -> int:
    """How many units a change takes."""
    cursor: str | None = change.cursor
    for n in range(10):
        if cursor is None:
            return n
        async with store.unit() as unit:
            cursor = await unit.change_messages(change.model_copy(update={"cursor": cursor}), START)
    raise AssertionError("it goes on for ever")


async def test_one_unit_withdraws_no_more_than_it_takes_and_the_next_go_on_from_there(store: Store) -> None:
    size = await _size(store)
    await _owed(store, size + 1)
    async with store.unit() as unit:
        cursor = await unit.change_messages(OF_CAMPAIGN, START)
    assert cursor is not None
    assert await stores.states(store) == {"withdrawn": size, "queued": 1}
    assert await _applied(store, OF_CAMPAIGN.model_copy(update={"cursor": cursor})) == 1
    assert await stores.states(store) == {"withdrawn": size + 1}


async def test_a_part_that_is_applied_twice_changes_nothing_more(store: Store) -> None:
    await _owed(store, 3)
    assert await _applied(store, OF_CAMPAIGN) == 1
    assert await _applied(store, OF_CAMPAIGN) == 1
    assert await stores.states(store) == {"withdrawn": 3}


async def test_of_a_paused_campaign_nothing_leaves_before_any_message_was_touched(store: Store) -> None:
    await _owed(store, 3)
    async with store.unit() as unit:
        await unit.save_campaign(stores.campaign(state=CampaignState.PAUSED))
    assert await stores.claim(store) == []


async def test_what_is_held_in_parts_is_let_go_in_parts(store: Store) -> None:
    size = await _size(store)
    await _owed(store, size + 1)
    assert await _applied(store, HELD) == 2
    assert await stores.claim(store) == []
    assert await _applied(store, RELEASED) == 2
    assert len(await stores.claim(store, limit=size + 1)) == size + 1


async def test_of_a_cancelled_campaign_nothing_leaves_before_any_message_was_touched(store: Store) -> None:
    await _owed(store, 3)
    async with store.unit() as unit:
        await unit.save_campaign(stores.campaign(state=CampaignState.CANCELLED))
    assert await stores.claim(store) == []
    assert await stores.states(store) == {"withdrawn": 3}


async def test_of_a_cancelled_campaign_no_row_waits_though_none_is_marked_yet(store: Store) -> None:
    await stores.with_event(store)
    async with store.unit() as unit:
        await unit.add_campaign(stores.campaign(total=3, valid=3), stores.recipients(3))
        await unit.save_campaign(stores.campaign(total=3, valid=3, state=CampaignState.CANCELLED))
    counts = await store.campaign_counts("campaign1")
    assert (counts["skipped"], counts["waiting"]) == (3, 0)


async def test_a_list_is_skipped_in_parts(store: Store) -> None:
    await stores.with_event(store)
    async with store.unit() as unit:
        await unit.add_campaign(stores.campaign(total=3, valid=3), stores.recipients(3))
    async with store.unit() as unit:
        cursor = await unit.skip_recipients("campaign1", "", Code.CAMPAIGN_CANCELLED, 2)
        assert cursor is not None
        assert len(await unit.skipped("campaign1", 9)) == 2
        assert await unit.skip_recipients("campaign1", cursor, Code.CAMPAIGN_CANCELLED, 2) is None
        assert len(await unit.skipped("campaign1", 9)) == 3


async def test_of_an_event_only_what_is_older_than_the_change_is_withdrawn(store: Store) -> None:
    made = await stores.with_event(store, "ann@example.com")
    await stores.save(store, made.model_copy(update={"sequence": 1}))
    newer = stores.message("bob@example.com", kind=Kind.UPDATE, sequence=1)
    async with store.unit() as unit:
        await unit.add_attendees([stores.attendee("bob@example.com")])
        await unit.add_messages([newer], priority=1)
    assert await _applied(store, withdrawing(event_uid="event1", before=1)) == 1
    assert await stores.states(store) == {"withdrawn": 1, "queued": 1}


async def test_a_cancellation_does_not_leave_once_the_event_takes_place_after_all(store: Store) -> None:
    made = await stores.with_event(store, "ann@example.com")
    await stores.answered(store, await stores.claim(store))
    await stores.save(store, made.model_copy(update={"status": EventStatus.CANCELLED, "sequence": 1}))
    await stores.owe(
        store,
        stores.message("ann@example.com", kind=Kind.CANCELLATION, method=Method.CANCEL, sequence=1),
    )
    await stores.save(store, made.model_copy(update={"sequence": 2}))
    assert await stores.claim(store) == []


async def test_mail_that_was_held_by_a_stop_is_let_go_but_that_of_paused_campaigns_is_not(
    store: Store,
) -> None:
    await _owed(store, 1)
    await stores.with_event(store, "zoe@example.com", uid="event2")
    async with store.unit() as unit:
        await unit.stop(Stop(organizer=stores.ORGANIZER, since=START, stopped_by="operator"))
    assert await stores.claim(store) == []
    async with store.unit() as unit:
        await unit.save_campaign(stores.campaign(state=CampaignState.PAUSED))
        await unit.resume(stores.ORGANIZER)
    released = BulkChange(action=BulkAction.RELEASE, organizer=stores.ORGANIZER)
    assert await _applied(store, released) == 1
    later = START + timedelta(minutes=1)
    assert stores.emails(await stores.claim(store, now=later)) == ["zoe@example.com"]


async def test_a_newer_change_of_the_same_messages_takes_the_place_of_one_that_waits(store: Store) -> None:
    async with store.unit() as unit:
        await unit.keep_bulk_change(HELD.model_copy(update={"cursor": "x"}))
        await unit.keep_bulk_change(RELEASED)
        assert await unit.next_bulk_change() == RELEASED
        await unit.end_bulk_change(RELEASED)
        assert await unit.next_bulk_change() is None


@pytest.mark.parametrize("change", [HELD, OF_CAMPAIGN])
async def test_a_change_that_waits_is_work_for_a_job(store: Store, change: BulkChange) -> None:
    async with store.unit() as unit:
        await unit.keep_bulk_change(change)
    assert "bulk_change" in await store.due_jobs(START)
