"""Who may organize by mail: an address whose owner confirms it, or that the operator registers."""

from __future__ import annotations

from datetime import timedelta

from engine.commands import confirmation_mails, notices, text
from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.commands.prompting import Cause, prompted
from engine.commands.randomness import TOKEN_LENGTH
from engine.mail.locale.language import noop
from engine.model.base import Value
from engine.model.confirmations import Confirmation, ConfirmationKind

ASK_AGAIN = timedelta(days=1)
"""An address is asked once in this time."""
EXPIRES = timedelta(days=30)
WAITING_MAX = 100
"""Mails of one address that are carried out once it is registered; further ones wait for the operator."""
_WHAT = noop("Confirming registers this address as an organizer and carries out the mail that waits.")


class Applicant(Value):
    """A proven mail to create@ or bulk@ whose sender is not an organizer yet."""

    mail: str
    mailbox: str
    address: str


async def apply_for(work: Work, applicant: Applicant) -> None:
    """Write down that a mail waits for its sender to be registered; ask the sender if `CIS_REGISTRATION` is open."""
    kind, address = ConfirmationKind.REGISTRATION, applicant.address
    if work.settings.registration == "closed":
        return
    if len(await work.unit.registrations(address, WAITING_MAX)) >= WAITING_MAX:
        return
    asked = (
        work.settings.registration == "open"
        and not await work.unit.asked_since(address, work.now - ASK_AGAIN, kind)
        and await prompted(work, Cause.QUESTION, address, address)
    )
    language = await notices.language_of(work, address)
    confirmation = Confirmation(
        kind=kind,
        code=work.randomness.word(TOKEN_LENGTH),
        mail=applicant.mail,
        mailbox=applicant.mailbox,
        address=address,
        what=language.say(_WHAT),
        created=work.now,
        expires=work.now + EXPIRES,
        asked=asked,
    )
    await work.unit.add_confirmation(confirmation)
    if asked:
        notice = confirmation_mails.registration(confirmation, work.settings, language)
        await work.unit.add_messages([notices.message(work, address, address, notice, None)], priority=0)


class Registered(Done):
    """An organizer that may create events by mail."""

    address: str


class RegisterOrganizer(Command[Registered]):
    """Let an address create events by mail; its waiting mails are then carried out. Safe to repeat."""

    address: str

    async def carry_out(self, work: Work) -> Registered:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS."""
        may_administer(work.actor)
        address = text.address(self.address)
        await register(work, address)
        return Registered(address=address)


async def register(work: Work, address: str) -> None:
    """Note that mail from `address` may create events."""
    await work.unit.ensure_organizer(address, "", work.now)
    await work.unit.register(address, work.now)
