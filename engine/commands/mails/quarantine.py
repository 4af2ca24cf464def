"""What the operator decides of mails that were set aside; the mail itself is moved by the inbox."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from engine.commands.answers import confirmations
from engine.commands.base import Command, Done, Work
from engine.commands.mails import first_proof
from engine.commands.operators.operators import may_administer
from engine.model.confirmations import Confirmation
from engine.model.counters import Intake
from engine.refusals import Code, Refused


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
            # The mail is on its way out of where it waited.
            await work.unit.forget_mails([self.mail])
            await self.decided(work, await confirmations.settled(work, self.mail))
        return Done()

    async def decided(self, work: Work, waited: Sequence[Confirmation]) -> None:
        """What follows from the decision besides; `waited`: whose word the mail has waited for."""

    def subject(self) -> str:
        return self.mail


class ReleaseMail(_Decision):
    """Release a waiting mail, and treat it as its sender's own."""

    action = "released"

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: NOT_ALLOWED."""
        if work.actor.kind == "agent":
            # Else a key with `admin` would have whoever writes to the server speak for any organizer.
            raise Refused(Code.NOT_ALLOWED, "Only a person, not a key, can vouch for the sender of a mail.")
        return await super().carry_out(work)

    async def decided(self, work: Work, waited: Sequence[Confirmation]) -> None:
        """Note that what proves its sender is known."""
        await first_proof.released(work, waited)


class DropMail(_Decision):
    """Discard a waiting mail."""

    action = "dropped"
