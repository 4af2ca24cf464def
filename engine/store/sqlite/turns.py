"""Turns, as paces that are used up until the turn ends."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.store import rules
from engine.store.sqlite.session import Session


class ProcessTurns(Session):
    """The part of a unit of work for turns."""

    async def take_turn(
        self, name: str, held: datetime | None, now: datetime, lease_s: float
    ) -> datetime | None:
        """Take or keep a turn; a transaction sees what all others have committed."""
        key, until = f"turn {name}", now + timedelta(seconds=lease_s)
        row = await self.one("SELECT next FROM pace WHERE key = ?", [key])
        if row and not rules.turn_may_be_taken(row["next"], held, now, lease_s):
            return None
        await self.run(
            "INSERT INTO pace(key, next) VALUES (?,?) ON CONFLICT DO UPDATE SET next = excluded.next",
            [key, until.timestamp()],
        )
        return until

    async def end_turn(self, name: str, held: datetime) -> None:
        """End a turn that is still this one."""
        key = f"turn {name}"
        row = await self.one("SELECT next FROM pace WHERE key = ?", [key])
        if row and rules.same_turn(row["next"], held):
            await self.run("DELETE FROM pace WHERE key = ?", [key])
