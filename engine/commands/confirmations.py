"""Ask the owner of an address whether a mail is theirs, once a day at most, and take the answer."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Literal

from engine.commands import notices
from engine.commands.base import Command, Done, Work
from engine.commands.randomness import TOKEN_LENGTH
from engine.model import Confirmation, Event, Value
from engine.refusals import Code, Refused

ASK_AGAIN = timedelta(days=1)
"""An address is asked once in this time, so that nobody can flood it by sending mail in its name."""
EXPIRES = timedelta(days=7)
_SUBJECT_SHOWN = 80
_ANSWERS = {"accepted": "Yes", "declined": "No", "tentative": "Maybe"}
_LINK = re.compile(r"(?:https?|ftp)://\S*|www\.\S*", re.IGNORECASE)


class Waiting(Value):
    """A mail that waits, and the address that says who it is from.

    `who`: an organizer, or an attendee of the event `uid`. `mail` and `mailbox` tell the mail; `subject` is its
    own, by whoever sent it; `answer` is what an attendee's mail says.
    """

    mail: str
    mailbox: str
    address: str
    who: Literal["organizer", "attendee"]
    subject: str = ""
    uid: str = ""
    answer: str = ""


async def ask(work: Work, waiting: Waiting) -> bool:
    """Owe the address on file one mail with a code; False where nobody is asked.

    Nobody is asked who is not on file, who was asked within a day, or whose mail could do nothing anyhow.
    """
    event = await work.unit.event(waiting.uid) if waiting.uid else None
    if not await _on_file(work, waiting, event):
        return False
    if await work.unit.asked_since(waiting.address, work.now - ASK_AGAIN):
        return False
    confirmation = Confirmation(
        code=work.randomness.word(TOKEN_LENGTH),
        mail=waiting.mail,
        mailbox=waiting.mailbox,
        address=waiting.address,
        what=_what(waiting, event),
        created=work.now,
        expires=work.now + EXPIRES,
    )
    await work.unit.add_confirmation(confirmation)
    organizer = event.organizer if event else waiting.address
    notice = notices.confirm(confirmation, work.settings)
    message = notices.message(work, waiting.address, organizer, notice, event.uid if event else None)
    await work.unit.add_messages([message], priority=0)
    return True


async def _on_file(work: Work, waiting: Waiting, event: Event | None) -> bool:
    settings, address = work.settings, waiting.address
    if waiting.who == "attendee":
        known = event and await work.unit.attendee(event.uid, address)
        return bool(known) and settings.confirm_receipts
    if not settings.may_organize(address) or await work.unit.suspended(address):
        return False
    return settings.names_organizer(address) or await work.unit.knows_organizer(address)


def _what(waiting: Waiting, event: Event | None) -> str:
    """What confirming does. Of the mail's own words only the Subject is shown, without links."""
    subject = _LINK.sub("[link]", " ".join(waiting.subject.split()))[:_SUBJECT_SHOWN]
    if event:
        answer = _ANSWERS.get(waiting.answer, waiting.answer)
        return f"It answers the invitation to “{event.summary[:_SUBJECT_SHOWN]}” with: {answer}."
    if waiting.mailbox == "bulk":
        return f"It invites the people on an attached list. Its subject is: “{subject}”."
    return f"It makes, changes or cancels an event of yours. Its subject is: “{subject}”."


class Confirmed(Done):
    """A confirmation, now used."""

    confirmation: Confirmation


class UseConfirmation(Command[Confirmed]):
    """Take a code's one use. What waits is handled by whoever asks for this."""

    code: str

    async def carry_out(self, work: Work) -> Confirmed:
        """Raises Refused: CONFIRM_TOKEN_INVALID."""
        found = usable(await work.unit.confirmation(self.code), work.now)
        used = found.model_copy(update={"used": work.now})
        await work.unit.save_confirmation(used)
        return Confirmed(confirmation=used)

    def subject(self) -> str:
        return "confirmation"


def usable(found: Confirmation | None, now: datetime) -> Confirmation:
    """`found`, or Refused(CONFIRM_TOKEN_INVALID) where it is unknown, used or too old."""
    if found is None:
        raise Refused(Code.CONFIRM_TOKEN_INVALID, "Nothing waits for this code.", "Use the newest mail.")
    if found.used:
        raise Refused(
            Code.CONFIRM_TOKEN_INVALID, "That was confirmed already.", "There is nothing left to do."
        )
    if found.expires <= now:
        raise Refused(
            Code.CONFIRM_TOKEN_INVALID,
            "This code has expired.",
            "Send the invitation or the answer again from your own mail program.",
        )
    return found
