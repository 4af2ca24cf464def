"""A unit of work over a snapshot: what mail services allow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engine.model.counters import Quota
from engine.store import rules
from tests.support.memory.stops import StopUnit


@dataclass(frozen=True)
class _Kept:
    quota: Quota
    read: datetime
    part: float = 1.0
    slowed: datetime | None = None


class QuotaUnit(StopUnit):
    """Reads and spends quotas."""

    def quota_read(self, name: str) -> datetime | None:
        row = self.t.get("quota", name)
        return row.read if row else None

    def read_quota(self, name: str, quota: Quota, now: datetime) -> None:
        row = self.t.get("quota", name)
        if row and 0 <= (now - row.read).total_seconds() < rules.QUOTA_S:
            return
        row = row or _Kept(quota, now)
        waits = row.slowed and (now - row.slowed).total_seconds() < rules.SLOWED_S
        part = row.part if waits else min(1.0, row.part * 2)
        self.t.put("quota", name, replace(row, quota=quota, read=now, part=part))

    def slow_down(self, name: str, now: datetime, *, spent: bool) -> None:
        row = self.t.get("quota", name)
        if not row:
            return
        if not row.slowed or (now - row.slowed).total_seconds() >= rules.SLOWED_AGAIN_S:
            row = replace(row, part=max(row.part / 2, rules.SLOWEST), slowed=now)
        left = 0 if spent else row.quota.remaining
        self.t.put("quota", name, replace(row, quota=Quota(rate=row.quota.rate, remaining=left)))

    def quota(self, name: str) -> Quota:
        """No limit without a name."""
        row = self.t.get("quota", name) if name else None
        if not row:
            return rules.UNREAD_QUOTA if name else Quota()
        return Quota(rate=row.quota.rate * row.part, remaining=row.quota.remaining)

    async def take_turn(
        self, name: str, held: datetime | None, now: datetime, lease_s: float
    ) -> datetime | None:
        key, until = f"turn {name}", now + timedelta(seconds=lease_s)
        ends = self.t.get("pace", key)
        if ends is not None and not rules.turn_may_be_taken(ends, held, now, lease_s):
            return None
        self.t.put("pace", key, until.timestamp())
        return until

    async def end_turn(self, name: str, held: datetime) -> None:
        key = f"turn {name}"
        ends = self.t.get("pace", key)
        if ends is not None and rules.same_turn(ends, held):
            self.t.drop("pace", key)

    def spend_quota(self, name: str, n: int, now: datetime) -> None:
        rate, row = self.quota(name).rate, self.t.get("quota", name)
        if rate:
            key = f"quota {name}"
            self.t.put("pace", key, max(self.t.get("pace", key) or 0.0, now.timestamp()) + n / rate)
        if row and row.quota.remaining is not None:
            left = max(0, row.quota.remaining - n)
            self.t.put("quota", name, replace(row, quota=Quota(rate=row.quota.rate, remaining=left)))
