"""The contract of a store: imported calendars and which event each of their entries became."""

from __future__ import annotations

from datetime import timedelta

from engine.model.events import EventStatus
from engine.model.feeds import GONE, Feed, FeedEntry
from engine.store.protocol import Store
from tests.store import stores
from tests.store.stores import ORGANIZER
from tests.support.clock import START

FEED = Feed(id="feed1", organizer=ORGANIZER, name="season.ics")


async def _with_entries(store: Store, *uids: str) -> None:
    async with store.unit() as unit:
        await unit.ensure_organizer(ORGANIZER, "Olga", START)
        await unit.save_feed(FEED)
        for uid in uids:
            await unit.add_event(stores.event(uid))
        await unit.save_feed_entries(FEED.id, [FeedEntry(f"source-{uid}", uid, "v1") for uid in uids])


async def test_a_calendar_is_kept_and_changed(store: Store) -> None:
    changed = FEED.model_copy(update={"etag": '"v2"', "digest": "abc", "imported": START})
    async with store.unit() as unit:
        assert await unit.feed(FEED.id) is None
        await unit.save_feed(FEED)
        assert await unit.feed(FEED.id) == FEED
        await unit.save_feed(changed)
        assert await unit.feed(FEED.id) == changed
        assert await unit.feed("other") is None


async def test_entries_are_kept_changed_and_dropped(store: Store) -> None:
    await _with_entries(store, "event1", "event2")
    async with store.unit() as unit:
        await unit.save_feed_entries(FEED.id, [FeedEntry("source-event1", "event1", "v2")])
        await unit.drop_feed_entries(FEED.id, ["source-event2", "unknown"])
        assert await unit.feed_entries(FEED.id) == [FeedEntry("source-event1", "event1", "v2")]
        assert await unit.feed_entries("other") == []


async def test_entries_stand_while_their_events_lie_ahead(store: Store) -> None:
    await _with_entries(store, "event1", "event2", "event3")
    async with store.unit() as unit:
        await unit.save_event(stores.event("event2", status=EventStatus.CANCELLED))
        await unit.save_event(stores.event("event3", ends_at=None))
        assert await unit.standing_entries(FEED.id, START) == {"source-event1", "source-event3"}
        assert await unit.standing_entries(FEED.id, START + timedelta(days=90)) == {"source-event3"}


async def test_an_event_is_known_to_be_in_another_calendar(store: Store) -> None:
    await _with_entries(store, "event1")
    other = FEED.model_copy(update={"id": "feed2"})
    async with store.unit() as unit:
        assert not await unit.in_other_feed(FEED.id, "event1")
        assert await unit.in_other_feed(other.id, "event1")
        await unit.save_feed_entries(FEED.id, [FeedEntry("source-event1", "event1", GONE)])
        assert not await unit.in_other_feed(other.id, "event1")
        await unit.save_feed(other)
        await unit.save_feed_entries(other.id, [FeedEntry("source-event1", "event1", "v1")])
        assert await unit.in_other_feed(FEED.id, "event1")
