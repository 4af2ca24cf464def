"""Turns: of several processes over one store, one does something."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class ProcessTurns(Protocol):
    """The part of a unit of work that concerns turns."""

    async def take_turn(
        self, name: str, held: datetime | None, now: datetime, lease_s: float
    ) -> datetime | None:
        """Take the turn `name`, or keep it; returns when it ends unless it is kept. None if it is another's.

        `held`: when the turn that this process has ends; None if it has none.
        """
        ...

    async def end_turn(self, name: str, held: datetime) -> None:
        """End the turn `name` now, if it is the one that ends at `held`."""
        ...
