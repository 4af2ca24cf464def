"""Take in what attendees send back: receipts, bounces, and the wish to hear no more."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.commands import notices, text
from engine.commands.base import Command, Done, Work, unknown_event
from engine.commands.invites import new_attendee
from engine.model import Attendee, Event, Instant, Message, MessageState, Origin, Partstat, Receipt, Span
from engine.refusals import Code, Refused


class ReceiptDone(Done):
    """The receipt as recorded, and whose it is; `receipt.counted` tells whether it changed anything."""

    receipt: Receipt
    attendee: Attendee
    event: Event


class RecordReceipt(Command[ReceiptDone]):
    """Record an answer to an invite: by its token, else by the event's uid and the answerer's address.

    An unauthenticated answer without a token is recorded and does not count (B5).
    """

    token: str = ""
    uid: str = ""
    email: str = ""
    name: str = ""
    partstat: Partstat
    sequence: int | None = None
    dtstamp: datetime | None = None
    prodid: str = ""
    comment: str = ""
    recurrence_id: Instant | None = None
    authenticated: bool = False

    async def carry_out(self, work: Work) -> ReceiptDone:
        """Raises Refused: UNKNOWN_TOKEN, UNKNOWN_EVENT, NO_SENDER."""
        attendee, event, added = await self._whose(work)
        receipt = self._receipt(work, attendee, event)
        receipt = receipt.model_copy(update=self._verdict(work, attendee, receipt, added=added))
        if added and not receipt.counted:
            await work.unit.record_receipt(receipt)
            return ReceiptDone(receipt=receipt, attendee=attendee, event=event)
        if added:
            await work.unit.add_attendees([attendee])
        await work.unit.record_receipt(receipt)
        if receipt.counted:
            attendee = await self._counted(work, attendee, receipt)
        return ReceiptDone(receipt=receipt, attendee=attendee, event=event)

    async def _whose(self, work: Work) -> tuple[Attendee, Event, bool]:
        """The attendee, the event, and whether the attendee is new to it."""
        if self.token:
            found = await work.unit.attendee_by_token(self.token)
            if found is None:
                raise Refused(Code.UNKNOWN_TOKEN, "No invite was sent with this receipt address.")
            return found, await self._event(work, found.event_uid), False
        event = await self._event(work, self.uid)
        if not self.email:
            raise Refused(Code.NO_SENDER, "The receipt names nobody who answers.")
        email = text.address(self.email)
        found = await work.unit.attendee(event.uid, email)
        if found:
            return found, event, False
        name = " ".join(self.name.split())[: text.NAME_MAX]
        return new_attendee(work, event, email, name, Origin.SHARED, {}), event, True

    async def _event(self, work: Work, uid: str) -> Event:
        event = await work.unit.event(uid)
        if event is None:
            raise unknown_event(uid)
        return event

    def _receipt(self, work: Work, attendee: Attendee, event: Event) -> Receipt:
        # A client's clock or its idea of SEQUENCE may be wrong; one that is ahead must not lock out every
        # later answer.
        dtstamp = min(self.dtstamp or work.now, work.now).astimezone(UTC)
        sequence = event.sequence if self.sequence is None else self.sequence
        return Receipt(
            event_uid=attendee.event_uid,
            email=attendee.email,
            partstat=self.partstat,
            sequence=max(0, min(sequence, event.sequence)),
            dtstamp=dtstamp,
            arrived=work.now,
            prodid=self.prodid[:200],
            comment=self.comment[:2000],
            recurrence_id=self.recurrence_id if event.recurring else None,
        )

    def _verdict(self, work: Work, attendee: Attendee, receipt: Receipt, *, added: bool) -> dict[str, object]:
        """Whether the receipt counts: (SEQUENCE, DTSTAMP, arrival) orders them (rule 8, B19)."""
        if not self.token and not self.authenticated and work.settings.sender_auth == "enforce":
            return {"counted": False, "code": Code.SENDER_UNAUTHENTICATED.value}
        if receipt.recurrence_id is not None:
            # An answer for one instance stands in the history; it does not speak for the series.
            return {"counted": False, "code": "instance"}
        if not added and _older(receipt, attendee):
            return {"counted": False, "code": Code.STALE.value}
        return {}

    async def _counted(self, work: Work, attendee: Attendee, receipt: Receipt) -> Attendee:
        new = attendee.model_copy(
            update={
                "partstat": receipt.partstat,
                "prodid": receipt.prodid or attendee.prodid,
                "receipt_sequence": receipt.sequence,
                "receipt_dtstamp": receipt.dtstamp,
                "receipt_arrived": receipt.arrived,
            }
        )
        await work.unit.change_attendee(attendee, new)
        return new


def _older(receipt: Receipt, attendee: Attendee) -> bool:
    """True where a newer receipt was counted; equal ones are broken by arrival, which is now."""
    if attendee.receipt_dtstamp is None:
        return False
    known = (attendee.receipt_sequence, attendee.receipt_dtstamp)
    return (receipt.sequence, receipt.dtstamp) < known


class BounceDone(Done):
    """The message that came back, if the ledger knows it."""

    attendee: Attendee
    message: Message | None


class RecordBounce(Command[BounceDone]):
    """Record that a mail server gave a message back (RFC 3464): it failed, and if for good, the address is
    suppressed."""

    token: str
    permanent: bool
    status: str = ""
    detail: str = ""

    async def carry_out(self, work: Work) -> BounceDone:
        """Raises Refused: UNKNOWN_TOKEN."""
        attendee = await work.unit.attendee_by_token(self.token)
        if attendee is None:
            raise Refused(Code.UNKNOWN_TOKEN, "No invite was sent with this receipt address.")
        message = await work.unit.last_message(attendee.event_uid, attendee.email)
        if self.permanent:
            await work.unit.suppress(attendee.email, f"{self.status} {self.detail}".strip()[:500], work.now)
        if self.permanent and message and message.state is MessageState.ACCEPTED:
            answer = f"{self.status} {self.detail}".strip()[:500]
            await work.unit.bounce(message, answer, work.now)
        return BounceDone(attendee=attendee, message=message)


class UnsubscribeDone(Done):
    """Who will hear no more from which organizer."""

    email: str
    organizer: str


class Unsubscribe(Command[UnsubscribeDone]):
    """Stop all mail from one organizer to one attendee (RFC 8058; cis-reference 44)."""

    token: str

    async def carry_out(self, work: Work) -> UnsubscribeDone:
        """Raises Refused: UNKNOWN_TOKEN."""
        attendee = await work.unit.attendee_by_token(self.token)
        if attendee is None:
            raise Refused(Code.UNKNOWN_TOKEN, "No invite was sent with this address.")
        event = await work.unit.event(attendee.event_uid)
        assert event is not None, "the store keeps attendees and events together"
        await work.unit.block(attendee.email, event.organizer, work.now)
        return UnsubscribeDone(email=attendee.email, organizer=event.organizer)


class ProposalDone(Done):
    """Whose proposal it is, and for which event."""

    attendee: Attendee
    event: Event


class RecordProposal(Command[ProposalDone]):
    """Pass an attendee's proposal of another time (COUNTER, RFC 5546, 3.2.7) on to the organizer."""

    token: str = ""
    uid: str = ""
    email: str
    authenticated: bool = False
    span: Span | None = None
    comment: str = ""

    async def carry_out(self, work: Work) -> ProposalDone:
        """Raises Refused: UNKNOWN_TOKEN, UNKNOWN_EVENT, SENDER_UNAUTHENTICATED."""
        attendee = await self._whose(work)
        event = await work.unit.event(attendee.event_uid)
        assert event is not None, "the store keeps attendees and events together"
        notice = notices.proposal(event, attendee, self.span, self.comment)
        message = notices.message(work, event.organizer, event.organizer, notice, event.uid)
        await work.unit.add_messages([message], priority=0)
        return ProposalDone(attendee=attendee, event=event)

    async def _whose(self, work: Work) -> Attendee:
        if self.token:
            found = await work.unit.attendee_by_token(self.token)
            if found is None:
                raise Refused(Code.UNKNOWN_TOKEN, "No invite was sent with this receipt address.")
            return found
        found = await work.unit.attendee(self.uid, self.email.lower())
        if found is None:
            raise unknown_event(self.uid)
        if not self.authenticated and work.settings.sender_auth == "enforce":
            raise Refused(Code.SENDER_UNAUTHENTICATED, "The sender of the proposal is not authenticated.")
        return found
