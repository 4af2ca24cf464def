"""Note what became of a mail, and answer whoever sent it, in the transaction of the change it made."""

from __future__ import annotations

from typing import ClassVar

from engine.commands import notifying
from engine.commands.base import Command, Done, Work
from engine.model.counters import Intake
from engine.model.messages import Notice


class NoticeToSender(Done):
    """A notice that is owed to the sender of a mail."""

    to: str
    notice: Notice


class NoChange(Command[Done]):
    """Change nothing: for a mail that is only noted, and perhaps answered."""

    free: ClassVar[bool] = True

    in_record: ClassVar[bool] = False

    async def carry_out(self, work: Work) -> Done:
        """Nothing is done; refuses nothing."""
        return Done()


async def note(work: Work, intake: Intake, reply: NoticeToSender | None) -> None:
    """Note the mail as taken in, once, and owe the reply. Raises AlreadyTakenIn."""
    await work.unit.take_in(intake)
    if reply:
        uid = intake.uid if intake.uid and await work.unit.event(intake.uid) else None
        await notifying.notify(work, reply.to, reply.notice, uid)
