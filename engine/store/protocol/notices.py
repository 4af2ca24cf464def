"""Notices that are gathered: an address gets few mails however much happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from engine.model.messages import Notice

NOTICE_PAUSE = timedelta(minutes=1)
"""An address has one notice in this time at most; those that come meanwhile are gathered in the next."""


class Notices(Protocol):
    """The part of a unit of work that concerns gathered notices."""

    async def may_notify(self, address: str, now: datetime, pause: timedelta) -> bool:
        """True if a notice may leave now; then the pause begins anew."""
        ...

    async def gather(
        self, address: str, notice: Notice, event_uid: str | None, due: timedelta, most: int
    ) -> None:
        """Keep a notice for the next mail; of more than `most` only their number is kept."""
        ...

    async def next_gathered(self, now: datetime, pause: timedelta) -> str | None:
        """An address whose gathered notices are due."""
        ...

    async def take_gathered(self, address: str, now: datetime) -> tuple[list[tuple[Notice, str | None]], int]:
        """Remove and return the gathered notices with their events, oldest first, and how many more there were."""
        ...
