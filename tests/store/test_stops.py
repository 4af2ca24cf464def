"""The contract of a store: what is stopped waits at the next claim, and goes on whole when it is resumed."""

from __future__ import annotations

from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.campaigns import CampaignState
from engine.model.messages import Kind
from engine.model.stops import EVERYTHING, Stop
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER
from tests.support.clock import START


async def _stop(store: Store, organizer: str) -> None:
    async with store.unit() as unit:
        await unit.stop(Stop(organizer=organizer, since=START, stopped_by="local:"))


async def _resume(store: Store, organizer: str) -> bool:
    async with store.unit() as unit:
        released = BulkChange(action=BulkAction.RELEASE, organizer=organizer)
        assert await unit.change_messages(released, START) is None
        return await unit.resume(organizer)


async def test_the_mail_of_a_stopped_organizer_waits_and_that_of_others_leaves(store: Store) -> None:
    await stores.with_event(store, "ann@example.com")
    await stores.with_event(store, uid="event2", organizer="other@example.org")
    async with store.unit() as unit:
        await unit.add_attendees([stores.attendee("bob@example.com", "event2")])
    await stores.owe(store, stores.message("bob@example.com", "event2", organizer="other@example.org"))
    await _stop(store, ORGANIZER)
    assert [stop.organizer for stop in await store.stops()] == [ORGANIZER]
    assert stores.emails(await stores.claim(store)) == ["bob@example.com"]
    assert stores.emails(await stores.claim(store)) == []
    assert await _resume(store, ORGANIZER)
    assert not await _resume(store, ORGANIZER)
    assert stores.emails(await stores.claim(store)) == ["ann@example.com"]


async def test_a_stop_takes_the_place_of_the_one_before(store: Store) -> None:
    later = Stop(organizer=ORGANIZER, since=START, stopped_by="owner:boss@example.org")
    await _stop(store, ORGANIZER)
    async with store.unit() as unit:
        await unit.stop(later)
        assert await unit.stops() == [later]
    assert await store.stops() == [later]
    assert await _resume(store, ORGANIZER)
    assert await store.stops() == []


async def test_if_everything_is_stopped_only_notices_leave(store: Store) -> None:
    await stores.with_event(store, "ann@example.com")
    notice = stores.message("boss@example.org", uid="event1", kind=Kind.NOTICE, method=None, event_uid=None)
    await stores.owe(store, notice)
    await _stop(store, EVERYTHING)
    assert stores.emails(await stores.claim(store)) == ["boss@example.org"]
    await _resume(store, EVERYTHING)
    assert stores.emails(await stores.claim(store)) == ["ann@example.com"]


async def test_a_campaign_that_was_paused_stays_so_when_everything_goes_on(store: Store) -> None:
    await stores.with_event(store)
    paused = stores.campaign(state=CampaignState.PAUSED)
    async with store.unit() as unit:
        await unit.add_attendees([stores.attendee("ann@example.com")])
        await unit.add_campaign(paused, ())
        await unit.add_messages([stores.message("ann@example.com", campaign_id=paused.id)], priority=0)
    await _stop(store, EVERYTHING)
    await _resume(store, EVERYTHING)
    assert stores.emails(await stores.claim(store)) == []
