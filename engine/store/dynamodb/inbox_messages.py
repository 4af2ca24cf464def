"""Messages that people write to agents."""

from __future__ import annotations

from datetime import datetime

from engine.model.inbox_messages import InboxMessage
from engine.store.dynamodb.names import LAST, joined, moment
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"
MESSAGES = KindTable[InboxMessage](
    "inbox-message",
    InboxMessage,
    key=lambda message: (message.id,),
    indexes={
        "id": lambda m: [(name, m.id) for name in (_ALL, f"to {m.organizer}")],
        "at": lambda m: [
            (name, moment(m.at)) for name in (f"to {m.organizer}", joined(m.organizer, m.sender))
        ],
    },
    checked=False,
)


class InboxMessageQuestions(ReadSession):
    """Questions about messages to agents."""

    async def inbox_message(self, message_id: str) -> InboxMessage | None:
        """The message with this id, or None."""
        return await self.rows.get(MESSAGES, message_id)

    async def inbox_messages(
        self, organizer: str | None, limit: int, before: str | None = None
    ) -> list[InboxMessage]:
        """The newest messages, newest first: of one agent, if given; `before`: with smaller ids."""
        name = _ALL if organizer is None else f"to {organizer}"
        end = before if before is not None else LAST
        return await self.rows.by(MESSAGES, "id", name, before=end, limit=limit, backwards=True)


class InboxMessages(InboxMessageQuestions, UnitSession):
    """Changes of messages to agents in a unit of work."""

    async def save_inbox_message(self, message: InboxMessage) -> None:
        """Add a message, or replace it."""
        await self.rows.put(MESSAGES, message)

    async def inbox_counts(self, organizer: str, sender: str, since: datetime) -> tuple[int, int]:
        """How many messages an agent got since then: from `sender`, and from anyone."""
        after = moment(since)
        theirs = await self.rows.count_by(MESSAGES, "at", joined(organizer, sender), after=after)
        return theirs, await self.rows.count_by(MESSAGES, "at", f"to {organizer}", after=after)

    async def auto_answered(self, organizer: str, sender: str, since: datetime) -> bool:
        """True if `sender` got an automatic answer of this agent since then."""
        found = await self.rows.by(MESSAGES, "at", joined(organizer, sender), after=moment(since))
        return any(message.auto_answered for message in found)
