"""The store in memory: units on snapshots, questions about the newest, claims with a lease for each message."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, TypeVar

from engine.model.campaigns import CampaignState
from engine.model.claims import Claim, SendResult
from engine.model.counters import Figures, Quota, Rates
from engine.model.forgetting import Trace
from engine.model.messages import MessageState
from engine.store.protocol import NOTICE_PAUSE, Conflict, Job
from engine.store.repeating import repeated
from engine.store.rules import LIST_KEPT
from tests.support.memory.exports import Exported
from tests.support.memory.forgetting import named_by_others, traces
from tests.support.memory.ledger import opaque
from tests.support.memory.questions import Asked
from tests.support.memory.tables import Tables
from tests.support.memory.timing import Timings
from tests.support.memory.unit import WholeUnit

T = TypeVar("T")


class MemoryStore(Asked, Timings, Exported):
    """Keeps everything in this process, for as long as it lasts."""

    items_per_unit = claims_at_once = WholeUnit.items_per_unit

    def __init__(self, rates: Rates | None = None) -> None:
        self._kept = Tables({}, 0)
        self._rates = rates or Rates()
        self._blocks = asyncio.Lock()

    async def close(self) -> None:
        """Nothing is open."""

    # units

    @asynccontextmanager
    async def unit(self) -> AsyncIterator[WholeUnit]:
        async with self._blocks:
            unit = self._begin()
            yield unit
            self._keep(unit)

    async def transact(self, work: Callable[[Any], Coroutine[object, object, T]]) -> T:
        return await asyncio.shield(asyncio.ensure_future(repeated(lambda: self._once(work))))

    async def _once(self, work: Callable[[Any], Coroutine[object, object, T]]) -> T:
        unit = self._begin()
        result = _without_waiting(work(unit))
        # Others get their turn between reading and keeping, as they would in another process.
        await asyncio.sleep(0)
        self._keep(unit)
        return result

    def _keep(self, unit: WholeUnit) -> None:
        if not unit.t.touched:
            return
        if unit.t.version != self._kept.version:
            raise Conflict
        self._kept = Tables(unit.t.rows, unit.t.version + 1)

    def __getattr__(self, name: str) -> Any:
        """Questions that a unit answers as well are asked of the newest snapshot."""
        return getattr(self._begin(), name)

    # people

    async def traces(self, address: str) -> list[Trace]:
        return traces(self._kept, address)

    async def named_by_others(self, address: str) -> list[str]:
        return named_by_others(self._kept, address)

    async def erase_remains(self) -> bool:
        return True

    # watching

    async def revision(self) -> int:
        return self._kept.version

    async def announce(self) -> None:
        pass

    async def answered(self, after: str | None) -> tuple[str, frozenset[str]]:
        receipts = {opaque(key): receipt for key, receipt in self._kept.of("receipt").items()}
        newest = max(receipts, default=after or opaque(0))
        new = receipts.items() if after is not None else ()
        return newest, frozenset(r.event_uid for key, r in new if after is not None and key > after)

    async def figures(self) -> Figures:
        system = await self.statistics("system", "")
        failed = [
            row.message
            for row in self._kept.of("message").values()
            if row.message.state is MessageState.FAILED
        ]
        under_way = {CampaignState.RUNNING, CampaignState.PAUSED}
        campaigns = Counter(c.state.value for c in self._kept.of("campaign").values() if c.state in under_way)
        return Figures(
            messages=system.delivery,
            answers=system.rsvp,
            failures=Counter(m.code for m in failed),
            campaigns=campaigns,
            oldest_due=min(self._dues(), default=None),
        )

    async def recount(self) -> list[str]:
        """Nothing is counted before it is asked; messages of people who are not attendees would be wrong."""
        attendees = self._kept.of("attendee")
        return [
            f"{row.message.email} is no attendee"
            for row in self._kept.of("message").values()
            if row.message.method and (row.message.event_uid, row.message.email) not in attendees
        ]

    # jobs and the dispatcher

    async def due_jobs(self, now: datetime, fail_share: float = 0) -> frozenset[Job]:
        unit = self._begin()
        waiting = {
            Job.PAUSE_FAILING: fail_share and await unit.next_failing(fail_share),
            Job.START_SCHEDULED: await unit.next_scheduled(now),
            Job.DROP_LISTS: await unit.abandoned_list(now - LIST_KEPT),
            Job.BULK_CHANGE: await unit.next_bulk_change(),
            Job.FAN_OUT: await unit.next_fanout(now),
            Job.FINISH: await unit.next_drained(),
            Job.NOTIFY: await unit.next_gathered(now, NOTICE_PAUSE),
        }
        return frozenset(job for job, found in waiting.items() if found)

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
        async def work(unit: WholeUnit) -> list[Claim]:
            now = clock()
            if reclaim:
                unit.reclaim(now, lease_s)
            return unit.claim(owner, limit, now, lease_s, self._rates, quota)

        return await self.transact(work)

    async def quota_read(self, name: str) -> datetime | None:
        async def work(unit: WholeUnit) -> datetime | None:
            return unit.quota_read(name)

        return await self.transact(work)

    async def read_quota(self, name: str, quota: Quota, now: datetime) -> None:
        async def work(unit: WholeUnit) -> None:
            unit.read_quota(name, quota, now)

        await self.transact(work)

    async def slow_down(self, name: str, now: datetime, *, spent: bool) -> None:
        async def work(unit: WholeUnit) -> None:
            unit.slow_down(name, now, spent=spent)

        await self.transact(work)

    async def renew_leases(self, owner: str, clock: Callable[[], datetime], lease_s: float) -> set[int]:
        async def work(unit: WholeUnit) -> set[int]:
            return unit.renew(owner, clock().timestamp() + lease_s)

        return await self.transact(work)

    async def write_answers(self, owner: str, answers: Sequence[SendResult], now: datetime) -> None:
        async def work(unit: WholeUnit) -> None:
            unit.write(owner, answers, now)

        await self.transact(work)

    def _dues(self) -> Iterable[datetime]:
        rows = self._kept.of("message").values()
        return [r.message.due for r in rows if r.message.state.pending and not (r.held or r.owner)]

    async def next_due(self) -> datetime | None:
        ends = [
            datetime.fromtimestamp(r.until, tz=r.message.due.tzinfo)
            for r in self._kept.of("message").values()
            if r.owner and r.message.state.pending
        ]
        return min([*self._dues(), *ends], default=None)

    async def senders(self) -> int:
        return len(
            {r.owner for r in self._kept.of("message").values() if r.owner and r.message.state.pending}
        )

    async def backlog(self) -> int:
        settled = {MessageState.SENT, MessageState.FAILED, MessageState.WITHDRAWN, MessageState.DEFERRED}
        total = 0
        for c in self._kept.where("campaign", lambda c: c.state is CampaignState.RUNNING and not c.rate):
            rows = self._begin().owed(lambda m, c=c: m.campaign_id == c.id and m.state in settled)  # type: ignore[misc]
            total += max(0, c.valid - len(rows))
        return total


def _without_waiting(work: Coroutine[object, object, T]) -> T:
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    work.close()
    raise RuntimeError("work in a unit waited for something else")
