"""Forget a person: what belongs to the decision, and the steps in which the store carries it out."""

from __future__ import annotations

from typing import ClassVar

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.commands.notifying import Progress
from engine.commands.operators.operators import may_administer
from engine.model.forgetting import Trace, alias
from engine.refusals import Code, Refused


class Forgetting(Done):
    """A person who is being forgotten: their address, and the one that takes its place."""

    address: str
    alias: str


class ForgetPerson(Command[Forgetting]):
    """Begin to forget a person; their do-not-mail entries stay as a keyed hash."""

    address: str

    async def carry_out(self, work: Work) -> Forgetting:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, INVALID_ARGUMENT, BUSY."""
        may_administer(work.actor)
        address = text.address(self.address)
        if await work.unit.organizes_events(address) or address == work.settings.local_organizer:
            raise Refused(
                Code.INVALID_ARGUMENT,
                "This address has events or keys of its own: it is an organizer's or an agent's.",
                "Only people who were invited or who wrote can be forgotten.",
            )
        found = await work.unit.begin_forgetting(address, alias(work.randomness.word(20)), work.now)
        if found is None:
            raise Refused(
                Code.BUSY,
                "A mail to this person, or about them, is being sent right now.",
                "Try again in a minute.",
            )
        return Forgetting(address=address, alias=found)

    def committed(self) -> bytes:
        """Nothing: a commitment could be tested, and it is the address that goes."""
        return b""


class WithdrawForgotten(Command[Progress]):
    """Withdraw what a person who is being forgotten is owed; the engine's own, in chunks."""

    in_record: ClassVar[bool] = False
    address: str

    async def carry_out(self, work: Work) -> Progress:
        """`worked` while there may be more."""
        return Progress(worked=await work.unit.withdraw_forgotten(self.address, work.now) > 0)


class RowsForgotten(Done):
    """The number of rows from which the person was removed."""

    rows: int


class ForgetRows(Command[RowsForgotten]):
    """Remove the person from the first of some rows; the engine's own, in chunks."""

    in_record: ClassVar[bool] = False
    address: str
    alias: str
    traces: tuple[Trace, ...]
    ends: bool = False

    async def carry_out(self, work: Work) -> RowsForgotten:
        """Refuses nothing."""
        rows = await work.unit.forget_rows(self.address, self.alias, self.traces, work.now)
        if self.ends:
            await work.unit.end_forgetting(self.address)
        return RowsForgotten(rows=rows)
