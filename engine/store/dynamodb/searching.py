"""Finds events with a search file that is derived from them and updated from the log of touched events.

Each process has its own file, updated before each query: this process's writes are found at once, those of others
within a second (`pulse.LAG_S`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from dataclasses import dataclass, field

from engine.model.events import Event
from engine.model.queries import EventPage, EventQuery
from engine.store.dynamodb.change_pages import ChangeQuestions
from engine.store.dynamodb.events import EVENTS, ORGANIZERS
from engine.store.dynamodb.names import number
from engine.store.dynamodb.snapshots import IMAGE_MAX, SNAPSHOTS, SearchSnapshot, fits
from engine.store.dynamodb.touched import HEADS, PEOPLED, SHARDS, TOUCHED
from engine.store.protocol import Conflict
from engine.store.protocol.search_file import SearchFile

_LOT = 200
_GROWN = 500
"""The number of new log entries after which another image is saved."""
_SAVED_EVERY_S = 600.0


class _Gap(Exception):  # noqa: N818 -- it is what was found, not a fault
    """Entries of the log that are needed no longer exist."""


@dataclass
class Derived:
    """The file of this process, and how far it includes the log."""

    file: SearchFile | None = None
    revision: int = -1
    places: Sequence[int] = ()
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    saved: int | None = None
    """How many log entries the newest image includes, as far as this process knows; None: unknown."""
    save_after: float = 0.0
    saving: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Close and delete the file."""
        if self.saving:
            await asyncio.gather(self.saving, return_exceptions=True)
        file, self.file = self.file, None
        if file:
            await file.close()


class SearchQuestions(ChangeQuestions):
    """Questions that search for events."""

    derived: Derived

    async def search(self, query: EventQuery) -> EventPage:
        """A page of matching events, in order of their start. Raises Refused: INVALID_CURSOR."""
        return await (await self.search_file()).search(query)

    async def listed(self, search_cursor: str) -> tuple[str, ...]:
        """The uids on the page of a search. Raises Refused: INVALID_CURSOR."""
        return await (await self.search_file()).listed(search_cursor)

    async def names(self, organizer: str | None, phrases: Collection[str]) -> frozenset[str]:
        """Those of `phrases` that occur in an event; of one organizer, if given."""
        return await (await self.search_file()).names(organizer, phrases)

    async def uids(self, organizer: str | None, beginning: str, limit: int) -> list[str]:
        """Uids that start with these characters, in order; of one organizer's events, if given."""
        return await (await self.search_file()).uids(organizer, beginning, limit)

    async def search_file(self) -> SearchFile:
        """The file, brought up to date."""
        derived = self.derived
        async with derived.turn:
            revision = await self.revision()
            if derived.file is None or revision != derived.revision:
                heads = await self._touched_heads()
                if derived.file is None:
                    await self._load(heads)
                try:
                    derived.file = await self._brought(derived.file, heads)
                except _Gap:
                    await self._drop_file()
                    derived.file = await self._made()
                derived.revision, derived.places = revision, heads
                self._save_soon(sum(heads))
            return derived.file

    async def _brought(self, file: SearchFile | None, heads: Sequence[int]) -> SearchFile:
        """The file updated from the log up to the heads; a new one if there is none. Raises _Gap."""
        if file is None:
            return await self._made()
        uids = [uid async for uid in self._touched_since(self.derived.places, heads)]
        await self._bring(file, dict.fromkeys(uids))
        return file

    async def _drop_file(self) -> None:
        file, self.derived.file = self.derived.file, None
        if file:
            await file.close()

    # images

    async def _load(self, heads: Sequence[int]) -> None:
        """Start with the newest image, if there is a suitable one."""
        images, derived = self.context.images, self.derived
        assert self.context.search_file is not None, "who searches opens the store with a file for it"
        if images is None:
            return
        known = await self.rows.get(SNAPSHOTS, "all")
        if known is None:
            return
        empty = await self.context.search_file(self.context.expand)
        form = empty.form
        await empty.close()
        image = await images.read(known.digest) if fits(known, form, heads) else None
        if image:
            derived.file = await self.context.search_file(self.context.expand, image)
            derived.places, derived.saved = known.places, sum(known.places)

    def _save_soon(self, entries: int) -> None:
        """Save an image in the background if much has changed since the last one."""
        derived, now = self.derived, asyncio.get_running_loop().time()
        grown = entries if derived.saved is None else entries - derived.saved
        due = grown >= (_GROWN if derived.saved is not None else 1) and now >= derived.save_after
        if self.context.images and due and (derived.saving is None or derived.saving.done()):
            derived.save_after = now + _SAVED_EVERY_S
            derived.saving = asyncio.create_task(self._save())

    async def _save(self) -> None:
        images, derived = self.context.images, self.derived
        async with derived.turn:
            file, places = derived.file, tuple(derived.places)
            image = await file.image(IMAGE_MAX) if file else None
        if images is None or file is None or not image:
            return
        before = await self.rows.get(SNAPSHOTS, "all")
        digest = await images.write(image)
        if digest is None or (before and before.digest == digest):
            return
        kept = SearchSnapshot(digest=digest, form=file.form, places=places, made=time.time())
        if await self._name(kept, before):
            derived.saved = sum(places)
            if before:
                await images.drop(before.digest)
        else:
            await images.drop(digest)

    async def _name(self, kept: SearchSnapshot, before: SearchSnapshot | None) -> bool:
        """Name the image in the table, unless another process has named one since `before`."""
        rows = self.rows
        now = await rows.get(SNAPSHOTS, "all")
        if (now.digest if now else "") != (before.digest if before else ""):
            return False
        await rows.put(SNAPSHOTS, kept)
        try:
            await rows.items.commit()
        except Conflict:
            return False
        return True

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
                if not found or found[0].place != place:
                    raise _Gap
                for one in found:
                    for uid in one.events:
                        yield uid
                place = found[-1].place + 1

    async def _bring(self, file: SearchFile, uids: Iterable[str]) -> None:
        """Index the current state of these events."""
        uids = list(uids)
        for first in range(0, len(uids), _LOT):
            events = await self.rows.many(EVENTS, [(uid, "event") for uid in uids[first : first + _LOT]])
            people = await self.rows.many(PEOPLED, [(e.organizer, e.uid) for e in events])
            peopled = {one.uid for one in people}
            await file.write([(event, event.uid in peopled) for event in events])
