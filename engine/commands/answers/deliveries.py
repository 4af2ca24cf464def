"""Record what happened to mail after it was sent: bounces, complaints and unsubscriptions."""

from __future__ import annotations

from typing import ClassVar

from engine.commands.base import Command, Done, Work
from engine.commands.invites.places import free_unreached
from engine.model.messages import Kind, Message
from engine.refusals import Code, Refused

_REASON_MAX = 500
DELIVERED, DELAYED = "the recipient's server took it", "delayed"
"""How the answer of a message begins of which the mail service said so."""


class MailReportDone(Done):
    """The address that a report is about, and its message if the ledger has it; `changed`: the report was news."""

    email: str
    message: Message | None
    changed: bool


class _Report(Command[MailReportDone]):
    """A report about a message that we sent.

    It is believed where it carries what stands in the message alone: the token of its envelope, our Message-ID,
    or the name that the mail service gave it. Whoever the message was forwarded to knows these as well, so that it
    touches mail of its one organizer, unless it is `proven` to be the mail service's. `recipients` are the addresses
    that it speaks of; a report about somebody else is none.
    """

    recipients: tuple[str, ...] = ()
    proven: bool = False
    token: str = ""
    message_id: str = ""
    transport_id: str = ""
    detail: str = ""

    async def _about(self, work: Work) -> tuple[str, Message | None]:
        """The address, which the report must speak of, and the message. Raises Refused(UNKNOWN_TOKEN)."""
        email, message = await self._whose(work)
        if any(self.recipients) and email not in self.recipients:
            raise Refused(
                Code.UNKNOWN_TOKEN, "The report is about an address that the message was not sent to."
            )
        return email, message

    async def _whose(self, work: Work) -> tuple[str, Message | None]:
        """Whom the message was for, and the message. Raises Refused(UNKNOWN_TOKEN)."""
        message = await work.unit.sent_message(self.message_id, self.transport_id)
        attendee = await work.unit.attendee_by_token(self.token) if self.token else None
        if attendee is None and message is None:
            raise Refused(Code.UNKNOWN_TOKEN, "The report does not belong to any message that was sent.")
        if attendee is None:
            assert message is not None
            return message.email, message
        if message is None or (message.event_uid, message.email) != (attendee.event_uid, attendee.email):
            place = attendee.event_uid, attendee.email
            message = await work.unit.last_sent(*place) or await work.unit.last_message(*place)
        return attendee.email, message

    async def _suppress(self, work: Work, email: str, message: Message | None, reason: str) -> None:
        organizer = await self._organizer(work, message)
        if self.proven:
            await work.unit.suppress(email, reason[:_REASON_MAX], work.now)
        else:
            await work.unit.suppress_for(email, organizer, reason[:_REASON_MAX], work.now)
        await work.unit.withdraw_for_attendee(email, organizer, Code.ADDRESS_SUPPRESSED, work.now)

    async def _organizer(self, work: Work, message: Message | None) -> str:
        if message is not None:
            return message.organizer
        attendee = await work.unit.attendee_by_token(self.token)
        event = await work.unit.event(attendee.event_uid) if attendee else None
        assert event is not None, "a report is of a message, or of a token"
        return event.organizer


class RecordBounce(_Report):
    """Record a bounce: a mail server gave up on a message (RFC 3464).

    The message has failed; where the failure is `permanent`, the address gets no more mail of that organizer.
    """

    permanent: bool
    status: str = ""

    async def carry_out(self, work: Work) -> MailReportDone:
        """Raises Refused: UNKNOWN_TOKEN."""
        email, message = await self._about(work)
        diagnostic = f"{self.status} {self.detail}".strip()[:_REASON_MAX]
        changed = message is None or await work.unit.bounce(message, diagnostic, work.now)
        if self.permanent:
            await self._suppress(work, email, message, diagnostic)
            await self._free_place(work, email, message)
        return MailReportDone(email=email, message=message, changed=changed)

    async def _free_place(self, work: Work, email: str, message: Message | None) -> None:
        """Free the place that the invite had taken; who answered was reached, and keeps it."""
        event = await work.unit.event(message.event_uid) if message and message.event_uid else None
        if message and message.kind is Kind.INVITE and event:
            await free_unreached(work, event, email)


class RecordComplaint(_Report):
    """Record a complaint that our mail is spam (RFC 5965): the address gets no more of it."""

    async def carry_out(self, work: Work) -> MailReportDone:
        """Raises Refused: UNKNOWN_TOKEN."""
        email, message = await self._about(work)
        await self._suppress(work, email, message, f"{Code.COMPLAINED.value} {self.detail}".strip())
        organizer, uid = await self._organizer(work, message), message.event_uid if message else None
        await work.unit.note_complaint(email, organizer, uid, self.detail, work.now)
        return MailReportDone(email=email, message=message, changed=True)


class RecordProgress(_Report):
    """Record what the recipient's server said of a message that the mail service has: taken, or not yet.

    The message stays sent, and its answer says so; what a server has taken is delayed no more.
    """

    delivered: bool
    status: str = ""
    in_record: ClassVar[bool] = False

    async def carry_out(self, work: Work) -> MailReportDone:
        """Raises Refused: UNKNOWN_TOKEN."""
        email, message = await self._about(work)
        said = " ".join(f"{self.status} {self.detail}".split())
        answer = f"{DELIVERED if self.delivered else DELAYED}: {said}"[:_REASON_MAX]
        late = message is None or (not self.delivered and message.answer.startswith(DELIVERED))
        changed = message is not None and not late and await work.unit.note_answer(message, answer)
        return MailReportDone(email=email, message=message, changed=changed)


class UnsubscribeDone(Done):
    """The address that unsubscribed, and the organizer."""

    email: str
    organizer: str


class Unsubscribe(Command[UnsubscribeDone]):
    """Stop all mail from one organizer to one attendee (RFC 8058)."""

    token: str

    async def carry_out(self, work: Work) -> UnsubscribeDone:
        """Raises Refused: UNKNOWN_TOKEN."""
        attendee = await work.unit.attendee_by_token(self.token)
        if attendee is None:
            raise Refused(Code.UNKNOWN_TOKEN, "No invite was sent with this address.")
        event = await work.unit.event(attendee.event_uid)
        assert event is not None, "the store keeps attendees and events together"
        await work.unit.block(attendee.email, event.organizer, work.now)
        await work.unit.withdraw_for_attendee(
            attendee.email, event.organizer, Code.ATTENDEE_BLOCKED, work.now
        )
        return UnsubscribeDone(email=attendee.email, organizer=event.organizer)
