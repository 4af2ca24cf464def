"""Keys, requests that were carried out, mails that were taken in, and the audit trail."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.model.records import Intake


class AlreadyTakenIn(Exception):  # noqa: N818 -- reads as what it is
    """Another process took this very mail in; the unit of work is undone."""


class Keys(Protocol):
    """The part of a unit of work that concerns agents' keys, each kept as JSON under the hash of its secret."""

    async def add_key(self, key_id: str, digest: str, body: str) -> None:
        """Add a key."""
        ...

    async def key(self, key_id: str) -> str | None:
        """The key with this id, or None."""
        ...

    async def save_key(self, key_id: str, body: str) -> None:
        """Replace a key."""
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
        """What became of a mail at a mailbox, if it was taken in."""
        ...

    async def take_in(self, intake: Intake) -> None:
        """Note a mail as taken in. Raises AlreadyTakenIn."""
        ...

    async def audit(self, now: datetime, actor: str, command: str, subject: str) -> None:
        """Write an audit line."""
        ...
