"""Counters at settled states, split over items, so that many may count at once; their sums equal a recount.

An event's and a campaign's are in a partition of their own. Those of organizers are in as many partitions as there
are shards, in the order of domain and address, so that a domain's and the system's are read as they lie, and no unit
of work writes to what all others write to.
"""

from __future__ import annotations

import asyncio
import random
from functools import cached_property

from engine.store.dynamodb.names import Key, behind, joined
from engine.store.dynamodb.session import ReadSession, UnitSession, summed

SHARDS = 16


def event_key(uid: str, shard: int) -> Key:
    """Where a shard of an event's counters is."""
    return joined("tally", "event", uid), str(shard)


def campaign_key(campaign_id: str, shard: int) -> Key:
    """Where a shard of a campaign's counters is."""
    return joined("tally", "campaign", campaign_id), str(shard)


def organizer_key(address: str, shard: int) -> Key:
    """Where a shard of an organizer's counters is."""
    return organizers(shard), place(address)


def organizers(shard: int) -> str:
    """The partition of a shard of all organizers' counters."""
    return joined("tally", "organizers", shard)


def place(address: str) -> str:
    """Where an organizer stands among the others: by domain, then by address."""
    return joined(address.rpartition("@")[2], address)


class Tallies(ReadSession):
    """Counters as they are read."""

    async def event_tally(self, uid: str, *, own: bool = True) -> dict[str, int]:
        """The counters of an event; `own`: with what this unit of work has counted."""
        return summed((await self.items.numbers_under(event_key(uid, 0)[0], own=own)).values())

    async def campaign_tally(self, campaign_id: str) -> dict[str, int]:
        """The counters of a campaign's messages, by state."""
        return summed(
            (await self.items.numbers(campaign_key(campaign_id, n) for n in range(SHARDS))).values()
        )

    async def organizer_tally(self, address: str) -> dict[str, int]:
        """The counters of an organizer."""
        return summed((await self.items.numbers(organizer_key(address, n) for n in range(SHARDS))).values())

    async def domain_tally(self, domain: str) -> dict[str, int]:
        """The counters of all organizers at a domain."""
        first = joined(domain)
        return await self._over_organizers(f"{first}#", behind(first))

    async def system_tally(self) -> dict[str, int]:
        """The counters of all organizers."""
        return await self._over_organizers("", "")

    async def _over_organizers(self, after: str, before: str) -> dict[str, int]:
        shards = [self.items.numbers_under(organizers(n), after=after, before=before) for n in range(SHARDS)]
        return summed([summed(found.values()) for found in await asyncio.gather(*shards)])


class Counting(Tallies, UnitSession):
    """Counters as a unit of work moves them."""

    @cached_property
    def shard(self) -> int:
        """The shard that this unit counts in."""
        return random.randrange(SHARDS)  # noqa: S311 -- spreads writers

    def count(self, event_uid: str | None, organizer: str, name: str, n: int = 1) -> None:
        """Move a counter of an event and of its organizer."""
        if event_uid is not None:
            self.items.add(event_key(event_uid, self.shard), name, n)
        self.items.add(organizer_key(organizer, self.shard), name, n)

    def count_failure(self, organizer: str, code: str) -> None:
        """Count a mail that failed, for the figures of the whole system."""
        self.items.add(organizer_key(organizer, self.shard), f"failure.{code}", 1)

    def count_in_campaign(self, campaign_id: str | None, name: str, n: int = 1) -> None:
        """Move a counter of a campaign."""
        if campaign_id is not None:
            self.items.add(campaign_key(campaign_id, self.shard), name, n)
