"""Calendars that are imported repeatedly, and the event of each of their entries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from engine.model.feeds import GONE, Feed, FeedEntry
from engine.store.sqlite.session import IN_LIST, Session, as_list


class Feeds(Session):
    """The part of a unit of work for imported calendars."""

    async def feed(self, feed_id: str) -> Feed | None:
        row = await self.one("SELECT body FROM feed WHERE id = ?", [feed_id])
        return Feed.model_validate_json(row["body"]) if row else None

    async def save_feed(self, feed: Feed) -> None:
        await self.run(
            "INSERT INTO feed(id, organizer, body) VALUES (?,?,?) "
            "ON CONFLICT(id) DO UPDATE SET body = excluded.body",
            [feed.id, feed.organizer, feed.model_dump_json()],
        )

    async def feed_entries(self, feed_id: str) -> list[FeedEntry]:
        rows = await self.all(
            "SELECT source_uid, event_uid, digest FROM feed_entry WHERE feed_id = ?", [feed_id]
        )
        return [FeedEntry(row["source_uid"], row["event_uid"], row["digest"]) for row in rows]

    async def standing_entries(self, feed_id: str, now: datetime) -> set[str]:
        """The UIDs of entries whose events are neither cancelled nor over."""
        rows = await self.all(
            "SELECT f.source_uid FROM feed_entry f JOIN event e ON e.uid = f.event_uid "
            "WHERE f.feed_id = ? AND e.status <> 'cancelled' AND (e.ends IS NULL OR e.ends > ?)",
            [feed_id, now.timestamp()],
        )
        return {row["source_uid"] for row in rows}

    async def save_feed_entries(self, feed_id: str, entries: Sequence[FeedEntry]) -> None:
        await self.many(
            "INSERT INTO feed_entry(feed_id, source_uid, event_uid, digest) VALUES (?,?,?,?) "
            "ON CONFLICT(feed_id, source_uid) DO UPDATE SET "
            "event_uid = excluded.event_uid, digest = excluded.digest",
            [(feed_id, entry.source_uid, entry.event_uid, entry.digest) for entry in entries],
        )

    async def drop_feed_entries(self, feed_id: str, source_uids: Collection[str]) -> None:
        await self.run(
            f"DELETE FROM feed_entry WHERE feed_id = ? AND source_uid {IN_LIST}",
            [feed_id, as_list(source_uids)],
        )

    async def in_other_feed(self, feed_id: str, event_uid: str) -> bool:
        found = await self.one(
            "SELECT 1 FROM feed_entry WHERE event_uid = ? AND feed_id <> ? AND digest NOT GLOB ? LIMIT 1",
            [event_uid, feed_id, f"{GONE}*"],
        )
        return found is not None
