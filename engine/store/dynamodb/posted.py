"""Requests as they were posted at hooks: the bytes that their proof is of."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import datetime

from engine.model.base import Value
from engine.model.triggers import Posted, PostedRequest
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.rows import Entry, KindTable, Rows
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"
_DROPPED_AT_ONCE = 20
"""Requests that one unit of work drops, with their entries."""
_ITEMS_MOST = 75
"""Items of a unit of work up to which it drops one more request; a long body lies in several."""


class KeptRequest(Value):
    """A request as it is kept: its body in base64, since it may be any bytes."""

    id: str
    trigger_id: str
    received: datetime
    divided: bool
    digest: str
    size: int
    head: Posted
    body: str

    @property
    def request(self) -> PostedRequest:
        """The request as it came."""
        posted = self.head.model_copy(update={"body": base64.b64decode(self.body)})
        return PostedRequest(id=self.id, trigger_id=self.trigger_id, received=self.received, posted=posted)


class Size(Value):
    """What is to be known of a request for the room that all take."""

    id: str
    received: datetime
    size: int
    divided: bool


def _waits(kept: KeptRequest) -> Iterable[Entry]:
    if not kept.divided:
        yield kept.trigger_id, kept.id
        yield _ALL, kept.id
        yield f"{kept.trigger_id} {kept.digest}", kept.id


REQUESTS = KindTable[KeptRequest](
    "posted", KeptRequest, key=lambda kept: (kept.id,), indexes={"undivided": _waits}
)
SIZES = KindTable[Size]("posted-size", Size, key=lambda size: (_ALL, size.id), checked=False)


async def drop_posted(rows: Rows, posted_id: str) -> None:
    """Drop a request; its deliveries stay."""
    await rows.drop(REQUESTS, posted_id)
    await rows.drop(SIZES, _ALL, posted_id)


class PostedQuestions(ReadSession):
    """Requests as they are read."""

    async def next_undivided(self) -> PostedRequest | None:
        """The request that has waited longest to be divided."""
        found = await self.rows.first_by(REQUESTS, "undivided", _ALL)
        return found.request if found else None

    async def posted_by_id(self, posted_id: str) -> PostedRequest | None:
        """The request with this id; None once it is forgotten."""
        found = await self.rows.maybe(REQUESTS, posted_id)
        return found.request if found else None


class PostedRequests(PostedQuestions, UnitSession):
    """Requests as a unit of work keeps and drops them."""

    async def add_posted(self, trigger_id: str, posted: Posted, received: datetime, *, divided: bool) -> str:
        """Keep a request; its id, or nothing if the very same waits to be divided. `divided`: nothing waits."""
        head = posted.model_copy(update={"body": b""})
        digest = hashlib.sha256(b"%s\0%s" % (head.model_dump_json().encode(), posted.body)).hexdigest()
        same = await self.rows.first_by(REQUESTS, "undivided", f"{trigger_id} {digest}")
        if same and not divided:
            return ""
        size, posted_id = len(posted.body), new_id()
        kept = KeptRequest(
            id=posted_id,
            trigger_id=trigger_id,
            received=received,
            divided=divided,
            digest=digest,
            size=size,
            head=head,
            body=base64.b64encode(posted.body).decode(),
        )
        await self.rows.put(REQUESTS, kept)
        await self.rows.put(SIZES, Size(id=posted_id, received=received, size=size, divided=divided))
        return posted_id

    async def undivided(self, trigger_id: str, most: int) -> int:
        """How many requests of a trigger wait to be divided into deliveries, counted up to `most`."""
        return len(await self.items.query(REQUESTS.listing("undivided", trigger_id), limit=most))

    async def divide(self, posted_id: str) -> None:
        """A request no longer waits; its deliveries are there."""
        kept = await self.rows.get(REQUESTS, posted_id)
        if kept:
            await self.rows.put(REQUESTS, kept.model_copy(update={"divided": True}))
            size = Size(id=kept.id, received=kept.received, size=kept.size, divided=True)
            await self.rows.put(SIZES, size)

    async def drop_posted(self, posted_id: str) -> None:
        """Drop a request; its deliveries stay."""
        await drop_posted(self.rows, posted_id)

    async def drop_old_posted(self, before: datetime, bytes_max: int, limit: int) -> int:
        """Drop divided requests that came before a moment, and the oldest of those beyond `bytes_max`. How many."""
        most = min(limit, _DROPPED_AT_ONCE)
        chosen = await self._older(before, most) or await self._beyond(bytes_max, most)
        dropped = 0
        for posted_id in chosen:
            if self.items.actions > _ITEMS_MOST:
                break
            await self.drop_posted(posted_id)
            dropped += 1
        return dropped

    async def _older(self, before: datetime, most: int) -> list[str]:
        """The oldest divided requests that came before a moment: no newer ones are read."""
        found: list[str] = []
        async for size in self.rows.each_under(SIZES, _ALL):
            if size.received >= before or len(found) == most:
                break
            found += [size.id] if size.divided else []
        return found

    async def _beyond(self, bytes_max: int, most: int) -> list[str]:
        """The oldest divided requests of those beyond so many bytes: the sizes of all are read."""
        newer, old = 0, list[str]()
        for size in reversed(await self.rows.under(SIZES, _ALL)):
            newer += size.size
            if size.divided and newer > bytes_max:
                old.append(size.id)
        return old[::-1][:most]
