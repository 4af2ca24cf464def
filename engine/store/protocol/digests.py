"""Until which day an owner had their digest."""

from __future__ import annotations

from datetime import date
from typing import Protocol


class Digests(Protocol):
    """The part of a unit of work that concerns digests."""

    async def begin_digest(self, owner: str, day: date) -> bool:
        """Note that `owner` has the digest of `day`; False if they had it, or a later one, before."""
        ...
