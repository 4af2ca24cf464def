"""The log of changes: each unit of work appends an entry to one of several shards.

A shard's head counts its entries; a unit that adds one writes the next head, on the condition that no other unit did.
So the entries up to the heads are complete, none appears before a place that was read, and there is no lag.
"""

from __future__ import annotations

import random
import secrets
import time
from datetime import datetime, timedelta
from typing import Any

from engine.model.base import Value
from engine.model.changes import Change, ChangeKind
from engine.store.dynamodb.names import number
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import ReadSession
from engine.store.dynamodb.touched import Touching

SHARDS = 16
WORDS_MAX = 500
"""The most characters stored of other people's texts."""
_RANDOM_BITS = 11
_PAGE = 50
_last = 0


class ShardHead(Value):
    """How many entries a shard has."""

    shard: int
    entries: int


class ChangeEntry(Value):
    """The changes of one unit of work; `turn`: its place in time among the entries of all shards."""

    shard: int
    place: int
    turn: int
    changes: tuple[Change, ...]


# Readers of the log do not depend on its end: later entries are read the next time.
HEADS = KindTable[ShardHead]("change-head", ShardHead, key=lambda head: (head.shard,), checked=False)
ENTRIES = KindTable[ChangeEntry](
    "change", ChangeEntry, key=lambda entry: (entry.shard, number(entry.place)), checked=False
)


class LastChain(Value):
    """The newest change of an event that belongs to a chain."""

    event_uid: str
    chain: str
    at: datetime


CHAINS = KindTable[LastChain]("event", LastChain, key=lambda last: (last.event_uid, "chain"), checked=False)
_CHAIN_LASTS = timedelta(hours=1)
"""How long after a chain's last change the answer of the person who began it continues it."""


def _change_id() -> int:
    """A new id: ids increase with time, are exact as JSON numbers, and hardly ever those of another process."""
    global _last  # noqa: PLW0603 -- one order in one process
    found = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    _last = found if found > _last else _last + 1
    return _last


class Chains(ReadSession):
    """Finds the chain of triggers and answers that a change belongs to."""

    async def chain_of(self, event_uid: str, email: str, at: datetime) -> str:
        """The event's newest chain of the last hour, if a change by this person began it; else empty."""
        last = await self.rows.get(CHAINS, event_uid, "chain")
        if last is None or last.at <= at - _CHAIN_LASTS:
            return ""
        began = await self._change(int(last.chain.partition(".")[0]))
        return last.chain if began and (began.event_uid, began.email) == (event_uid, email) else ""

    async def _change(self, change_id: int) -> Change | None:
        """A change of the last hours, searched for in all shards, which only chains of triggers need."""
        for shard in range(SHARDS):
            before = ""
            while found := await self.rows.under(ENTRIES, shard, after=before, limit=_PAGE, backwards=True):
                for entry in found:
                    for change in entry.changes:
                        if change.id == change_id:
                            return change
                if found[-1].turn < change_id:
                    break
                before = number(found[-1].place)
        return None


class Noting(Chains, Touching):
    """The part of a unit of work that adds to the log."""

    chain: str = ""
    _noted: tuple[Change, ...] = ()

    def note(self, kind: ChangeKind, **values: Any) -> Change:
        """Add a change to the log when the unit commits, and return it. `values`: the fields of a Change."""
        words = str(values.pop("words", ""))[:WORDS_MAX]
        noted = Change(id=_change_id(), kind=kind, words=words, **values)
        self._noted = (*self._noted, noted)
        return noted

    async def flush(self) -> None:
        await super().flush()
        if not self._noted:
            return
        shard = random.randrange(SHARDS)  # noqa: S311 -- spreads writers
        head = await self.rows.get(HEADS, shard) or ShardHead(shard=shard, entries=0)
        await self.rows.put(HEADS, ShardHead(shard=shard, entries=head.entries + 1))
        entry = ChangeEntry(shard=shard, place=head.entries, turn=_change_id(), changes=self._noted)
        await self.rows.put(ENTRIES, entry)
        for change in self._noted:
            if change.chain and change.event_uid:
                last = LastChain(event_uid=change.event_uid, chain=change.chain, at=change.at)
                await self.rows.put(CHAINS, last)
        self._noted = ()
