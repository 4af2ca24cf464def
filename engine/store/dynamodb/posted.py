"""Requests as posted at hooks: the bytes that their proofs cover."""

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
"""The most requests that one unit of work deletes, with their entries."""


class KeptRequest(Value):
    """A stored request: its body is in base64, since it may be any bytes."""

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
        """The request as received."""
        posted = self.head.model_copy(update={"body": base64.b64decode(self.body)})
        return PostedRequest(id=self.id, trigger_id=self.trigger_id, received=self.received, posted=posted)


class Size(Value):
    """The size of a request, for the total of all."""

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
    """Questions about requests."""

    async def next_undivided(self, trigger_id: str | None = None) -> PostedRequest | None:
        """The request that has waited longest to be divided, of this trigger or of all."""
        found = await self.rows.first_by(REQUESTS, "undivided", _ALL if trigger_id is None else trigger_id)
        return found.request if found else None

    async def posted_by_id(self, posted_id: str) -> PostedRequest | None:
        """The request with this id; None once it is forgotten."""
        found = await self.rows.maybe(REQUESTS, posted_id)
        return found.request if found else None


class PostedRequests(PostedQuestions, UnitSession):
    """Changes of requests in a unit of work."""

    async def add_posted(self, trigger_id: str, posted: Posted, received: datetime, *, divided: bool) -> str:
        """Store a request and return its id; empty if an equal one waits to be divided. `divided`: nothing waits."""
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
        """Mark a request as divided, since its deliveries exist."""
        kept = await self.rows.get(REQUESTS, posted_id)
        if kept:
            await self.rows.put(REQUESTS, kept.model_copy(update={"divided": True}))
            size = Size(id=kept.id, received=kept.received, size=kept.size, divided=True)
            await self.rows.put(SIZES, size)

    async def drop_posted(self, posted_id: str) -> None:
        """Drop a request; its deliveries stay."""
        await drop_posted(self.rows, posted_id)

    async def drop_old_posted(self, before: datetime, bytes_max: int, limit: int) -> int:
        """Delete divided requests from before a moment, and the oldest beyond `bytes_max`; return how many."""
        most = min(limit, _DROPPED_AT_ONCE)
        chosen = await self._older(before, most) or await self._beyond(bytes_max, most)
        dropped = 0
        for posted_id in chosen:
            if not self.items.room:
                break
            await self.drop_posted(posted_id)
            dropped += 1
        return dropped

    async def _older(self, before: datetime, most: int) -> list[str]:
        """The oldest divided requests from before a moment; newer ones are not read."""
        found: list[str] = []
        async for size in self.rows.each_under(SIZES, _ALL):
            if size.received >= before or len(found) == most:
                break
            found += [size.id] if size.divided else []
        return found

    async def _beyond(self, bytes_max: int, most: int) -> list[str]:
        """The oldest divided requests beyond this many bytes, for which the sizes of all are read."""
        newer, old = 0, list[str]()
        for size in reversed(await self.rows.under(SIZES, _ALL)):
            newer += size.size
            if size.divided and newer > bytes_max:
                old.append(size.id)
        return old[::-1][:most]
