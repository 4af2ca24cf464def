"""The day of the last digest that an owner got."""

from __future__ import annotations

from datetime import date
from typing import Protocol


class Digests(Protocol):
    """The part of a unit of work that concerns digests."""

    async def begin_digest(self, owner: str, day: date) -> bool:
        """Note that `owner` gets the digest of `day`; False if they already had it, or a later one."""
        ...
