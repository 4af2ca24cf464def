"""The part of a unit of work for the quotas of mail services."""

from __future__ import annotations

from datetime import datetime

from engine.model.counters import Quota
from engine.store import rules
from engine.store.sqlite.session import Session

_READ = """
INSERT INTO quota(name, rate, remaining, read) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT DO UPDATE SET rate = ?2, remaining = ?3, read = ?4,
    part = CASE WHEN slowed > ?4 - ?5 THEN part ELSE min(1, part * 2) END
    WHERE read NOT BETWEEN ?4 - ?6 AND ?4
"""
_SLOWED = "UPDATE quota SET part = max(part / 2, ?), slowed = ? WHERE name = ? AND slowed <= ?"


class Quotas(Session):
    """Stores and spends quotas; one that was never read allows one message per second."""

    async def read_quota(self, name: str, quota: Quota, now: datetime) -> None:
        """Store a quota as its service reported it, unless it was just stored."""
        values = [name, quota.rate, quota.remaining, now.timestamp(), rules.SLOWED_S, rules.QUOTA_S - 1e-3]
        await self.run(_READ, values)

    async def slow_down(self, name: str, now: datetime, *, spent: bool) -> None:
        """Halve the rate, only once for messages throttled together."""
        second_ago = now.timestamp() - rules.SLOWED_AGAIN_S
        await self.run(_SLOWED, [rules.SLOWEST, now.timestamp(), name, second_ago])
        if spent:
            await self.run("UPDATE quota SET remaining = 0 WHERE name = ?", [name])

    async def quota(self, name: str) -> Quota:
        """The quota as known now."""
        row = await self.one("SELECT rate * part AS rate, remaining FROM quota WHERE name = ?", [name])
        return Quota(rate=row["rate"], remaining=row["remaining"]) if row else rules.UNREAD_QUOTA

    async def spend_quota(self, name: str, n: int) -> None:
        """Take `n` messages from what remains of the day."""
        await self.run("UPDATE quota SET remaining = max(0, remaining - ?) WHERE name = ?", [n, name])
