"""What can be taken back, and the steps of taking it back."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.model.undo import Undoable
from engine.refusals import Code


class Undos(Protocol):
    """The part of a unit of work that concerns what can be taken back."""

    async def add_undo(self, undoable: Undoable) -> None:
        """Keep what can be taken back; what could be until a day before it is dropped."""
        ...

    async def undoable(self, undo_id: str) -> Undoable | None:
        """What can, or could, be taken back under this id."""
        ...

    async def save_undo(self, undoable: Undoable) -> None:
        """Replace what is kept under its id."""
        ...

    async def undos_of(self, event_uid: str, now: datetime) -> list[Undoable]:
        """What can still be taken back of an event, oldest first."""
        ...

    async def undos(self, organizer: str | None, now: datetime, limit: int) -> list[Undoable]:
        """What can still be taken back, newest first; of one organizer if given."""
        ...

    async def people_reached(self, undoable: Undoable) -> int:
        """To how many people a mail of it has left, or may have."""
        ...

    async def calendars_changed(self, event_uid: str, sequence: int) -> int:
        """How many people were sent the event at this revision or a newer one, or may have been."""
        ...

    async def withdraw_messages(self, undoable: Undoable, code: Code, now: datetime) -> int:
        """Withdraw the single mails of it; returns how many."""
        ...

    async def owe_again(self, event_uid: str, email: str, code: Code, withdrawn: datetime) -> int:
        """Owe again what was withdrawn at that very moment with this code, of one person if given; returns how many."""
        ...

    async def delay_jobs(self, event_uid: str, due: datetime) -> None:
        """Have the jobs of an event go on no earlier than `due`."""
        ...

    async def put_off(self, event_uid: str, now: datetime, due: datetime) -> None:
        """Have what waits of an event, and can be taken back, leave no earlier than `due`."""
        ...
