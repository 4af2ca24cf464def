"""Send or drop the changes and cancellations that wait because their key ended or was narrowed."""

from __future__ import annotations

from engine.commands import bulk_changes
from engine.commands.agents.keys import stored_key
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.model.bulk_changes import BulkAction, BulkChange
from engine.model.keys import Key
from engine.refusals import Code


class OwedDone(Done):
    """How many mails waited, and whether they leave now, were dropped, or still wait."""

    key: Key
    mails: int
    send: bool | None


class DecideOwed(Command[OwedDone]):
    """Send or drop the changes and cancellations of a key that wait; None only counts them."""

    key_id: str
    send: bool | None = None

    async def carry_out(self, work: Work) -> OwedDone:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_KEY."""
        may_administer(work.actor)
        key = await stored_key(work, self.key_id)
        mails = await work.unit.waiting_mails(key.id)
        if self.send is not None:
            action = BulkAction.SEND_UNDECIDED if self.send else BulkAction.DROP_UNDECIDED
            await bulk_changes.begin(work, BulkChange(action=action, key=key.id, code=Code.KEY_ENDED.value))
        return OwedDone(key=key, mails=mails, send=self.send)

    def subject(self) -> str:
        """What the record names it by: the key's id."""
        return self.key_id
