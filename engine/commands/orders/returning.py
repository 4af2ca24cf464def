"""Take back what an order did: its buyer gave it back, or it was cancelled; each line once."""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import Field

from engine.commands.base import Command, Done, Work
from engine.commands.invites.withdrawing import WithdrawInvite, taken_out
from engine.commands.orders.ordering import LINES_MAX, inviting, reference
from engine.model.plans import Enrolment, Purchase
from engine.refusals import Code, Refused


class ReturnDone(Done):
    """The lines that were taken back, as they are now."""

    purchases: tuple[Purchase, ...]


class ReturnOrder(Command[ReturnDone]):
    """Take back lines of an order, whether or not it has come; safe to repeat.

    A plan ends, or loses the time that the line had bought; a buyer who was invited by this order alone is taken out.
    """

    order: str = Field(max_length=60)
    lines: tuple[str, ...] = Field(max_length=LINES_MAX)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return f"order {self.order}"

    async def carry_out(self, work: Work) -> ReturnDone:
        """Refuses nothing."""
        return ReturnDone(purchases=tuple([await self._line(work, line) for line in self.lines]))

    async def _line(self, work: Work, line: str) -> Purchase:
        bought = await work.unit.purchase(self.order, line)
        if bought and bought.code:
            return bought
        if bought is None:
            # Shops post in no order: the line is noted, so that an order that comes late does nothing.
            bought = Purchase(order=self.order, line=line, at=work.now, product_id="", product="", buyer="")
        elif bought.plan:
            await _end_plan(work, bought)
        elif bought.event_uid:
            bought = await _take_out(work, bought)
        returned = bought.model_copy(update={"code": Code.ORDER_RETURNED.value})
        await work.unit.add_purchase(returned)
        return returned


async def _end_plan(work: Work, bought: Purchase) -> None:
    known = await work.unit.enrolment(bought.organizer)
    if known is None or reference(bought) not in known.orders or not known.in_force(work.now):
        # What is in force now was bought by other orders, or the operator gave it.
        return
    left = tuple(one for one in known.orders if one != reference(bought))
    # Its organizer hears that it has ended as of every plan that ends.
    changed = {"until": _ends(work, known, bought), "orders": left}
    await work.unit.save_enrolment(known.model_copy(update=changed))


def _ends(work: Work, known: Enrolment, bought: Purchase) -> datetime | None:
    """When the plan ends without what the line had bought."""
    plan = work.settings.plans_by_name.get(known.plan)
    days = timedelta(days=plan.days if plan else 0)
    if known.until is None or not days:
        others = set(known.orders) - {reference(bought)}
        return known.until if others else work.now
    return max(work.now, known.until - days)


async def _take_out(work: Work, bought: Purchase) -> Purchase:
    """Take the buyer out of the event if no other order holds their invite; returns the line as it is now."""
    first = await inviting(work, bought)
    if first is None or reference(bought) not in first.holders:
        return bought
    left = tuple(one for one in first.holders if one != reference(bought))
    await work.unit.add_purchase(first.model_copy(update={"holders": left}))
    if not left:
        await _withdraw(work, bought)
    return await work.unit.purchase(bought.order, bought.line) or bought


async def _withdraw(work: Work, bought: Purchase) -> None:
    try:
        await WithdrawInvite(uid=bought.event_uid, email=bought.buyer).carry_out(work)
    except Refused as refused:
        if refused.code is Code.ORGANIZER_SUSPENDED:
            await _withdraw_untold(work, bought)
        elif refused.code not in {Code.EVENT_CANCELLED, Code.EVENT_FINISHED, Code.UNKNOWN_ATTENDEE}:
            raise


async def _withdraw_untold(work: Work, bought: Purchase) -> None:
    """Take out the buyer although the organizer is suspended, of whom no mail leaves, so that no other line waits."""
    if known := await work.unit.attendee(bought.event_uid, bought.buyer):
        await taken_out(work, await work.owned_event(bought.event_uid), known)
