"""The log of what happened: each unit of work adds to one of several shards, at its end, one behind the other.

A shard's head says how many entries it has; a unit that adds one writes the next head, under the condition that nobody
else did. So what is read up to the heads is whole, nothing appears behind a place that was told, and there is no lag.
"""

from __future__ import annotations

import random
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
"""Characters that are kept of what others said."""
_RANDOM_BITS = 11
_PAGE = 50
_last = 0


class ShardHead(Value):
    """How many entries a shard has."""

    shard: int
    entries: int


class ChangeEntry(Value):
    """What one unit of work noted; `turn`: its place in time among the entries of all shards."""

    shard: int
    place: int
    turn: int
    changes: tuple[Change, ...]


# Whoever reads the log does not depend on its end: what comes later is read the next time.
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
"""How long after an effect of a trigger an answer may belong to its chain."""


def _change_id() -> int:
    """Ids grow with time, and stay within what JSON numbers hold exactly."""
    global _last  # noqa: PLW0603 -- one order in one process
    found = time.time_ns() // 1_000_000 << _RANDOM_BITS
    _last = found if found > _last else _last + 1
    return _last


class Chains(ReadSession):
    """Which chain of triggers and answers something belongs to."""

    async def chain_of(self, event_uid: str, email: str, at: datetime) -> str:
        """The chain that this person's answer goes on with: one that an answer of theirs began a short while ago."""
        last = await self.rows.get(CHAINS, event_uid, "chain")
        if last is None or last.at <= at - _CHAIN_LASTS:
            return ""
        began = await self._change(int(last.chain.partition(".")[0]))
        return last.chain if began and (began.event_uid, began.email) == (event_uid, email) else ""

    async def _change(self, change_id: int) -> Change | None:
        """A change of the last hours; it is looked for in all shards, which only chains of triggers cost."""
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
        """Add to the log, when the unit is kept; what was added. `values`: those of a Change."""
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
