"""The organizer's switch: whether changes from their calendar client need approval."""

from __future__ import annotations

from pydantic import Field

from engine.commands import text
from engine.commands.agents.readable import read_by_a_key
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.model.held import OrganizerApproval
from engine.refusals import Code, Refused


class ApprovalSet(Done):
    """Whether an organizer's changes wait; `approver` is empty if the organizer decides."""

    address: str
    on: bool
    approver: str = ""


class SetOrganizerApproval(Command[ApprovalSet]):
    """Turn approval of updates and cancellations from an organizer's calendar client on or off."""

    address: str
    on: bool
    approver: str = Field("", description="who decides; empty: the organizer")

    async def carry_out(self, work: Work) -> ApprovalSet:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, INVALID_ARGUMENT."""
        may_administer(work.actor)
        address = text.address(self.address)
        approver = text.address(self.approver) if self.approver else ""
        if approver and not self.on:
            raise Refused(Code.INVALID_ARGUMENT, "An approver needs approval to be on.", "Leave it out.")
        if approver:
            await refuse_unfit(work, approver)
        await work.unit.ensure_organizer(address, "", work.now)
        approval = OrganizerApproval(approver="" if approver == address else approver) if self.on else None
        await work.unit.set_organizer_approval(address, approval)
        return ApprovalSet(address=address, on=self.on, approver=approval.approver if approval else "")


async def refuse_unfit(work: Work, approver: str) -> None:
    """Refuse an approver's address that only a program, or this server itself, reads."""
    if work.settings.is_own_mailbox(approver):
        raise Refused(Code.INVALID_ADDRESS, "That is a mailbox of this server.", "Name a person's address.")
    if await read_by_a_key(work, approver):
        raise Refused(
            Code.NOT_ALLOWED,
            "A key acts for that address, so it can read the mail that asks for approval.",
            "Name an address that no key acts for.",
        )
