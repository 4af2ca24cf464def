"""Mails to the mailbox simulator of Amazon SES, which bounce or are complained about: what comes of it is seen here."""

from __future__ import annotations

from typing import ClassVar

from engine.commands import notices
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.model.messages import Notice
from engine.model.suppressions import SuppressionCause

SIMULATED = {
    "bounce@simulator.amazonses.com": SuppressionCause.BOUNCED,
    "complaint@simulator.amazonses.com": SuppressionCause.COMPLAINED,
}
"""Addresses that cost no reputation, and what SES reports of a mail to each."""


class MailSimulator(Command[Done]):
    """Owe each of the simulator's addresses one mail; what an earlier mail left of them is dropped."""

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: NOT_ALLOWED."""
        may_administer(work.actor)
        await _forget(work)
        notice = Notice(subject="Verification", text="Nobody reads this.\n")
        sender = work.settings.mailbox("notification")
        owed = [notices.message(work, to, sender, notice, None) for to in SIMULATED]
        await work.unit.add_messages(owed, priority=0)
        return Done()


class ForgetSimulator(Command[Done]):
    """Take the simulator's addresses off the do-not-mail list, so that the next verification can mail them."""

    in_record: ClassVar[bool] = False

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: NOT_ALLOWED."""
        may_administer(work.actor)
        await _forget(work)
        return Done()


async def _forget(work: Work) -> None:
    for address in SIMULATED:
        await work.unit.drop_suppression(address, "")
