"""Changes of many messages: a unit of work applies as much as it takes, a job the rest."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.model.bulk_changes import BulkChange


class BulkChanges(Protocol):
    """The part of a unit of work that changes many messages, some at a time."""

    async def change_messages(self, change: BulkChange, now: datetime) -> str | None:
        """Apply a change to the next messages, as many as a unit takes; the new cursor, None after the last.

        Messages that are being sent stay as they are; they are judged when they come back. To owe again is a change of
        an event's messages alone.
        """
        ...

    async def keep_bulk_change(self, change: BulkChange) -> None:
        """Keep a change whose rest is to be applied later; it replaces an older one of the same scope."""
        ...

    async def next_bulk_change(self) -> BulkChange | None:
        """The change that has waited longest, or None."""
        ...

    async def bulk_change(self, scope: str) -> BulkChange | None:
        """The change of this scope whose rest is to be applied later, or None."""
        ...

    async def end_bulk_change(self, change: BulkChange) -> None:
        """Delete the stored change of this scope, if there is one."""
        ...
