"""Turns, as paces that are used up until the turn ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.store import rules
from engine.store.dynamodb.quotas import PACES, SpentRate
from engine.store.dynamodb.session import UnitSession


class ProcessTurns(UnitSession):
    """The part of a unit of work for turns."""

    async def take_turn(
        self, name: str, held: datetime | None, now: datetime, lease_s: float
    ) -> datetime | None:
        """Take or keep a turn; of two that take it at once, one has a conflict and finds it taken."""
        key, until = f"turn {name}", now + timedelta(seconds=lease_s)
        known = await self.rows.get(PACES, key)
        if known and not rules.turn_may_be_taken(known.next, held, now, lease_s):
            return None
        await self.rows.put(PACES, SpentRate(name=key, next=until.timestamp()))
        return until

    async def end_turn(self, name: str, held: datetime) -> None:
        """End a turn that is still this one."""
        known = await self.rows.get(PACES, f"turn {name}")
        if known and rules.same_turn(known.next, held):
            await self.rows.drop(PACES, known.name)
