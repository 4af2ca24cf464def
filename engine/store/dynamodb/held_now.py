"""Leases of dispatchers: the runs of messages that each has claimed from a bucket (promise 6).

A claim writes the runs of its buckets, and no message. Settled messages stay in a run until its holder claims
again; so a message is being sent if a run names it and it is still owed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.model.base import Value
from engine.store.dynamodb.owed import Owed, RowPlace
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import ReadSession

ALL = "all"


class Holding(NamedTuple):
    """One message in a run, with the place of its row, and the name of the claim that leased it."""

    uid: str
    email: str
    id: str
    lease: str = ""

    @property
    def place(self) -> RowPlace:
        """The place of its row."""
        return RowPlace(self.uid, self.email, self.id)


class ClaimedRun(Value):
    """The messages that one dispatcher has claimed; `until`: when its lease expires, in seconds since 1970."""

    until: float
    rows: tuple[Holding, ...] = ()


class Lease(Value):
    """The leases on messages of one bucket."""

    bucket: str
    runs: Mapping[str, ClaimedRun] = {}


LEASES = KindTable[Lease]("lease", Lease, key=lambda lease: (ALL, lease.bucket), checked=False)


class Held(ReadSession):
    """Questions about current leases."""

    async def leases(self) -> dict[str, Lease]:
        """The leases by bucket, which are few, in one partition, and nearly empty while nothing is sent."""
        return {lease.bucket: lease for lease in await self.rows.under(LEASES, ALL)}

    async def held_ids(self) -> dict[str, str]:
        """The holder of each message that is in a run, by its id."""
        return {
            row.id: owner
            for lease in (await self.leases()).values()
            for owner, run in lease.runs.items()
            for row in run.rows
        }

    async def unheld(self, rows: Sequence[Owed]) -> list[Owed]:
        """The rows without a lease; if a lease of their buckets changes, this unit does not commit."""
        keys = [LEASES.at(ALL, owed.bucket) for owed in rows]
        leases = [LEASES.value(i) for i in (await self.items.get_many(keys, checked=True)).values()]
        held = {row.id for lease in leases for run in lease.runs.values() for row in run.rows}
        return [owed for owed in rows if owed.message.id not in held]
