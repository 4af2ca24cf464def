"""The store's methods for dispatchers; each call is one or several units of work."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from engine.model.campaigns import Campaign
from engine.model.claims import Claim, SendResult
from engine.model.counters import Quota
from engine.model.events import Event
from engine.store.dynamodb.claims import Claims
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.held_now import Lease
from engine.store.dynamodb.leases import LeaseQuestions
from engine.store.dynamodb.names import behind, joined
from engine.store.dynamodb.owed import BUCKETS, Owed, place, row_of
from engine.store.dynamodb.quotas import QuotaQuestions
from engine.store.dynamodb.table import Index

T = TypeVar("T")
_WRITTEN = 90
"""The most results that one unit of work examines."""
_PART_OF_LEASE = 20
"""What is claimed is handed out after this part of its lease, though a claim of several units may find more."""


class Dispatching(LeaseQuestions, QuotaQuestions):
    """The dispatcher's side of the store."""

    items_per_unit = Claims.items_per_unit
    claims_at_once = 500
    """The most messages of one claim, which may exceed a unit of work since it writes leases but no messages."""

    @abstractmethod
    async def running_with_rate(self) -> list[Campaign]:
        """The running campaigns that have a rate of their own."""

    @abstractmethod
    async def transact(self, work: Callable[[Any], Coroutine[object, object, T]]) -> T:
        """A unit of work."""

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
        """Lease up to `limit` due messages to `owner`, in order, for `lease_s` seconds."""

        async def take_back(unit: Claims) -> None:
            await unit.reclaim(clock(), lease_s)

        if reclaim:
            await self.transact(take_back)
        claims = await self._claimed(owner, limit, clock, lease_s, quota)
        try:
            return await self._unchanged(owner, claims) if claims else []
        except Exception:
            # Nobody knows of these claims, and their leases would be renewed with all others of this dispatcher.
            await self.transact(lambda unit: unit.let_go(owner, {claim.message.id for claim in claims}))
            raise

    async def _claimed(
        self, owner: str, limit: int, clock: Callable[[], datetime], lease_s: float, quota: str
    ) -> list[Claim]:
        """What one or several units claim."""
        claims: list[Claim] = []
        until = clock() + timedelta(seconds=lease_s / _PART_OF_LEASE)
        more = True
        while more and len(claims) < limit and (not claims or clock() < until):
            left = limit - len(claims)
            try:
                some, more = await self.transact(
                    lambda unit, left=left: unit.claim(owner, left, clock(), lease_s, quota)  # type: ignore[misc]
                )
            except Exception:
                if not claims:
                    raise
                break  # the next claim meets it again, and these are held already
            claims += some
        return claims

    async def _unchanged(self, owner: str, claims: Sequence[Claim]) -> list[Claim]:
        """The claims whose messages and events are unchanged since the claim read them; the other leases end.

        A concurrent unit may have withdrawn the message or revised its event, since it writes none of the same items.
        """
        rows = await self.rows_at(place(claim.message) for claim in claims)
        uids = dict.fromkeys(claim.event.uid for claim in claims if claim.event)
        events = {
            event.uid: event for event in await self.rows.many(EVENTS, [(uid, "event") for uid in uids])
        }
        same = [claim for claim in claims if _as_claimed(claim, rows.get(claim.message.id), events)]
        if len(same) < len(claims):
            others = {claim.message.id for claim in claims} - {claim.message.id for claim in same}
            await self.transact(lambda unit: unit.let_go(owner, others))
        return same

    async def renew_leases(self, owner: str, clock: Callable[[], datetime], lease_s: float) -> set[str]:
        """Extend the leases of `owner` to `lease_s` seconds from now, and return the ids of their messages."""
        return await self.transact(lambda unit: unit.renew(owner, unit.shared(clock()) + lease_s))

    async def write_answers(self, owner: str, answers: Sequence[SendResult], now: datetime) -> None:
        """Record the results of messages that `owner` holds; results of others are ignored."""
        done = 0
        while done < len(answers):
            some = answers[done : done + _WRITTEN]
            done += await self.transact(lambda unit, some=some: unit.write(owner, some, now))  # type: ignore[misc]

    async def read_quota(self, name: str, quota: Quota, now: datetime) -> None:
        """Store a quota as its mail service reported it, unless one was stored within the last minute."""
        await self.transact(lambda unit: unit.keep_quota(name, quota, now))

    async def slow_down(self, name: str, now: datetime, *, spent: bool) -> None:
        """Halve the rate of a quota whose service throttles, at most once per second; `spent`: send no more today."""
        await self.transact(lambda unit: unit.throttle(name, now, spent=spent))

    async def next_due(self) -> datetime | None:
        """When the next message is due or the next lease may expire; None if nothing is owed."""
        leases, sending = await self.leases(), await self.sending()
        ends = [
            datetime.fromtimestamp(run.until - self.items.ahead_s, UTC)
            for lease in leases.values()
            for run in lease.runs.values()
            if any(row.id in sending for row in run.rows)
        ]
        first = await self.first_due(leases)
        return min([*([first] if first else []), *ends], default=None)

    async def first_due(self, leases: Mapping[str, Lease]) -> datetime | None:
        """When the first message without a lease is due, or None."""
        rated = [joined("rate", campaign.id) for campaign in await self.running_with_rate()]
        dues = [
            await self._first_due(bucket, priority, leases.get(bucket))
            for bucket in [*(str(n) for n in range(BUCKETS)), *rated]
            for priority in (0, 1)
        ]
        return min((due for due in dues if due), default=None)

    async def _first_due(self, bucket: str, priority: int, lease: Lease | None) -> datetime | None:
        """When the first message of a bucket and a priority without a lease is due, or None."""
        held = {row.id for run in lease.runs.values() for row in run.rows} if lease else set()
        found = await self.items.indexed(
            Index.DUE, bucket, after=f"{priority}#", before=behind(str(priority)), limit=1 + len(held)
        )
        rows = (row for item in found if (row := row_of(item)) and row.message.id not in held)
        return min((row.message.due for row in rows), default=None)

    async def senders(self) -> int:
        """How many dispatchers hold messages now."""
        sending = await self.sending()
        return len(
            {
                owner
                for lease in (await self.leases()).values()
                for owner, run in lease.runs.items()
                if any(row.id in sending for row in run.rows)
            }
        )


def _as_claimed(claim: Claim, owed: Owed | None, events: Mapping[str, Event]) -> bool:
    """True if a message and its event are as they were when it was claimed."""
    if owed is None or owed.held or owed.message != claim.message:
        return False
    event = events.get(claim.event.uid) if claim.event else None
    return claim.event is None or (event is not None and event.sequence == claim.event.sequence)
