"""Outgoing webhooks and their postings."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import aiosqlite

from engine.model.changes import ChangeKind
from engine.model.queries import ChangePage
from engine.model.webhooks import Outgoing, Posting, PostingState, Webhook
from engine.store.sqlite import changes, rows
from engine.store.sqlite.sealing import listed, unlisted
from engine.store.sqlite.session import Session, Statements

T = TypeVar("T")

_WEBHOOK = "body, opened(sealed, id) AS secrets"
_LASTS = timedelta(days=31)
_OCCASIONS = (
    "SELECT f.uid, o.starts, o.ends FROM occasion o JOIN findable f ON f.id = o.doc "
    "WHERE f.status <> 'cancelled' AND o.owner = coalesce((SELECT id FROM search_owner WHERE address = ?1), o.owner) "
    "AND (?1 IS NULL OR EXISTS (SELECT 1 FROM search_owner WHERE address = ?1)) "
    "AND o.starts > ?2 AND o.starts <= ?3 "
)


class Webhooks(Session):
    """The part of a unit of work for webhooks."""

    async def add_webhook(self, webhook: Webhook) -> None:
        await self.run(
            "INSERT INTO webhook(id, organizer, body, sealed) VALUES (?1,?2,?3,seal(?4, ?1))",
            [webhook.id, webhook.organizer, _body(webhook), listed(webhook.secrets)],
        )

    async def save_webhook(self, webhook: Webhook) -> None:
        await self.run(
            "UPDATE webhook SET body = ?, sealed = seal(?, id) WHERE id = ?",
            [_body(webhook), listed(webhook.secrets), webhook.id],
        )

    async def drop_webhook(self, webhook_id: str) -> None:
        await self.run("DELETE FROM posting WHERE webhook_id = ?", [webhook_id])
        await self.run("DELETE FROM webhook WHERE id = ?", [webhook_id])

    async def webhook(self, webhook_id: str) -> Webhook | None:
        row = await self.one(f"SELECT {_WEBHOOK} FROM webhook WHERE id = ?", [webhook_id])
        return _webhook(row) if row else None

    async def webhooks(self, organizer: str | None) -> list[Webhook]:
        found = await self.all(
            f"SELECT {_WEBHOOK} FROM webhook WHERE organizer = coalesce(?, organizer)", [organizer]
        )
        return sorted((_webhook(row) for row in found), key=lambda w: (w.created, w.id))

    async def add_postings(self, postings: Sequence[Outgoing]) -> None:
        for one in postings:
            await self.run(
                "INSERT INTO posting(id, webhook_id, lane, state, due, created, body, payload) SELECT ?1, ?2, ?3, ?4, "
                "iif(EXISTS (SELECT 1 FROM posting WHERE webhook_id = ?2 AND lane = ?3 AND state = 'waiting'), "
                "NULL, ?5), ?5, ?6, ?7",
                [
                    one.posting.id,
                    one.posting.webhook_id,
                    one.posting.lane,
                    one.posting.state.value,
                    one.posting.created.timestamp(),
                    one.posting.model_dump_json(exclude={"due"}),
                    one.body,
                ],
            )

    async def waiting_postings(self, webhook_id: str, most: int) -> int:
        row = await self.one(
            "SELECT count(*) AS n FROM (SELECT 1 FROM posting WHERE webhook_id = ? AND state = 'waiting' LIMIT ?)",
            [webhook_id, most],
        )
        return int(row["n"]) if row else 0

    async def claim_postings(
        self, webhook_id: str, now: datetime, until: datetime, limit: int
    ) -> list[Outgoing]:
        found = await self.all(
            "SELECT body, due, payload FROM posting WHERE webhook_id = ? AND due <= ? ORDER BY due, seq LIMIT ?",
            [webhook_id, now.timestamp(), limit],
        )
        claimed = [Outgoing(posting=_posting(row), body=row["payload"]) for row in found]
        await self.many(
            "UPDATE posting SET due = ? WHERE id = ?",
            [(until.timestamp(), one.posting.id) for one in claimed],
        )
        return claimed

    async def posting(self, posting_id: str) -> Outgoing | None:
        row = await self.one("SELECT body, due, payload FROM posting WHERE id = ?", [posting_id])
        return Outgoing(posting=_posting(row), body=row["payload"]) if row else None

    async def save_posting(self, posting: Posting) -> None:
        await self.run(
            "UPDATE posting SET state = ?, due = ?, body = ? WHERE id = ?",
            [
                posting.state.value,
                posting.due.timestamp() if posting.due else None,
                posting.model_dump_json(exclude={"due"}),
                posting.id,
            ],
        )
        if posting.state is not PostingState.WAITING:
            await self._advance(posting)

    async def _advance(self, posting: Posting) -> None:
        """Make the next posting of the same lane due, unless one is already."""
        await self.run(
            "UPDATE posting SET due = created WHERE due IS NULL AND seq = (SELECT min(seq) FROM posting "
            "WHERE webhook_id = ? AND lane = ? AND state = 'waiting')",
            [posting.webhook_id, posting.lane],
        )

    async def postings(
        self, webhook_id: str, state: PostingState | None, limit: int, before: str = ""
    ) -> list[Posting]:
        found = await self.all(
            "SELECT body, due FROM posting WHERE webhook_id = ?1 AND state = coalesce(?2, state) "
            "AND (?3 = '' OR seq < (SELECT seq FROM posting WHERE id = ?3)) ORDER BY seq DESC LIMIT ?4",
            [webhook_id, state.value if state else None, before, limit],
        )
        return [_posting(row) for row in found]

    async def drop_postings(self, before: datetime, limit: int) -> int:
        return await self.run(
            "DELETE FROM posting WHERE seq IN "
            "(SELECT seq FROM posting WHERE state <> 'waiting' AND created < ? LIMIT ?)",
            [before.timestamp(), limit],
        )

    async def changes_after(
        self, owner: str | None, since: str | None, limit: int, kinds: Sequence[ChangeKind]
    ) -> ChangePage:
        return await changes.page(self, owner, since, limit, kinds)

    async def beginning(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        return await self._occasions(
            "ORDER BY o.starts LIMIT ?4", [owner, _seconds(after), _seconds(until), limit]
        )

    async def ending(
        self, owner: str | None, after: datetime, until: datetime, limit: int
    ) -> list[tuple[str, datetime, datetime]]:
        values = [owner, _seconds(after - _LASTS), _seconds(until), limit, _seconds(after)]
        return await self._occasions("AND o.ends > ?5 AND o.ends <= ?3 ORDER BY o.ends LIMIT ?4", values)

    async def _occasions(self, rest: str, values: Sequence[object]) -> list[tuple[str, datetime, datetime]]:
        found = await self.all(_OCCASIONS + rest, values)
        return [(row["uid"], rows.at(row["starts"]), rows.at(row["ends"])) for row in found]


def _body(webhook: Webhook) -> str:
    return webhook.model_dump_json(exclude={"secrets"})


def _webhook(row: aiosqlite.Row) -> Webhook:
    return Webhook.model_validate({**json.loads(row["body"]), "secrets": unlisted(row["secrets"])})


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())


def _posting(row: aiosqlite.Row) -> Posting:
    posting = Posting.model_validate_json(row["body"])
    return posting.model_copy(update={"due": rows.moment(row["due"]) if row["due"] is not None else None})


class WebhookAnswers:
    """The store's questions about webhooks, on its reading connection."""

    _reader: aiosqlite.Connection

    @abstractmethod
    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def webhook(self, webhook_id: str) -> Webhook | None:
        return await Webhooks(self._reader).webhook(webhook_id)

    async def webhooks(self, organizer: str | None) -> list[Webhook]:
        return await self._in_loop(lambda s: Webhooks(s).webhooks(organizer))

    async def posting(self, posting_id: str) -> Outgoing | None:
        return await Webhooks(self._reader).posting(posting_id)

    async def postings(
        self, webhook_id: str, state: PostingState | None, limit: int, before: str = ""
    ) -> list[Posting]:
        return await Webhooks(self._reader).postings(webhook_id, state, limit, before)
