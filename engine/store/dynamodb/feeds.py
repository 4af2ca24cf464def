"""Calendars that are imported repeatedly."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from engine.model.base import Value
from engine.model.feeds import GONE, Feed, FeedEntry
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import UnitSession


class KeptEntry(Value):
    """An entry of a feed as it was last read."""

    feed_id: str
    entry: FeedEntry


FEEDS = KindTable[Feed]("feed", Feed, key=lambda feed: (feed.id,))
ENTRIES = KindTable[KeptEntry](
    "feed-entry",
    KeptEntry,
    key=lambda kept: (kept.feed_id, kept.entry.source_uid),
    indexes={"event": lambda kept: [(kept.entry.event_uid, kept.feed_id)]},
    checked=False,
)


class Feeds(UnitSession):
    """The part of a unit of work for imported calendars."""

    async def feed(self, feed_id: str) -> Feed | None:
        """The feed with this id, or None."""
        return await self.rows.get(FEEDS, feed_id)

    async def save_feed(self, feed: Feed) -> None:
        """Add a feed or replace it."""
        await self.rows.put(FEEDS, feed)

    async def feed_entries(self, feed_id: str) -> list[FeedEntry]:
        """The entries that a feed had when it was last read."""
        return [kept.entry for kept in await self.rows.under(ENTRIES, feed_id)]

    async def standing_entries(self, feed_id: str, now: datetime) -> set[str]:
        """Source UIDs of entries whose events are neither cancelled nor over."""
        entries = await self.feed_entries(feed_id)
        uids = dict.fromkeys(entry.event_uid for entry in entries)
        events = {
            event.uid: event for event in await self.rows.many(EVENTS, [(uid, "event") for uid in uids])
        }
        standing = {uid for uid, event in events.items() if not event.cancelled and not event.finished(now)}
        return {entry.source_uid for entry in entries if entry.event_uid in standing}

    async def save_feed_entries(self, feed_id: str, entries: Sequence[FeedEntry]) -> None:
        """Add entries of a feed, or replace them."""
        for entry in entries:
            await self.rows.put(ENTRIES, KeptEntry(feed_id=feed_id, entry=entry))

    async def drop_feed_entries(self, feed_id: str, source_uids: Collection[str]) -> None:
        """Delete entries that the calendar no longer has."""
        for source_uid in source_uids:
            await self.rows.drop(ENTRIES, feed_id, source_uid)

    async def in_other_feed(self, feed_id: str, event_uid: str) -> bool:
        """True if another feed has this event too."""
        found = await self.rows.by(ENTRIES, "event", event_uid)
        return any(kept.feed_id != feed_id and not kept.entry.digest.startswith(GONE) for kept in found)
