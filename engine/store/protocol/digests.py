"""The last digest that an owner got: its day and its moment."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Digests(Protocol):
    """The part of a unit of work that concerns digests."""

    async def last_digest(self, owner: str) -> datetime | None:
        """Until when `owner` was told what their agents did; None if it is not known."""
        ...

    async def begin_digest(self, owner: str, until: datetime) -> bool:
        """Note that `owner` gets the digest of the day of `until`; False if they already had it, or a later one."""
        ...
