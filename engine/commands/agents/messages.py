"""Mail to an agent: messages are stored for it to read, and it may reply."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import ClassVar

from pydantic import Field

from engine.commands import notices, text
from engine.commands.agents import budgets
from engine.commands.agents.bounds import refuse_links, refuse_recipient
from engine.commands.agents.readable import read_by_a_key
from engine.commands.base import Command, Done, Work
from engine.commands.prompting import Cause, prompted
from engine.commands.randomness import word_in_order
from engine.model.codes import whole_blanked as blanked
from engine.model.inbox_messages import TEXT_MAX, InboxMessage
from engine.model.messages import Kind, Notice
from engine.model.people import Attendee
from engine.refusals import Code, Refused

_DAY = timedelta(days=1)
_OF_ONE, _OF_ALL = 20, 500
"""Messages that an agent is kept in a day: from one address, and in all."""
_ID = 16
_REPLY_MAX = 20_000
_MESSAGE_ID_MAX = 500
"""Characters; a longer Message-ID is left out, since a part of it would name another mail."""


class MessageDone(Done):
    """A stored message; `repeated`: this same reply was sent before."""

    message: InboxMessage
    repeated: bool = False
    message_id: str = Field("", description="of the answer that is owed; empty: none is")


class TakeMessage(Command[MessageDone]):
    """Keep a mail to an agent; nothing that it says is carried out."""

    in_record: ClassVar[bool] = False
    organizer: str
    sender: str
    name: str = ""
    title: str = ""
    body: str = ""
    proof: str = ""
    automatic: bool = False
    answerable: bool = False
    message_id: str = ""

    async def carry_out(self, work: Work) -> MessageDone:
        """Raises Refused: FOR_OPERATOR if no agent has the address, TOO_MANY."""
        if not await _is_agent(work, self.organizer):
            raise Refused(Code.FOR_OPERATOR, "The mail waits for the operator to read it.")
        if not work.settings.may_write(self.sender):
            raise Refused(Code.FOR_OPERATOR, "Its sender may not write to agents.")
        of_one, of_all = await work.unit.inbox_counts(self.organizer, self.sender, work.now - _DAY)
        if of_one >= _OF_ONE or of_all >= _OF_ALL:
            raise Refused(Code.TOO_MANY, "The agent has received too much mail today.")
        message = InboxMessage(
            id=word_in_order(work.randomness, work.now, _ID),
            organizer=self.organizer,
            at=work.now,
            kind="mail",
            sender=self.sender,
            name=self.name[:200],
            subject=blanked(self.title)[:500],
            text=blanked(self.body).strip()[:TEXT_MAX],
            cut=len(self.body) > TEXT_MAX,
            proof=self.proof,
            automatic=self.automatic,
            message_id=self.message_id if len(self.message_id) <= _MESSAGE_ID_MAX else "",
        )
        if await self._answers(work):
            message = message.model_copy(update={"auto_answered": True})
            notice = Notice(subject=f"Re: {self.title[:200]}", text=work.settings.message_answer)
            owed = notices.message(work, self.sender, self.organizer, notice, None)
            await work.unit.add_messages([owed], priority=0)
        await work.unit.save_inbox_message(message)
        return MessageDone(message=message)

    async def _answers(self, work: Work) -> bool:
        """True for a person's proven mail, once a day for each; never for a program's (RFC 3834)."""
        if not (work.settings.message_answer and self.proof and self.answerable) or self.automatic:
            return False
        if await work.unit.barred(self.organizer, [self.sender]):
            return False
        if await work.unit.auto_answered(self.organizer, self.sender, work.now - _DAY):
            return False
        return await prompted(work, Cause.NOTICE, self.sender, self.organizer)


class ReplyMessage(Command[MessageDone]):
    """Answer a message, within the bounds of the key; the same answer is sent once."""

    message_id: str
    body: str
    title: str = ""

    async def carry_out(self, work: Work) -> MessageDone:
        """Raises Refused: UNKNOWN_MAIL, NOT_ALLOWED, OUT_OF_BOUNDS, SENDER_UNAUTHENTICATED, ADDRESS_SUPPRESSED."""
        work.require("reply")
        message = await work.unit.inbox_message(self.message_id)
        if message is None or not work.actor.owns(message.organizer):
            raise unknown_message(self.message_id)
        if not message.proof:
            raise Refused(
                Code.SENDER_UNAUTHENTICATED,
                "The sender of this message is not verified, so it cannot be answered.",
            )
        answer = text.bounded(self.body.strip(), "text", _REPLY_MAX)
        if not answer:
            raise Refused(Code.INVALID_ARGUMENT, "The answer is empty.", "Give a text.")
        subject = text.bounded(" ".join(self.title.split()), "subject", 200) or f"Re: {message.subject[:190]}"
        await work.refuse_suspended(message.organizer)
        refuse_recipient(work, work.bounds, message.sender)
        refuse_links(work, work.bounds, [answer, subject])
        if barred := await work.unit.barred(message.organizer, [message.sender]):
            raise Refused(barred[message.sender], "This person has unsubscribed.")
        return await self._owe(work, message, answer, subject)

    async def _owe(self, work: Work, message: InboxMessage, answer: str, subject: str) -> MessageDone:
        digest = hashlib.sha256(f"{subject}\n{answer}".encode(errors="surrogatepass")).hexdigest()
        if message.answer == digest:
            return MessageDone(message=message, repeated=True)
        notice = Notice(
            subject=subject,
            text=answer,
            reply_to=message.organizer,
            from_name=message.organizer,
            in_reply_to=message.message_id,
        )
        await budgets.refuse_mail(work, work.bounds, message.sender)
        owed = notices.message(work, message.sender, message.organizer, notice, None, kind=Kind.REPLY)
        own = {"key": work.key, "due": work.not_before(work.settings.undo_s) or work.now}
        await work.unit.add_messages([owed.model_copy(update=own)], priority=0)
        answered = message.model_copy(update={"answered": work.now, "answer": digest})
        await work.unit.save_inbox_message(answered)
        return MessageDone(message=answered, message_id=owed.message_id)


async def keep_comment(work: Work, attendee: Attendee, organizer: str, comment: str) -> None:
    """Store the comment of an attendee's answer among the agent's messages."""
    if not comment.strip() or not await _is_agent(work, organizer):
        return
    of_one, of_all = await work.unit.inbox_counts(organizer, attendee.email, work.now - _DAY)
    if of_one >= _OF_ONE or of_all >= _OF_ALL:
        return  # the receipt has it all the same
    await work.unit.save_inbox_message(
        InboxMessage(
            id=word_in_order(work.randomness, work.now, _ID),
            organizer=organizer,
            at=work.now,
            kind="comment",
            sender=attendee.email,
            name=attendee.name,
            text=blanked(comment)[:TEXT_MAX],
            cut=len(comment) > TEXT_MAX,
            proof=attendee.email.rpartition("@")[2],
            event_uid=attendee.event_uid,
        )
    )


def unknown_message(message_id: str) -> Refused:
    """The refusal of an id that names no mail to the caller (UNKNOWN_MAIL)."""
    return Refused(Code.UNKNOWN_MAIL, f"No message has the id “{message_id[:40]}”.")


async def _is_agent(work: Work, organizer: str) -> bool:
    """True for the organizer that the local agent acts for, and for whoever has a key that is good."""
    return organizer == work.settings.local_organizer or await read_by_a_key(work, organizer)
