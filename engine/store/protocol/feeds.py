"""Calendars that are imported again and again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from engine.model.feeds import Feed, FeedEntry


class Feeds(Protocol):
    """The part of a unit of work that concerns imported calendars."""

    async def feed(self, feed_id: str) -> Feed | None:
        """The feed with this id, or None."""
        ...

    async def save_feed(self, feed: Feed) -> None:
        """Add a feed or replace it."""
        ...

    async def feed_entries(self, feed_id: str) -> list[FeedEntry]:
        """The entries that a feed had when it was last read."""
        ...

    async def standing_entries(self, feed_id: str, now: datetime) -> set[str]:
        """Source UIDs of entries whose events are neither cancelled nor over."""
        ...

    async def save_feed_entries(self, feed_id: str, entries: Sequence[FeedEntry]) -> None:
        """Add entries of a feed, or replace them."""
        ...

    async def drop_feed_entries(self, feed_id: str, source_uids: Collection[str]) -> None:
        """Forget entries that the calendar no longer has."""
        ...

    async def in_other_feed(self, feed_id: str, event_uid: str) -> bool:
        """True if another feed has this event too."""
        ...
