"""Messages that people write to agents."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from engine.model.inbox_messages import InboxMessage
from engine.store.sqlite.session import Session, Statements

T = TypeVar("T")


class InboxMessages(Session):
    """The part of a unit of work for messages to agents, and the questions about them."""

    async def save_inbox_message(self, message: InboxMessage) -> None:
        values = [
            message.id,
            message.organizer,
            message.sender,
            message.at.timestamp(),
            message.auto_answered,
        ]
        await self.run(
            "INSERT INTO inbox_message(id, organizer, sender, at, auto, body) VALUES (?,?,?,?,?,?) "
            "ON CONFLICT DO UPDATE SET auto = excluded.auto, body = excluded.body",
            [*values, message.model_dump_json()],
        )

    async def inbox_message(self, message_id: str) -> InboxMessage | None:
        row = await self.one("SELECT body FROM inbox_message WHERE id = ?", [message_id])
        return InboxMessage.model_validate_json(row["body"]) if row else None

    async def inbox_counts(self, organizer: str, sender: str, since: datetime) -> tuple[int, int]:
        at = since.timestamp()
        row = await self.one(
            "SELECT (SELECT count(*) FROM inbox_message WHERE organizer = ? AND sender = ? AND at > ?) AS n, "
            "(SELECT count(*) FROM inbox_message WHERE organizer = ? AND at > ?) AS every",
            [organizer, sender, at, organizer, at],
        )
        return (row["n"], row["every"]) if row else (0, 0)

    async def auto_answered(self, organizer: str, sender: str, since: datetime) -> bool:
        sql = "SELECT 1 FROM inbox_message WHERE organizer = ? AND sender = ? AND at > ? AND auto = 1 LIMIT 1"
        return await self.one(sql, [organizer, sender, since.timestamp()]) is not None

    async def inbox_messages(
        self, organizer: str | None, limit: int, before: str | None = None
    ) -> list[InboxMessage]:
        where, values = ("", []) if organizer is None else ("AND organizer = ? ", [organizer])
        sql = f"SELECT body FROM inbox_message WHERE id < ? {where}ORDER BY id DESC LIMIT ?"
        found = await self.all(sql, [before or "~", *values, limit])
        return [InboxMessage.model_validate_json(row["body"]) for row in found]


class InboxAsked:
    """The store's questions about messages to agents."""

    if TYPE_CHECKING:

        async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def inbox_messages(
        self, organizer: str | None, limit: int, before: str | None = None
    ) -> list[InboxMessage]:
        return await self._in_loop(lambda s: InboxMessages(s).inbox_messages(organizer, limit, before))

    async def inbox_message(self, message_id: str) -> InboxMessage | None:
        return await self._in_loop(lambda s: InboxMessages(s).inbox_message(message_id))
