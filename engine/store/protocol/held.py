"""Actions that wait for approval, and organizers whose changes wait."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.model.held import HeldAction, OrganizerApproval


class HeldActions(Protocol):
    """The part of a unit of work that concerns held actions. They lie beside the mails that wait for a confirmation."""

    async def add_held(self, held: HeldAction) -> None:
        """Add an action that waits."""
        ...

    async def held_action(self, held_id: str) -> HeldAction | None:
        """The held action with this id, or None."""
        ...

    async def held_by_code(self, code: str) -> HeldAction | None:
        """The held action whose link has this code, or None."""
        ...

    async def save_held(self, held: HeldAction) -> None:
        """Replace a held action."""
        ...

    async def waiting_for(self, event_uid: str, limit: int) -> list[HeldAction]:
        """Actions about an event that no one has decided, oldest first; those that have expired among them."""
        ...

    async def expired_held(self, now: datetime, limit: int) -> list[HeldAction]:
        """Actions that nobody decided in time and that were not closed yet, oldest first."""
        ...

    async def organizer_approval(self, organizer: str) -> OrganizerApproval | None:
        """Who approves this organizer's changes by mail; None if they need no approval."""
        ...

    async def set_organizer_approval(self, organizer: str, approval: OrganizerApproval | None) -> None:
        """Set or clear the approver of a known organizer's changes."""
        ...

    async def decides(self, address: str) -> bool:
        """True if something waits that this address was asked about."""
        ...

    async def mailed_domain(self, organizer: str, domain: str, before: datetime) -> bool:
        """True if the organizer invited anyone of this domain before that moment."""
        ...

    async def organizer_name(self, organizer: str) -> str:
        """The name of an organizer; empty if none is known."""
        ...


class HeldQuestions(Protocol):
    """What callers ask about held actions."""

    async def held_action(self, held_id: str) -> HeldAction | None:
        """The held action with this id, or None."""
        ...

    async def held_by_code(self, code: str) -> HeldAction | None:
        """The held action whose link has this code, or None."""
        ...

    async def held_actions(
        self,
        organizer: str | None,
        *,
        waiting: bool,
        limit: int,
        before: tuple[float, str] | None = None,
        asked: str | None = None,
    ) -> list[HeldAction]:
        """Held actions, newest first, of one organizer if given; `waiting`: only those that no one has decided.

        `asked`: only those about which this address was asked.
        `before`: only those older than the one with this moment of creation and id.
        """
        ...
