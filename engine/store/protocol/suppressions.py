"""The do-not-mail list, entry by entry."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from engine.model.suppressions import Suppression


class EntriesOf(Protocol):
    """What is asked about single addresses."""

    async def suppressions_of(self, organizer: str | None, targets: Collection[str]) -> list[Suppression]:
        """The entries of these addresses and domains, for any organizer or for this one; None: for each."""
        ...


class Suppressions(EntriesOf, Protocol):
    """The part of a unit of work that concerns the do-not-mail list."""

    async def add_suppressions(self, entries: Sequence[Suppression]) -> int:
        """Add entries; those of the same target and organizer stay as they are. Returns how many are new."""
        ...

    async def suppression(self, target: str, organizer: str) -> Suppression | None:
        """The entry of a target for an organizer; empty: for any."""
        ...

    async def drop_suppression(self, target: str, organizer: str) -> None:
        """Delete an entry."""
        ...


class SuppressionList(EntriesOf, Protocol):
    """What callers ask about the list."""

    async def suppressions(
        self, organizer: str | None, limit: int, after: tuple[str, str] | None = None
    ) -> list[Suppression]:
        """Entries in order of target and organizer, of one organizer or of all; `after`: behind this one."""
        ...
