"""Quotas of mail services, and the rates at which messages are sent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from engine.model.base import Value
from engine.model.counters import Quota
from engine.store import rules
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_AHEAD_S = 600.0
"""The most seconds until a late message is judged again: what would come behind it may have been withdrawn."""


class SpentRate(Value):
    """Until when earlier messages have used up a rate, in seconds since 1970."""

    name: str
    next: float


class KeptQuota(Value):
    """A quota as its service reported it; `part`: the part of its rate that is used since it throttled."""

    name: str
    quota: Quota
    read: datetime
    part: float = 1.0
    slowed: datetime | None = None


# A unit that sends at a rate also writes it, so what it read is checked.
PACES = KindTable[SpentRate]("pace", SpentRate, key=lambda pace: (pace.name,), checked=False)
QUOTAS = KindTable[KeptQuota]("quota", KeptQuota, key=lambda quota: (quota.name,))


class QuotaQuestions(ReadSession):
    """Questions about quotas."""

    async def quota_read(self, name: str) -> datetime | None:
        """When the quota was last read from its mail service; None if it never was."""
        found = await self.rows.get(QUOTAS, name)
        return found.read if found else None

    async def quota(self, name: str) -> Quota:
        """The quota as known now; unlimited without a name."""
        if not name:
            return Quota()
        found = await self.rows.get(QUOTAS, name)
        if found is None:
            return rules.UNREAD_QUOTA
        return Quota(rate=found.quota.rate * found.part, remaining=found.quota.remaining)

    async def allowed(self, name: str, limit: int, now: datetime, rate: float) -> int:
        """How many messages a rate allows now."""
        if not rate or limit <= 0:
            return limit
        found = await self.rows.get(PACES, name)
        return rules.allowed(limit, found.next if found else None, now.timestamp(), rate)

    async def allowed_in_minute(self, name: str, now: datetime, minute: int) -> bool:
        """True if a key with a limit of `minute` mails per minute may send another one now."""
        found = await self.rows.get(PACES, name)
        return bool(rules.allowed_in_minute(1, found.next if found else None, now.timestamp(), minute))


class Quotas(QuotaQuestions, UnitSession):
    """Changes of quotas in a unit of work."""

    async def keep_quota(self, name: str, quota: Quota, now: datetime) -> None:
        """Store a quota as its service reported it, unless it was just stored."""
        known = await self.rows.get(QUOTAS, name)
        if known and 0 <= (now - known.read).total_seconds() < rules.QUOTA_S:
            return
        known = known or KeptQuota(name=name, quota=quota, read=now)
        waits = known.slowed and (now - known.slowed).total_seconds() < rules.SLOWED_S
        part = known.part if waits else min(1.0, known.part * 2)
        await self.rows.put(QUOTAS, known.model_copy(update={"quota": quota, "read": now, "part": part}))

    async def throttle(self, name: str, now: datetime, *, spent: bool) -> None:
        """Halve the rate, only once for messages throttled together; `spent`: send nothing more today."""
        known = await self.rows.get(QUOTAS, name)
        if known is None:
            return
        if not known.slowed or (now - known.slowed).total_seconds() >= rules.SLOWED_AGAIN_S:
            slower = {"part": max(known.part / 2, rules.SLOWEST), "slowed": now}
            known = known.model_copy(update=slower)
        if spent:
            known = known.model_copy(update={"quota": Quota(rate=known.quota.rate, remaining=0)})
        await self.rows.put(QUOTAS, known)

    async def spend(self, name: str, n: int, now: datetime, rate: float) -> None:
        """Use a rate up for `n` messages."""
        if not (rate and n > 0):
            return
        found = await self.rows.get(PACES, name)
        after = max(found.next if found else 0.0, now.timestamp()) + n / rate
        await self.rows.put(PACES, SpentRate(name=name, next=after))

    async def turn_of_late(self, name: str, now: datetime, rate: float) -> datetime:
        """When it is the turn of a message that a rate does not let go now: after those that waited for it before."""
        found = await self.rows.get(PACES, name)
        turn = max(found.next if found else 0.0, now.timestamp()) + 1 / rate
        if turn > now.timestamp() + _AHEAD_S:
            return now + timedelta(seconds=_AHEAD_S)
        await self.rows.put(PACES, SpentRate(name=name, next=turn))
        return datetime.fromtimestamp(turn, UTC)

    async def spend_minutes(self, minutes: Mapping[str, int], now: datetime) -> bool:
        """Count one mail against the limits per minute of these keys; False, and nothing is counted, beyond one."""
        for key, minute in minutes.items():
            if not await self.allowed_in_minute(f"key:{key}", now, minute):
                return False
        for key, minute in minutes.items():
            await self.spend(f"key:{key}", 1, now, minute / 60)
        return True

    async def spend_quota(self, name: str, n: int, now: datetime) -> None:
        """Take `n` messages from what a mail service allows."""
        if not name or n <= 0:
            return
        await self.spend(f"quota {name}", n, now, (await self.quota(name)).rate)
        known = await self.rows.get(QUOTAS, name)
        if known and known.quota.remaining is not None:
            left = Quota(rate=known.quota.rate, remaining=max(0, known.quota.remaining - n))
            await self.rows.put(QUOTAS, known.model_copy(update={"quota": left}))
