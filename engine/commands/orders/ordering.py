"""Carry out what was ordered in a shop: put organizers on plans, invite buyers; each line once."""

from __future__ import annotations

from pydantic import Field

from engine.commands import notices, plan_limits, text
from engine.commands.base import Command, Done, Work
from engine.commands.invites.invites import SendInvite
from engine.commands.operators.registration import register
from engine.commands.orders import mails
from engine.model.base import Value
from engine.model.people import Origin
from engine.model.plans import SHOP, Product, Purchase, Redaction
from engine.refusals import Code, Refused

LINES_MAX = 50
"""Lines of an order that do anything; a shop's carts are shorter."""
_TITLE_MAX = 200
ORDER = "order"
"""The field of an attendee that names the line of an order by which they were invited."""
_REFERENCES_MAX = 1_000
"""Lines of orders that hold one plan or one invite; of more, the oldest can no longer be given back."""


class OrderLine(Value):
    """One thing that was bought; `organizer`: for whom, as the buyer wrote it, empty: for the buyer."""

    id: str = Field(max_length=60)
    product_id: str = Field(max_length=60)
    title: str = Field("", max_length=_TITLE_MAX)
    organizer: str = Field("", max_length=1_000)


class OrderDone(Done):
    """What the lines of an order did, without those that do nothing here."""

    purchases: tuple[Purchase, ...]


class TakeOrder(Command[OrderDone]):
    """Carry out the lines of a paid order whose products are named in `CIS_PRODUCTS`; safe to repeat."""

    order: str = Field(max_length=60)
    buyer: str
    name: str = ""
    lines: tuple[OrderLine, ...] = Field(max_length=LINES_MAX)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return f"order {self.order}"

    def about(self) -> str:
        """The buyer's address."""
        return self.buyer

    async def carry_out(self, work: Work) -> OrderDone:
        """Raises Refused: INVALID_ADDRESS for the buyer's."""
        buyer = text.address(self.buyer)
        done = [await self._line(work, line, buyer) for line in self.lines]
        return OrderDone(purchases=tuple(purchase for purchase in done if purchase))

    async def _line(self, work: Work, line: OrderLine, buyer: str) -> Purchase | None:
        product = work.settings.products_by_id.get(line.product_id)
        if product is None:
            return None
        if before := await work.unit.purchase(self.order, line.id):
            return before if before.product_id else None
        known = {"order": self.order, "line": line.id, "at": work.now, "product_id": line.product_id}
        bought = Purchase(**known, product=line.title, buyer=buyer, plan=product.plan)
        try:
            bought = await self._does(work, product, bought, line)
        except Refused as refused:
            # The shop sends the same order again, which cures nothing: the line is kept with its reason.
            bought = bought.model_copy(update={"code": refused.code.value})
        await work.unit.add_purchase(bought)
        return bought

    async def _does(self, work: Work, product: Product, bought: Purchase, line: OrderLine) -> Purchase:
        if product.event:
            asked = SendInvite(
                uid=product.event,
                email=bought.buyer,
                name=self.name[:_TITLE_MAX],
                fields={ORDER: reference(bought)},
                origin=Origin.API,
                prompted=True,
            )
            invited = await asked.carry_out(work)
            bought = bought.model_copy(update={"event_uid": invited.attendee.event_uid})
            return await _held(work, bought, already=invited.already)
        organizer = await _organizer(work, line.organizer or bought.buyer)
        bought = bought.model_copy(update={"organizer": organizer})
        await _enrol(work, bought)
        return bought


async def _organizer(work: Work, given: str) -> str:
    """Whose plan it is; a further address is its organizer's. Raises Refused: INVALID_ADDRESS."""
    address = text.address(given)
    if work.settings.is_own_mailbox(address):
        raise Refused(Code.INVALID_ADDRESS, "That is a mailbox of this server.")
    return await work.unit.organizer_of(address) or address


def reference(bought: Purchase) -> str:
    """The reference of one line of an order."""
    return f"{bought.order}/{bought.line}"


async def inviting(work: Work, bought: Purchase) -> Purchase | None:
    """The line of an order by which the buyer of another was invited; None if none was it."""
    known = await work.unit.attendee(bought.event_uid, bought.buyer)
    order, _, line = known.fields.get(ORDER, "").rpartition("/") if known else ("", "", "")
    return await work.unit.purchase(order, line) if order else None


async def _held(work: Work, bought: Purchase, *, already: bool) -> Purchase:
    """Note which lines hold the buyer's invite: the one that made it, and those that came later."""
    if not already:
        await _name_line(work, bought)
        return bought.model_copy(update={"holders": (reference(bought),)})
    first = await inviting(work, bought)
    # Without a holder it is not the orders' invite any more: whoever invited the buyer again keeps them in.
    if first and first.holders:
        holders = (*first.holders, reference(bought))[-_REFERENCES_MAX:]
        await work.unit.add_purchase(first.model_copy(update={"holders": holders}))
    return bought


async def _name_line(work: Work, bought: Purchase) -> None:
    """Let the attendee name this line, though an earlier one had invited them before they were taken out."""
    known = await work.unit.attendee(bought.event_uid, bought.buyer)
    if known and known.fields.get(ORDER) != reference(bought):
        fields = {**known.fields, ORDER: reference(bought)}
        await work.unit.change_attendee(known, known.model_copy(update={"fields": fields}))


async def _enrol(work: Work, bought: Purchase) -> None:
    """Register the organizer, on the plan from now on, and confirm it by mail."""
    plan, organizer = work.settings.plans_by_name[bought.plan], bought.organizer
    await register(work, organizer)
    enrolment = plan_limits.enrolled(await work.unit.enrolment(organizer), organizer, plan, work.now)
    orders = (*enrolment.orders, reference(bought))[-_REFERENCES_MAX:]
    enrolment = enrolment.model_copy(update={"orders": orders})
    await work.unit.save_enrolment(enrolment)
    notice = mails.begun(enrolment, plan, work.settings, await notices.language_of(work, organizer))
    message = notices.message(work, organizer, organizer, notice, None)
    await work.unit.add_messages([message], priority=0)


class AskForData(Command[Done]):
    """Note that a shop's customer asks what is kept of them, and tell whoever answers for this server; once."""

    request: str = Field(max_length=60)
    address: str

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: INVALID_ADDRESS."""
        address = text.address(self.address)
        order = f"data request {self.request}"
        if await work.unit.purchase(order, ""):
            return Done()
        asked = {"order": order, "line": "", "at": work.now, "product_id": "", "product": order}
        await work.unit.add_purchase(Purchase(**asked, buyer=address, code=Code.DATA_REQUESTED.value))
        to = work.settings.owner or work.settings.local_organizer
        message = notices.message(work, to, to, mails.data_requested(address), None)
        await work.unit.add_messages([message], priority=0)
        return Done()

    def about(self) -> str:
        """The customer's address."""
        return self.address

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return f"data request {self.request}"


class AskToForgetShop(Command[Done]):
    """Store that a shop is to be forgotten, with everyone who bought there."""

    async def carry_out(self, work: Work) -> Done:
        """Refuses nothing."""
        await work.unit.save_redaction(Redaction(address=SHOP, asked=work.now))
        return Done()


class AskToForget(Command[Done]):
    """Store a shop's request to forget a person, until it is done."""

    address: str

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: INVALID_ADDRESS."""
        await work.unit.save_redaction(Redaction(address=text.address(self.address), asked=work.now))
        return Done()

    def committed(self) -> bytes:
        """Nothing: a commitment could be tested, and it is the address that goes."""
        return b""


class SettleRedaction(Command[Done]):
    """Note that a person is forgotten, or why not yet."""

    in_record = False
    address: str
    code: str = ""

    async def carry_out(self, work: Work) -> Done:
        """Refuses nothing."""
        if self.code:
            await work.unit.save_redaction(Redaction(address=self.address, asked=work.now, code=self.code))
        else:
            await work.unit.end_redaction(self.address)
        return Done()
