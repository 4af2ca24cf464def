"""What people write to agents, in memory."""

from __future__ import annotations

from datetime import datetime

from engine.model.inbox_messages import InboxMessage
from tests.support.memory.tables import Tables


class InboxUnit:
    """The messages' part of a unit of work."""

    t: Tables

    async def save_inbox_message(self, message: InboxMessage) -> None:
        self.t.put("inbox_message", message.id, message)

    async def inbox_message(self, message_id: str) -> InboxMessage | None:
        found: InboxMessage | None = self.t.get("inbox_message", message_id)
        return found

    async def inbox_counts(self, organizer: str, sender: str, since: datetime) -> tuple[int, int]:
        lately = [m for m in self._to(organizer) if m.at > since]
        return len([m for m in lately if m.sender == sender]), len(lately)

    async def auto_answered(self, organizer: str, sender: str, since: datetime) -> bool:
        return any(m.auto_answered and m.sender == sender and m.at > since for m in self._to(organizer))

    async def inbox_messages(
        self, organizer: str | None, limit: int, before: str | None = None
    ) -> list[InboxMessage]:
        found = sorted(self._to(organizer), key=lambda m: m.id, reverse=True)
        return [m for m in found if before is None or m.id < before][:limit]

    def _to(self, organizer: str | None) -> list[InboxMessage]:
        every = self.t.of("inbox_message").values()
        return [m for m in every if organizer in {None, m.organizer}]
