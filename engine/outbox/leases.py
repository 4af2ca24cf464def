"""The messages that one dispatcher holds, and whether it still does: processes can stall, and clocks can jump."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from engine.model.claims import Claim
from engine.observe.observer import Observer
from engine.outbox.quota import QuotaKeeper
from engine.quiet import Quiet
from engine.store.protocol import Claims, Watching

LEASE_S = 20.0
_LATE_S, _LATE_LOOK_S = 5.0, 1.0
"""How long after something was kept an index may not show it, and how often to ask until then."""
_LOOK_S = 30.0
"""How often to ask what is due although nobody said that something was kept."""


class ClaimsAndNews(Claims, Watching, Protocol):
    """What a dispatcher asks of the store: messages that are due, and whether anything was written."""


class DispatcherLeases:
    """Claims messages for one dispatcher, keeps them, and knows which of them others took meanwhile.

    Leases are written in the time of the clock, which may jump, and a process may stand still for longer than
    its leases last. After either, this renews what it holds, and for half a lease takes no one else's for run
    out: by then all who live have renewed theirs.
    """

    def __init__(
        self,
        store: ClaimsAndNews,
        owner: str,
        clock: Callable[[], datetime],
        lease_s: float = LEASE_S,
        observer: Observer | None = None,
        quota: QuotaKeeper | None = None,
    ) -> None:
        self._store = store
        self._owner = owner
        self._clock = clock
        self._lease_s = lease_s
        self._observer = observer or Observer()
        self._quota = quota
        self._mine: set[str] = set()
        self._offset: float | None = None
        self._renewed: float | None = None
        self._claimed = float("inf")
        self._careful_until = 0.0
        self._looked_closely = False
        self._quiet = Quiet(store)
        self._due: datetime | None = None
        self._news = self._asked = float("-inf")

    async def keep(self) -> None:
        """Renew the leases in time; called every quarter of a lease."""
        if self._lost_time() or self._mine:
            await self._renew()
        else:
            self._renewed = _steady()

    @property
    def interval(self) -> float:
        """Seconds between two calls of `keep`."""
        return self._lease_s / 4

    async def claim(self, limit: int) -> list[Claim]:
        """Claim up to `limit` messages that are due; a look first, since looking holds no one up."""
        if self._lost_time():
            await self._renew()
        careful = _steady() < self._careful_until
        now = self._clock()
        if self._looked_closely or careful:
            due = await self._next_due(now)
            if due is None or due > now:
                return []
        quota = await self._quota.name() if self._quota else ""
        started = self._claimed = _steady()
        with self._observer.span("claim") as span:
            claims = await self._store.claim_messages(
                self._owner, limit, self._clock, self._lease_s, reclaim=not careful, quota=quota
            )
            span.note(messages=len(claims))
        self._looked_closely = not careful
        self._mine.update(claim.message.id for claim in claims)
        if self._renewed is not None:
            self._renewed = min(self._renewed, started)  # the claim may have come long ago, and this only now
        return claims

    async def _next_due(self, now: datetime) -> datetime | None:
        """When the next message is due: asked if something was kept, for a few seconds more, and now and then.

        An index of the store may be late, and a process may end before it said that it kept something.
        """
        steady = _steady()
        news = not await self._quiet.since_last()
        if news:
            self._news = steady
        pause = _LATE_LOOK_S if steady - self._news < _LATE_S else _LOOK_S
        if news or steady - self._asked >= pause:
            self._asked = steady
            self._due = now  # should the question fail
            self._due = await self._store.next_due()
        return self._due

    async def still_mine(self, batch: Sequence[Claim]) -> list[Claim]:
        """Those of a batch that no one took while time was lost."""
        if self._lost_time():
            await self._renew()
        return [claim for claim in batch if claim.message.id in self._mine]

    def ended(self, message_ids: Iterable[str]) -> None:
        """Drop these messages: their answers were written."""
        self._mine.difference_update(message_ids)

    async def _renew(self) -> None:
        started, before = _steady(), set(self._mine)
        held = await self._store.renew_leases(self._owner, self._clock, self._lease_s)
        claimed_meanwhile = self._mine - before
        self._mine -= before - held
        self._renewed = min(started, self._claimed) if claimed_meanwhile else started

    def _lost_time(self) -> bool:
        """True if the leases may have run out unnoticed; the first call tells nothing."""
        steady = _steady()
        offset = self._clock().timestamp() - steady
        jumped = self._offset is not None and abs(offset - self._offset) > self._lease_s / 2
        late = self._renewed is not None and steady - self._renewed > self._lease_s * 3 / 4
        self._offset = offset
        if self._renewed is None:
            self._renewed = steady
        if jumped:
            self._renewed = float("-inf")  # until it worked
        if jumped or late:
            self._careful_until = steady + self._lease_s / 2
            self._looked_closely = False
        return jumped or late


def _steady() -> float:
    """Seconds of the loop's clock, which never jumps."""
    return asyncio.get_running_loop().time()
