"""Messages to agents."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.model.inbox_messages import InboxMessage


class InboxMessages(Protocol):
    """The part of a unit of work that concerns what people write to agents."""

    async def save_inbox_message(self, message: InboxMessage) -> None:
        """Add a message, or replace it."""
        ...

    async def inbox_message(self, message_id: str) -> InboxMessage | None:
        """The message with this id, or None."""
        ...

    async def inbox_counts(self, organizer: str, sender: str, since: datetime) -> tuple[int, int]:
        """How many messages an agent got since then: from `sender`, and from anyone."""
        ...

    async def auto_answered(self, organizer: str, sender: str, since: datetime) -> bool:
        """True if `sender` had an automatic answer of this agent since then."""
        ...


class InboxQuestions(Protocol):
    """What agents ask of their messages."""

    async def inbox_messages(
        self, organizer: str | None, limit: int, before: str | None = None
    ) -> list[InboxMessage]:
        """The newest messages, newest first: of one agent, if given; `before`: with smaller ids."""
        ...

    async def inbox_message(self, message_id: str) -> InboxMessage | None:
        """The message with this id, or None."""
        ...
