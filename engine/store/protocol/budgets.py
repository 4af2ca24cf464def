"""Budgets of keys: reserved in the unit that owes, counted off the ledger, given back for what was withdrawn."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from engine.model.budgets import Spent


class Budgets(Protocol):
    """The part of a unit of work that concerns budgets. `add_messages` counts; whoever withdraws returns."""

    async def spent(self, key_ids: Collection[str], now: datetime) -> dict[str, Spent]:
        """What each of these keys has spent today."""
        ...

    async def mailed_today(self, key_id: str, emails: Collection[str], now: datetime) -> dict[str, int]:
        """For each person of these addresses whom the key ever mailed: how many mails of its they are owed today."""
        ...

    async def new_people(self, key_id: str, campaign_id: str) -> int:
        """How many people of a list the key never mailed."""
        ...

    async def reserve(self, campaign_id: str, key: str, now: datetime, spent: Spent) -> None:
        """Reserve what a campaign will cause, for all keys of `key`, until its messages are written."""
        ...

    async def release_reserve(self, campaign_id: str, written: int | None) -> None:
        """Return what is reserved for messages that are written now, and counted by themselves; None: all."""
        ...

    async def mails_of_ended(self, key_id: str) -> int:
        """Mails that a key caused and that have not left, or were withdrawn because it ended."""
        ...

    async def waiting_mails(self, key_id: str) -> int:
        """How many changes and cancellations of a key wait for a decision, since it ended or was narrowed."""
        ...
