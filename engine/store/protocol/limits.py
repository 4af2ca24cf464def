"""How many mails a person is owed in a day."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from engine.model.counters import PersonMails


class Limits(Protocol):
    """The part of a unit of work that protects people from being flooded. `add_messages` moves the counters."""

    async def person_mails(self, emails: Collection[str], now: datetime) -> dict[str, PersonMails]:
        """What the people with these addresses were owed today (UTC), by their address without +tag."""
        ...

    async def drop_days(self, now: datetime, limit: int) -> int:
        """Delete up to `limit` counters of days before yesterday; returns how many there were."""
        ...
