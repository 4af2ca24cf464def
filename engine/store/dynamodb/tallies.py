"""Counters of settled states, split over items for concurrent writers; their sums equal a recount.

Those of an event or a campaign are in its own partition. Those of organizers are in as many partitions as there are
shards, ordered by domain and address, so that a domain's and the system's are read in sequence, and no single item
is written by all units of work.
"""

from __future__ import annotations

import asyncio
import random
from functools import cached_property

from engine.store.dynamodb.names import Key, behind, joined
from engine.store.dynamodb.session import ReadSession, UnitSession, summed

SHARDS = 16


def event_key(uid: str, shard: int) -> Key:
    """The key of a shard of an event's counters."""
    return joined("tally", "event", uid), str(shard)


def campaign_key(campaign_id: str, shard: int) -> Key:
    """The key of a shard of a campaign's counters."""
    return joined("tally", "campaign", campaign_id), str(shard)


def organizer_key(address: str, shard: int) -> Key:
    """The key of a shard of an organizer's counters."""
    return organizers(shard), place(address)


def organizers(shard: int) -> str:
    """The partition of a shard of all organizers' counters."""
    return joined("tally", "organizers", shard)


def place(address: str) -> str:
    """The sort key of an organizer: by domain, then by address."""
    return joined(address.rpartition("@")[2], address)


class Tallies(ReadSession):
    """Questions about counters."""

    async def event_tally(self, uid: str, *, own: bool = True) -> dict[str, int]:
        """The counters of an event; `own`: including this unit's changes."""
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
    """Changes of counters in a unit of work."""

    @cached_property
    def shard(self) -> int:
        """The shard in which this unit counts."""
        return random.randrange(SHARDS)  # noqa: S311 -- spreads writers

    def count(self, event_uid: str | None, organizer: str, name: str, n: int = 1) -> None:
        """Change a counter of an event and of its organizer."""
        if event_uid is not None:
            self.items.add(event_key(event_uid, self.shard), name, n)
        self.items.add(organizer_key(organizer, self.shard), name, n)

    def count_failure(self, organizer: str, code: str) -> None:
        """Count a mail that failed, for the figures of the whole system."""
        self.items.add(organizer_key(organizer, self.shard), f"failure.{code}", 1)

    def count_in_campaign(self, campaign_id: str | None, name: str, n: int = 1) -> None:
        """Change a counter of a campaign."""
        if campaign_id is not None:
            self.items.add(campaign_key(campaign_id, self.shard), name, n)
