"""The log of events to index again, separate so that the search reads nothing else.

Like the log of changes it is in shards, each with a head, so that the entries up to the heads are complete.
"""

from __future__ import annotations

import random

from engine.model.base import Value
from engine.store.dynamodb.names import number
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import UnitSession

SHARDS = 8


class TouchedHead(Value):
    """How many entries a shard has."""

    shard: int
    entries: int


class Touched(Value):
    """The events that one unit of work touched."""

    shard: int
    place: int
    events: tuple[str, ...]


class Peopled(Value):
    """An event with attendees."""

    organizer: str
    uid: str


HEADS = KindTable[TouchedHead]("touched-head", TouchedHead, key=lambda head: (head.shard,))
TOUCHED = KindTable[Touched](
    "touched", Touched, key=lambda one: (one.shard, number(one.place)), checked=False
)
PEOPLED = KindTable[Peopled]("peopled", Peopled, key=lambda one: (one.organizer, one.uid), checked=False)


class Touching(UnitSession):
    """The part of a unit of work that logs which events to index again."""

    _touched: tuple[str, ...] = ()

    def touch(self, event_uid: str) -> None:
        """Have an event indexed again once the unit commits."""
        self._touched = (*self._touched, event_uid)

    async def say_peopled(self, organizer: str, event_uid: str) -> None:
        """Record that an event has attendees, perhaps for the first time."""
        if await self.rows.add(PEOPLED, Peopled(organizer=organizer, uid=event_uid)):
            self.touch(event_uid)

    async def say_empty(self, organizer: str, event_uid: str) -> None:
        """Record that the last attendee of an event was withdrawn."""
        await self.rows.drop(PEOPLED, organizer, event_uid)
        self.touch(event_uid)

    async def flush(self) -> None:
        await super().flush()
        if not self._touched:
            return
        shard = random.randrange(SHARDS)  # noqa: S311 -- spreads writers
        head = await self.rows.get(HEADS, shard) or TouchedHead(shard=shard, entries=0)
        events = tuple(dict.fromkeys(self._touched))
        await self.rows.put(HEADS, TouchedHead(shard=shard, entries=head.entries + 1))
        await self.rows.put(TOUCHED, Touched(shard=shard, place=head.entries, events=events))
        self._touched = ()
