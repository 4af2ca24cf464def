"""Requests as they were posted at hooks."""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

import aiosqlite

from engine.model.triggers import Posted, PostedRequest
from engine.store.sqlite import rows
from engine.store.sqlite.session import IN_LIST, Session, Statements, as_numbers

T = TypeVar("T")

_ALL = "p.id, p.trigger_id, p.received, p.head, p.body, p.bytes"


class PostedRequests(Session):
    """The part of a unit of work for requests as they were posted."""

    async def add_posted(self, trigger_id: str, posted: Posted, received: datetime, *, divided: bool) -> str:
        head = posted.model_dump_json(exclude={"body"})
        digest = hashlib.sha256(b"%s\0%s" % (head.encode(), posted.body)).hexdigest()
        text = _text(posted.body)
        row = await self.one(
            "INSERT INTO posted(trigger_id, received, divided, digest, size, head, body, bytes) "
            "VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO NOTHING RETURNING id",
            [
                trigger_id,
                received.timestamp(),
                int(divided),
                digest,
                len(posted.body),
                head,
                text,
                posted.body if text is None else None,
            ],
        )
        self.writes += 1
        return str(row["id"]) if row else ""

    async def undivided(self, trigger_id: str, most: int) -> int:
        row = await self.one(
            "SELECT count(*) AS n FROM (SELECT 1 FROM posted WHERE trigger_id = ? AND divided = 0 LIMIT ?)",
            [trigger_id, most],
        )
        return int(row["n"]) if row else 0

    async def divide(self, posted_id: str) -> None:
        await self.run("UPDATE posted SET divided = 1 WHERE id = ?", [int(posted_id)])

    async def drop_posted(self, posted_id: str) -> None:
        await self._drop([int(posted_id)])

    async def drop_old_posted(self, before: datetime, bytes_max: int, limit: int) -> int:
        found = await self.all(
            "SELECT id FROM (SELECT id, received, divided, sum(size) OVER (ORDER BY id DESC) AS newer FROM posted) "
            "WHERE divided = 1 AND (received < ? OR newer > ?) ORDER BY id LIMIT ?",
            [before.timestamp(), bytes_max, limit],
        )
        return await self._drop([int(row["id"]) for row in found])

    async def _drop(self, ids: list[int]) -> int:
        await self.run(f"UPDATE delivery SET posted = NULL WHERE posted {IN_LIST}", [as_numbers(ids)])
        return await self.run(f"DELETE FROM posted WHERE id {IN_LIST}", [as_numbers(ids)])

    async def next_undivided(self, trigger_id: str | None = None) -> PostedRequest | None:
        one, values = ("AND trigger_id = ?", [trigger_id]) if trigger_id is not None else ("", [])
        row = await self.one(
            f"SELECT {_ALL} FROM posted p WHERE divided = 0 {one} ORDER BY id LIMIT 1", values
        )
        return _request(row) if row else None

    async def posted_of(self, delivery_id: str) -> PostedRequest | None:
        row = await self.one(
            f"SELECT {_ALL} FROM delivery d JOIN posted p ON p.id = d.posted WHERE d.id = ?", [delivery_id]
        )
        return _request(row) if row else None


def _text(body: bytes) -> str | None:
    """The bytes as text if they are text, which is searched when a person is forgotten; else None."""
    try:
        return None if b"\0" in body else body.decode()
    except UnicodeDecodeError:
        return None


def _request(row: Any) -> PostedRequest:
    body = row["body"].encode() if row["bytes"] is None else bytes(row["bytes"])
    return PostedRequest(
        id=str(row["id"]),
        trigger_id=row["trigger_id"],
        received=rows.at(row["received"]),
        posted=Posted.model_validate({**json.loads(row["head"]), "body": body}),
    )


class PostedAnswers:
    """The store's questions about requests as they were posted, on its reading connection."""

    _reader: aiosqlite.Connection

    @abstractmethod
    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def next_undivided(self, trigger_id: str | None = None) -> PostedRequest | None:
        return await self._in_loop(lambda s: PostedRequests(s).next_undivided(trigger_id))

    async def posted_of(self, delivery_id: str) -> PostedRequest | None:
        return await PostedRequests(self._reader).posted_of(delivery_id)
