"""The dispatcher's side of the ledger: claims are leases (promise 6). Each call is a unit of work of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.model.claims import Answer, Claim


class Claims(Protocol):
    """What those who send ask of the store."""

    async def claim_messages(
        self, owner: str, limit: int, now: datetime, lease_s: float, *, reclaim: bool = True
    ) -> list[Claim]:
        """Lease up to `limit` messages that are due to `owner`, in order, until now + `lease_s` seconds.

        Those that may not leave are withdrawn (promise 7). `reclaim`: also take what others held whose leases ran out.
        """
        ...

    async def renew_leases(self, owner: str, now: datetime, lease_s: float) -> set[int]:
        """Keep what `owner` holds for another `lease_s` seconds; returns the ids of those messages."""
        ...

    async def write_answers(self, owner: str, answers: Sequence[Answer], now: datetime) -> None:
        """Write down what came of messages that `owner` holds; answers to others change nothing."""
        ...

    async def next_due(self) -> datetime | None:
        """When the next message is due, or the next lease may have run out; None if nothing is owed."""
        ...

    async def senders(self) -> int:
        """How many dispatchers hold messages just now."""
        ...

    async def backlog(self) -> int:
        """How many messages running campaigns without a rate of their own owe, written or not, and not deferred."""
        ...
