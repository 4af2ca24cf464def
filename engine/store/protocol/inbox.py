"""What the inbox asks before it turns a mail into a command."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from engine.model.confirmations import Confirmation
from engine.model.counters import Intake


class Recipients(Protocol):
    """Which recipients exist."""

    async def tokens(self, asked: Collection[str]) -> set[str]:
        """Those of `asked` that belong to an attendee or a confirmation."""
        ...

    def token_now(self, token: str) -> bool | None:
        """As `tokens` for one, without waiting; None if the store can only answer by `tokens`."""
        ...

    async def organizes(self, address: str) -> bool:
        """True if this address owns an event, or owned one, or a key acts for it."""
        ...


class ArrivedMails(Protocol):
    """The outcomes of mails, and what waits for a confirmation or a proof."""

    async def noted(self, intake_prefix: str) -> bool:
        """True if the outcome of a mail, or of a part of it, is stored."""
        ...

    async def notes(self, intake_prefix: str) -> list[Intake]:
        """The outcomes of a mail, for each mailbox and each of its parts, oldest first."""
        ...

    async def old_requests(self, before: datetime, after: Intake | None, limit: int) -> list[Intake]:
        """The outcomes of mails before that moment, oldest first, starting after `after`."""
        ...

    async def confirmation(self, code: str) -> Confirmation | None:
        """The confirmation with this code, or None."""
        ...

    async def knows_proof(self, organizer: str, proofs: Collection[str], before: datetime) -> bool:
        """True if one of `proofs` is sure, or was first seen before that moment and the organizer was informed."""
        ...

    async def registered(self, organizer: str) -> bool:
        """True if this address was registered as an organizer."""
        ...

    async def proven_since(self, now: datetime, limit: int) -> list[Confirmation]:
        """Confirmations that wait for a proof, or a registration, which has been given meanwhile."""
        ...
