"""Forgetting a person, and showing what is kept of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.model.forgetting import Trace


class Forgetting(Protocol):
    """The part of a unit of work that forgets a person: another address takes the place of theirs, texts go."""

    async def organizes_events(self, address: str) -> bool:
        """True for an organizer of events, and for an address that a key acts for."""
        ...

    async def begin_forgetting(self, address: str, alias: str, now: datetime) -> str | None:
        """Keep the person's do-not-mail entries as a keyed hash, and return the alias that replaces their address.

        After an interruption the alias is the same. None while a mail to them, or one that names them, is being sent.
        """
        ...

    async def withdraw_forgotten(self, address: str, now: datetime) -> int:
        """Withdraw what the person is owed, as much as a unit takes; returns how many messages."""
        ...

    async def forget_rows(self, address: str, alias: str, traces: Sequence[Trace], now: datetime) -> int:
        """Remove the person from the first of these rows, as many as a unit takes; returns how many.

        Mails to others whose words name the person are withdrawn; one that is being sent stays until it has left.
        """
        ...

    async def end_forgetting(self, address: str) -> None:
        """Delete what was stored while the person was being forgotten."""
        ...


class Traces(Protocol):
    """Where the store names a person."""

    async def traces(self, address: str) -> list[Trace]:
        """The rows that name this address, or hold what only they said; without what an organizer wrote."""
        ...

    async def named_by_others(self, address: str) -> list[str]:
        """Where organizers and operators named this address themselves: events, bounds of keys, lists."""
        ...

    async def erase_remains(self) -> bool:
        """Overwrite what deleted rows left behind; False if another process is reading it."""
        ...
