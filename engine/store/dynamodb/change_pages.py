"""Reading the log of changes: all shards up to their heads, merged by the time of their entries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass

from engine.model import cursors
from engine.model.changes import Change, ChangeKind
from engine.model.queries import ChangePage
from engine.refusals import Refused
from engine.store.dynamodb.changes import ENTRIES, HEADS, SHARDS, Chains, ChangeEntry
from engine.store.dynamodb.names import number
from engine.store.dynamodb.pulse import Pulse

_PAGE = 50
_LOOKED_AT = 2_000
"""The most entries that one question reads; the next one continues after them."""
_PASSED = 100
"""The number of skipped entries of others after which the cursor moves even if nothing was found."""


@dataclass
class Places:
    """How many entries of each shard were read, and how many changes of the following entry `cut`."""

    entries: list[int]
    cut: int = 0
    offset: int = 0

    @classmethod
    def of(cls, cursor: str) -> Places:
        """Parse a cursor; the number 0 alone is the beginning of the log. Raises Refused: INVALID_CURSOR."""
        try:
            found = [int(str(one)) for one in cursors.opened(cursor, *[int] * (SHARDS + 2))]
        except Refused:
            if cursors.opened(cursor, int) != [0]:
                raise cursors.forged() from None
            return cls([0] * SHARDS)
        *entries, cut, offset = found
        if min(found) < 0 or cut >= SHARDS:
            raise cursors.forged()
        return cls(entries, cut, offset)

    def cursor(self) -> str:
        """The cursor from which to continue."""
        return cursors.written(*self.entries, self.cut, self.offset)

    def left(self, entry: ChangeEntry) -> Sequence[Change]:
        """The changes of an entry that were not returned yet."""
        told = self.offset if (entry.shard, entry.place) == (self.cut, self.entries[self.cut]) else 0
        return entry.changes[told:]

    def pass_over(self, entry: ChangeEntry) -> None:
        """Mark an entry as returned completely."""
        if entry.shard == self.cut:
            self.offset = 0
        self.entries[entry.shard] = entry.place + 1

    def stop_in(self, entry: ChangeEntry, told: int) -> None:
        """Mark the first `told` changes of an entry as returned; the next page starts with the others."""
        self.cut, self.offset = entry.shard, told


class ChangeQuestions(Chains):
    """Questions about the log of changes; `pulse` says whether there are new ones."""

    pulse: Pulse

    async def revision(self) -> int:
        """A number that changes with every write; writes of other processes show after at most a second."""
        return await self.pulse.revision()

    async def announce(self) -> None:
        """Let other processes notice at once what this one has written."""
        await self.pulse.announce()

    async def answered(self, after: str | None) -> tuple[str, frozenset[str]]:
        """A cursor to the end of the log, and the events of receipts that came after the cursor `after`."""
        heads = await self.heads()
        if after is None:
            return Places(heads).cursor(), frozenset()
        found: set[str] = set()
        async for entry in self.entries_since(Places.of(after).entries, heads):
            found |= {c.event_uid for c in entry.changes if c.kind is ChangeKind.RECEIPT and c.event_uid}
        return Places(heads).cursor(), frozenset(found)

    async def changes(
        self, owner: str | None, since: str | None, limit: int, *kinds: ChangeKind
    ) -> ChangePage:
        """Up to `limit` changes after the cursor `since`, oldest first; without one the newest.

        Without a cursor it searches only the last 2,000 units of work that logged anything. Raises Refused:
        INVALID_CURSOR.
        """
        if since is None:
            return await self._newest(owner, limit, kinds)
        places, heads = Places.of(since), await self.heads()
        found: list[Change] = []
        passed, more = 0, False
        first = places.cut if places.offset else None
        async for entry in self.entries_since(places.entries, heads, first):
            left = places.left(entry)
            fits = [change for change in left if _fits(change, owner, kinds)]
            room = limit - len(found)
            if passed >= _LOOKED_AT or (fits and not room):
                more = True
                break
            found += fits[:room]
            if len(fits) > room:
                told = list(left).index(fits[room]) + len(entry.changes) - len(left)
                places.stop_in(entry, told)
                more = True
                break
            places.pass_over(entry)
            passed += 1
        moved = found or more or passed >= _PASSED
        return ChangePage(changes=tuple(found), cursor=places.cursor() if moved else since, more=more)

    async def _newest(self, owner: str | None, limit: int, kinds: Collection[ChangeKind]) -> ChangePage:
        heads = await self.heads()
        found: list[Change] = []
        seen = 0
        async for entry in self._backwards(heads):
            seen += 1
            found += [c for c in reversed(entry.changes) if _fits(c, owner, kinds)]
            if len(found) >= limit or seen >= _LOOKED_AT:
                break
        return ChangePage(changes=tuple(found[:limit][::-1]), cursor=Places(heads).cursor())

    async def heads(self) -> list[int]:
        """How many entries each shard has."""
        known = await self.rows.many(HEADS, [(shard,) for shard in range(SHARDS)])
        entries = {head.shard: head.entries for head in known}
        return [entries.get(shard, 0) for shard in range(SHARDS)]

    async def entries_since(
        self, places: Sequence[int], heads: Sequence[int], first: int | None = None
    ) -> AsyncIterator[ChangeEntry]:
        """All entries of all shards between these places, by time, keeping the order within each shard.

        `first`: the shard whose next entry comes before all others.
        """
        shards = {n: self._shard(n, places[n], heads[n]) for n in range(SHARDS) if places[n] < heads[n]}
        async for entry in _merged(shards, first=first):
            yield entry

    async def _shard(self, shard: int, place: int, end: int) -> AsyncIterator[ChangeEntry]:
        while place < end:
            after = number(place - 1) if place else ""
            found = await self.rows.under(ENTRIES, shard, after=after, limit=min(_PAGE, end - place))
            for entry in found:
                yield entry
            if not found:
                return
            place = found[-1].place + 1

    async def _backwards(self, heads: Sequence[int]) -> AsyncIterator[ChangeEntry]:
        shards = {n: self._shard_backwards(n, heads[n]) for n in range(SHARDS) if heads[n]}
        async for entry in _merged(shards, backwards=True):
            yield entry

    async def _shard_backwards(self, shard: int, end: int) -> AsyncIterator[ChangeEntry]:
        while end:
            found = await self.rows.under(ENTRIES, shard, after=number(end), limit=_PAGE, backwards=True)
            for entry in found:
                yield entry
            end = found[-1].place if found else 0


async def _merged(
    shards: Mapping[int, AsyncIterator[ChangeEntry]], *, backwards: bool = False, first: int | None = None
) -> AsyncIterator[ChangeEntry]:
    """The entries of several shards by time."""
    found = await asyncio.gather(*(anext(each, None) for each in shards.values()))
    ahead = {n: entry for n, entry in zip(shards, found, strict=True) if entry}
    while ahead:
        n = (max if backwards else min)(ahead, key=lambda one: ahead[one].turn)
        if first in ahead:
            n, first = first, None
        yield ahead[n]
        following = await anext(shards[n], None)
        if following:
            ahead[n] = following
        else:
            del ahead[n]


def _fits(change: Change, owner: str | None, kinds: Collection[ChangeKind]) -> bool:
    return owner in {None, change.organizer} and (not kinds or change.kind in kinds)
