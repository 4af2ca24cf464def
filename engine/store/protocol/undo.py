"""Changes that can be undone, and the steps of undoing them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.model.undo import Undoable
from engine.refusals import Code


class Undos(Protocol):
    """The part of a unit of work that concerns changes that can be undone."""

    async def add_undo(self, undoable: Undoable) -> None:
        """Store a change that can be undone; drop those whose time ended a day or more before."""
        ...

    async def undoable(self, undo_id: str) -> Undoable | None:
        """The change with this id that can, or could, be undone."""
        ...

    async def save_undo(self, undoable: Undoable) -> None:
        """Replace the stored change with the same id."""
        ...

    async def undos_of(self, event_uid: str, now: datetime) -> list[Undoable]:
        """The changes of an event that can still be undone, oldest first."""
        ...

    async def undos(self, organizer: str | None, now: datetime, limit: int) -> list[Undoable]:
        """The changes that can still be undone, newest first; of one organizer if given."""
        ...

    async def people_reached(self, undoable: Undoable) -> int:
        """The number of people to whom a mail of it has left, or may have."""
        ...

    async def calendars_changed(self, event_uid: str, sequence: int) -> int:
        """The number of people who were, or may have been, sent the event at this revision or a newer one."""
        ...

    async def withdraw_messages(self, undoable: Undoable, code: Code, now: datetime) -> int:
        """Withdraw the single mails of it; returns how many."""
        ...

    async def owe_again(self, event_uid: str, email: str, code: Code, withdrawn: datetime) -> int:
        """Owe again the messages withdrawn since then with this code, of one person if given; returns how many."""
        ...

    async def delay_jobs(self, event_uid: str, due: datetime) -> None:
        """Delay the jobs of an event until `due` or later."""
        ...

    async def put_off(self, event_uid: str, now: datetime, due: datetime) -> None:
        """Delay the waiting messages of an event that can be undone until `due` or later."""
        ...
