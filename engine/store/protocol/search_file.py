"""A search index in a file, for a store that cannot search; derived data that can be rebuilt at any time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.model.events import Event
from engine.store.protocol.questions import Searching


class SearchFile(Searching, Protocol):
    """Finds events among those that were written to it; nothing in it is needed to rebuild it."""

    async def write(self, events: Sequence[tuple[Event, bool]]) -> None:
        """Index these events as they are now, each with whether somebody is invited."""
        ...

    async def uids(self, organizer: str | None, beginning: str, limit: int) -> list[str]:
        """Uids that begin with these characters, or whose short id does, in order; of one organizer, if given."""
        ...

    async def in_order(self, organizer: str | None, after: str, limit: int) -> list[str]:
        """Uids of the events behind this one, in that order; of one organizer, if given."""
        ...

    async def beginning(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        """Events that stand and begin after one moment and up to another: uid, start, end, by start."""
        ...

    async def ending(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        """As `beginning`, of events that end then and last up to 31 days."""
        ...

    @property
    def form(self) -> str:
        """The version of the file's format: only an image of the same form is opened."""
        ...

    async def image(self, most: int) -> bytes | None:
        """The whole file, from which another process makes one; None if it has more than `most` bytes."""
        ...

    async def close(self) -> None:
        """Close the file and delete it."""
        ...
