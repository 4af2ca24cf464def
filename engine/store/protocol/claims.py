"""The dispatcher's side of the ledger: claims are leases (promise 6). Each call is a unit of work of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from engine.model.claims import Claim, SendResult
from engine.model.counters import Quota


class Claims(Protocol):
    """What dispatchers ask of the store."""

    @property
    def items_per_unit(self) -> int:
        """How many messages a unit of work changes at most."""
        ...

    @property
    def claims_at_once(self) -> int:
        """How many messages one call claims, or writes the results of, at most."""
        ...

    async def claim_messages(
        self,
        owner: str,
        limit: int,
        clock: Callable[[], datetime],
        lease_s: float,
        *,
        reclaim: bool = True,
        quota: str = "",
    ) -> list[Claim]:
        """Lease up to `limit` messages that are due to `owner`, in order, for `lease_s` seconds.

        Those that may not leave are withdrawn (promise 7). `clock` is asked once the unit is at work, which may have
        waited for others for longer than a lease lasts. `reclaim`: also take what others held whose leases ran out.
        `quota`: the name of that of the mail service through which they go, if it has one; one that was never read lets
        one message a second go.
        """
        ...

    async def quota_read(self, name: str) -> datetime | None:
        """When the quota was last read from its mail service; None if it never was."""
        ...

    async def read_quota(self, name: str, quota: Quota, now: datetime) -> None:
        """Keep what a mail service allows, as it says, unless that was kept within the last minute.

        After throttling its rate grows again, twofold at each reading a minute or more later.
        """
        ...

    async def slow_down(self, name: str, now: datetime, *, spent: bool) -> None:
        """Halve the rate of a throttled quota, at most once a second; `spent`: nothing more leaves today."""
        ...

    async def renew_leases(self, owner: str, clock: Callable[[], datetime], lease_s: float) -> set[str]:
        """Renew the leases of `owner` for `lease_s` seconds, by the clock as it is then; returns the ids of those."""
        ...

    async def write_answers(self, owner: str, answers: Sequence[SendResult], now: datetime) -> None:
        """Write down what came of messages that `owner` holds; answers to others change nothing.

        At most as many as a unit takes.
        """
        ...

    async def next_due(self) -> datetime | None:
        """When the next message is due, or the next lease may have run out; None if nothing is owed."""
        ...

    async def senders(self) -> int:
        """How many dispatchers hold messages now."""
        ...

    async def backlog(self) -> int:
        """How many messages running campaigns without a rate of their own owe, written or not, and not deferred."""
        ...
