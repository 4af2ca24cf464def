"""What the operator decides of mails that were set aside; the mail itself is moved by the inbox."""

from __future__ import annotations

from typing import ClassVar

from engine.commands.base import Command, Done, Work
from engine.commands.operators import may_administer
from engine.store.protocol import Intake


class _Decision(Command[Done]):
    """A decision on one waiting mail, noted as what became of it; harmless to repeat."""

    mail: str
    action: ClassVar[str]

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: NOT_ALLOWED."""
        may_administer(work.actor)
        note = Intake(id=f"{self.mail}:operator:{self.action}", at=work.now, mailbox="", action=self.action)
        if await work.unit.taken_in(note.id) is None:
            await work.unit.take_in(note)
        return Done()

    def subject(self) -> str:
        return self.mail


class ReleaseMail(_Decision):
    """Let a waiting mail through."""

    action = "released"


class DropMail(_Decision):
    """Put a waiting mail away."""

    action = "dropped"
