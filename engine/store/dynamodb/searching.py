"""Finds events by a file that is derived from them, and kept up by the log of what was touched.

Each process has a file of its own. It is brought up to date before it is asked: what this process kept is found at
once, what others kept within a second (`pulse.LAG_S`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from engine.model.events import Event
from engine.model.queries import EventPage, EventQuery
from engine.store.dynamodb.change_pages import ChangeQuestions
from engine.store.dynamodb.events import EVENTS, ORGANIZERS
from engine.store.dynamodb.names import number
from engine.store.dynamodb.touched import HEADS, PEOPLED, SHARDS, TOUCHED
from engine.store.protocol.search_file import SearchFile

_LOT = 200


@dataclass
class Derived:
    """The file of this process, and up to where it has what was touched."""

    file: SearchFile | None = None
    revision: int = -1
    places: Sequence[int] = ()
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def close(self) -> None:
        """Close and delete the file."""
        file, self.file = self.file, None
        if file:
            await file.close()


class SearchQuestions(ChangeQuestions):
    """Events as they are looked for."""

    derived: Derived

    async def search(self, query: EventQuery) -> EventPage:
        """A page of events that fit, in order of their start. Raises Refused: INVALID_CURSOR."""
        return await (await self.search_file()).search(query)

    async def listed(self, search_cursor: str) -> tuple[str, ...]:
        """The uids that a search listed. Raises Refused: INVALID_CURSOR."""
        return await (await self.search_file()).listed(search_cursor)

    async def names(self, organizer: str | None, phrases: Collection[str]) -> frozenset[str]:
        """Those of `phrases` that an event has; of one organizer, if given."""
        return await (await self.search_file()).names(organizer, phrases)

    async def uids(self, organizer: str | None, beginning: str, limit: int) -> list[str]:
        """Uids that begin with these characters, in order; of one organizer's events, if given."""
        return await (await self.search_file()).uids(organizer, beginning, limit)

    async def search_file(self) -> SearchFile:
        """The file, brought up to date."""
        derived = self.derived
        async with derived.turn:
            revision = await self.revision()
            if derived.file is None:
                places = await self._touched_heads()
                derived.file = await self._made()
                derived.revision, derived.places = revision, places
            elif revision != derived.revision:
                places = await self._touched_heads()
                uids = [uid async for uid in self._touched_since(derived.places, places)]
                await self._bring(derived.file, dict.fromkeys(uids))
                derived.revision, derived.places = revision, places
            return derived.file

    async def _made(self) -> SearchFile:
        """A new file with all events."""
        assert self.context.search_file is not None, "who searches opens the store with a file for it"
        file = await self.context.search_file(self.context.expand)
        try:
            async for organizer in self.rows.each_by(ORGANIZERS, "domain", ""):
                await self._fill(file, organizer.address)
        except BaseException:
            await file.close()
            raise
        return file

    async def _fill(self, file: SearchFile, organizer: str) -> None:
        peopled = {one.uid for one in await self.rows.under(PEOPLED, organizer)}
        lot: list[tuple[Event, bool]] = []
        async for event in self.rows.each_by(EVENTS, "organizer", organizer):
            lot.append((event, event.uid in peopled))
            if len(lot) == _LOT:
                await file.write(lot)
                lot = []
        if lot:
            await file.write(lot)

    async def _touched_heads(self) -> list[int]:
        known = await self.rows.many(HEADS, [(shard,) for shard in range(SHARDS)])
        entries = {head.shard: head.entries for head in known}
        return [entries.get(shard, 0) for shard in range(SHARDS)]

    async def _touched_since(self, places: Sequence[int], heads: Sequence[int]) -> AsyncIterator[str]:
        for shard in range(SHARDS):
            place = places[shard]
            while place < heads[shard]:
                after = number(place - 1) if place else ""
                left = heads[shard] - place
                found = await self.rows.under(TOUCHED, shard, after=after, limit=min(_LOT, left))
                for one in found:
                    for uid in one.events:
                        yield uid
                place = found[-1].place + 1 if found else heads[shard]

    async def _bring(self, file: SearchFile, uids: Iterable[str]) -> None:
        """Write these events as they are now."""
        uids = list(uids)
        for first in range(0, len(uids), _LOT):
            events = await self.rows.many(EVENTS, [(uid, "event") for uid in uids[first : first + _LOT]])
            people = await self.rows.many(PEOPLED, [(e.organizer, e.uid) for e in events])
            peopled = {one.uid for one in people}
            await file.write([(event, event.uid in peopled) for event in events])
