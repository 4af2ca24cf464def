"""Earlier revisions of an event, and the mails that made them."""

from __future__ import annotations

from typing import Protocol

from engine.model.events import Event


class RevisionQuestions(Protocol):
    """Revisions that were replaced. `save_event` keeps what it replaces; of each event the newest 50 stay."""

    async def replaced_revisions(self, event_uid: str) -> list[Event]:
        """The event as it was at each kept revision, the oldest first; the current one is not among them."""
        ...

    async def organizer_name(self, organizer: str) -> str:
        """The name of an organizer; empty if none is known."""
        ...

    async def mails_of_event(self, event_uid: str, limit: int) -> list[str]:
        """Ids of the mails that made or changed the event, the newest first."""
        ...
