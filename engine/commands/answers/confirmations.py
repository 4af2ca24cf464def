"""Ask the owner of an address, at most once a day, whether a mail is theirs, and handle the answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from engine.commands import composing, confirmation_mails, notices
from engine.commands.base import Command, Done, Work
from engine.commands.operators.registration import register
from engine.commands.prompting import Cause, prompted
from engine.commands.randomness import TOKEN_LENGTH
from engine.mail.locale.language import Language
from engine.model.base import Value
from engine.model.confirmations import Confirmation, ConfirmationKind
from engine.model.events import Event
from engine.refusals import Code, Refused

ASK_AGAIN = timedelta(days=1)
"""An address is asked once in this time, so that no one can flood it by sending mail in its name."""
EXPIRES = timedelta(days=7)
_SUMMARY_SHOWN = 80
_ANSWERS = {"accepted": "Yes", "declined": "No", "tentative": "Maybe"}


class WaitingMail(Value):
    """A mail that waits, and the address that says who it is from.

    `who`: an organizer, or an attendee of the event `uid`. `mail` and `mailbox` tell the mail; `method` and
    `source_uid` are its calendar's, which has so many `events`; `answer` is what an attendee's mail says. No other
    words of it are kept, since nothing proves who wrote them. `further`: others of our mailboxes at which it waits for
    the same word.
    """

    mail: str
    mailbox: str
    further: tuple[str, ...] = ()
    address: str
    who: Literal["organizer", "attendee"]
    uid: str = ""
    method: str = ""
    source_uid: str = ""
    events: int = 1
    answer: str = ""


async def ask(work: Work, waiting: WaitingMail) -> bool:
    """Owe the address on file one mail with a code; False if nobody is asked.

    Nobody is asked who is not on file, who was asked within a day, or whose mail could do nothing anyhow; and
    nobody while many others are asked: then the mail waits all the same, for the operator.
    """
    event = await work.unit.event(waiting.uid) if waiting.uid else None
    if not await _on_file(work, waiting, event):
        return False
    if await work.unit.asked_since(waiting.address, work.now - ASK_AGAIN):
        return False
    organizer = event.organizer if event else waiting.address
    if not await prompted(work, Cause.QUESTION, waiting.address, organizer):
        return False
    language = await _language(work, waiting, event)
    confirmation = Confirmation(
        code=work.randomness.word(TOKEN_LENGTH),
        mail=waiting.mail,
        mailbox=waiting.mailbox,
        further=waiting.further,
        address=waiting.address,
        what=await _what(work, waiting, event, language),
        created=work.now,
        expires=work.now + EXPIRES,
    )
    await work.unit.add_confirmation(confirmation)
    notice = confirmation_mails.confirm(confirmation, work.settings, language)
    message = notices.message(work, waiting.address, organizer, notice, event.uid if event else None)
    await work.unit.add_messages([message], priority=0)
    return True


async def _on_file(work: Work, waiting: WaitingMail, event: Event | None) -> bool:
    settings, address = work.settings, waiting.address
    if waiting.who == "attendee":
        return settings.confirm_receipts and await _may_answer(work, waiting, event)
    if await work.unit.suspended(address):
        return False
    if not settings.may_organize(address):
        return await work.unit.registered(address)
    return settings.names_organizer(address) or await work.unit.knows_organizer(address)


async def _may_answer(work: Work, waiting: WaitingMail, event: Event | None) -> bool:
    """True for an answer that would count, of somebody whom the organizer may mail."""
    if event is None or waiting.answer not in _ANSWERS or event.cancelled or event.finished(work.now):
        return False
    known = await work.unit.attendee(event.uid, waiting.address)
    if known is None or not known.proven or await work.unit.suspended(event.organizer):
        return False
    return not await work.unit.barred(event.organizer, [waiting.address])


async def _language(work: Work, waiting: WaitingMail, event: Event | None) -> Language:
    """The language of whoever is asked: an attendee's, by their list, else an organizer's."""
    settled = await work.unit.organizer_language(event.organizer if event else waiting.address)
    known = await work.unit.attendee(event.uid, waiting.address) if event else None
    return notices.spoken(composing.reader_language(known, settled) if known else settled)


async def settled(work: Work, mail: str) -> list[Confirmation]:
    """The operator has decided on a mail: nobody's word on it is waited for; returns what was open.

    A code with which somebody was asked to register their address stays good: the address is not decided on.
    """
    waiting = [found for found in await work.unit.confirmations_of(mail) if not found.used]
    for found in waiting:
        if found.kind is not ConfirmationKind.REGISTRATION or not found.asked:
            await work.unit.save_confirmation(found.model_copy(update={"used": work.now}))
    return waiting


async def _what(work: Work, waiting: WaitingMail, event: Event | None, language: Language) -> str:
    """What confirming does, at each mailbox at which the mail waits for it."""
    found = [
        await _what_at(work, waiting.model_copy(update={"mailbox": mailbox}), event, language)
        for mailbox in (waiting.mailbox, *waiting.further)
    ]
    return " ".join(found)


async def _what_at(work: Work, waiting: WaitingMail, event: Event | None, language: Language) -> str:
    """What confirming does at one mailbox, in our own words and those of the event as it is kept."""
    say = language.say
    if event:
        answer = say(_ANSWERS[waiting.answer])
        return say("It answers the invitation to {event} with: {answer}.", event=_named(event), answer=answer)
    if waiting.mailbox == "bulk":
        return say("It invites the people on an attached list.")
    if waiting.events > 1:
        count = language.number(waiting.events)
        return say("It creates, changes or cancels events of yours, {count} at once.", count=count)
    known = await _known(work, waiting)
    if known and waiting.method == "CANCEL":
        return say("It cancels your event {event}, or a part of it.", event=_named(known))
    if known and waiting.method == "DECLINECOUNTER":
        return say(
            "It keeps the time of your event {event}, where another was proposed.", event=_named(known)
        )
    if known:
        return say("It changes your event {event}.", event=_named(known))
    if waiting.method in {"REQUEST", "PUBLISH"}:
        return say("It creates a new event of yours.")
    return say("It creates, changes or cancels events of yours.")


async def _known(work: Work, waiting: WaitingMail) -> Event | None:
    """The event of theirs that the mail's calendar names."""
    uid = waiting.source_uid
    found = await work.unit.event_by_source(waiting.address, uid) if uid else None
    if uid and found is None:
        found = await work.unit.event(uid)
    return found if found and found.organizer == waiting.address else None


def _named(event: Event) -> str:
    return f"“{event.summary[:_SUMMARY_SHOWN]}”"


class Confirmed(Done):
    """A confirmation, now used."""

    confirmation: Confirmation


class UseConfirmation(Command[Confirmed]):
    """Use a one-time code; the caller then handles the mail that waited."""

    code: str

    async def carry_out(self, work: Work) -> Confirmed:
        """Raises Refused: CONFIRM_TOKEN_INVALID, ORGANIZER_NOT_ALLOWED."""
        found = usable(await work.unit.confirmation(self.code), work.now)
        if found.kind is ConfirmationKind.REGISTRATION and work.actor.kind == "attendee":
            # Its mail waits until it is taken in again, with all others of the same address.
            if work.settings.registration != "open":
                raise Refused(Code.ORGANIZER_NOT_ALLOWED, "Addresses can no longer register themselves here.")
            await register(work, found.address)
            return Confirmed(confirmation=found)
        used = found.model_copy(update={"used": work.now})
        await work.unit.save_confirmation(used)
        await work.unit.forget_mails([found.mail])
        # What the organizer vouches for is known from now on.
        await work.unit.note_proofs(found.address, found.proofs, work.now, sure=True)
        return Confirmed(confirmation=used)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return "confirmation"


def usable(found: Confirmation | None, now: datetime) -> Confirmation:
    """`found`, or Refused(CONFIRM_TOKEN_INVALID) if it is unknown, used or too old."""
    if found is None:
        raise Refused(
            Code.CONFIRM_TOKEN_INVALID, "There is nothing to confirm with this code.", "Use the newest mail."
        )
    if found.used:
        raise Refused(
            Code.CONFIRM_TOKEN_INVALID, "That has already been decided.", "Nothing more needs to be done."
        )
    if found.expires <= now:
        raise Refused(
            Code.CONFIRM_TOKEN_INVALID,
            "This code has expired.",
            "Send the invitation or the answer again from your own mail program.",
        )
    return found
