"""Keys, requests that were carried out, and mails that were ingested."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from engine.model.counters import Intake
from engine.model.keys import Key, Standing


class AlreadyTakenIn(Exception):  # noqa: N818 -- reads as what it is
    """Another process ingested this same mail; the unit of work is undone."""


class Keys(Protocol):
    """The part of a unit of work that concerns agents' keys, and the lists that their bounds name."""

    async def add_key(self, key: Key) -> None:
        """Add a key."""
        ...

    async def key(self, key_id: str) -> Key | None:
        """The key with this id, or None."""
        ...

    async def key_with(self, digest: str) -> Key | None:
        """The key with this hash, or None."""
        ...

    async def save_key(self, key: Key) -> None:
        """Replace a key; the address it acts for stays."""
        ...

    async def keys_for(self, address: str) -> list[Key]:
        """The keys that act for `address`, ended ones among them, oldest first."""
        ...

    async def standing(self, ids: Sequence[str]) -> Standing:
        """The keys with these ids in that order, as they are now, and the lists that they name."""
        ...

    async def address_lists(self, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The patterns of the lists with these names; those that are not there are left out."""
        ...

    async def save_address_list(self, name: str, patterns: Sequence[str]) -> None:
        """Make a list, or replace its patterns."""
        ...

    async def standing_events(self, key_id: str, now: datetime) -> int:
        """How many events that a key made, or one under it, are neither cancelled nor over."""
        ...


class Requests(Protocol):
    """The part of a unit of work that remembers requests, so that repeating one changes nothing."""

    async def remembered(self, actor: str, key: str) -> tuple[str, str] | None:
        """The digest and the uid that were remembered under an idempotency key, or None."""
        ...

    async def remember(self, actor: str, key: str, digest: str, uid: str, now: datetime) -> None:
        """Remember what a request was, and what it made."""
        ...

    async def taken_in(self, intake_id: str) -> Intake | None:
        """The outcome of a mail at a mailbox, or None if it was not ingested."""
        ...

    async def take_in(self, intake: Intake) -> None:
        """Store that a mail was ingested. Raises AlreadyTakenIn."""
        ...

    async def drop_requests(self, ids: Collection[str]) -> None:
        """Delete the outcomes of mails with these ids."""
        ...
