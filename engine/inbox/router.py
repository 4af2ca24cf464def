"""Reads a mail that came in and sends it down the route of its mailbox."""

from __future__ import annotations

import logging

from engine.commands import notices
from engine.commands.base import Done, Work
from engine.commands.intake import Nothing
from engine.engine import SYSTEM, Engine
from engine.inbox import bulk, create, rsvp
from engine.inbox.once import apply_once
from engine.inbox.spool import Envelope, Mailbox, Spooled
from engine.inbox.taken import Action, Outcome, Taken, quarantined
from engine.mail import read as mail_read
from engine.mail.authenticity import authenticated
from engine.mail.incoming import IncomingMail
from engine.refusals import Code, Refused
from engine.store.protocol import AlreadyTakenIn, Intake

log = logging.getLogger(__name__)

TOKENED = ("rsvp", "unsubscribe")
OPERATORS = ("postmaster", "abuse")
"""Addresses that every mail domain must have (RFC 5321, 4.5.1; RFC 2142)."""
MAILBOXES = ("create", "bulk", *TOKENED, *OPERATORS)
OWN = (*MAILBOXES, "notification")
_ROUTES = {
    "create": create.take,
    "bulk": bulk.take,
    "rsvp": rsvp.take,
    "unsubscribe": rsvp.take_unsubscribe,
}


class Router:
    """Takes mails in, one at a time, each exactly once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._own = frozenset(engine.settings.mailbox(name) for name in OWN)

    async def handle(self, spooled: Spooled) -> list[Outcome]:
        """What became of a mail, for each of our mailboxes that it was for. Errors of our own are raised."""
        envelope = spooled.envelope
        try:
            mail = mail_read.read(spooled.raw)
        except Refused as refused:
            outcome = quarantined(refused.code, str(refused))
            return [await self._unread(envelope, outcome)]
        mailboxes = envelope.mailboxes or (self._addressed(mail),)
        return [await self._at(spooled, mailbox, mail) for mailbox in mailboxes]

    async def _at(self, spooled: Spooled, mailbox: Mailbox, mail: IncomingMail) -> Outcome:
        settings = self._engine.settings
        if not mailbox.token and (named := self._addressed(mail)).name == mailbox.name:
            mailbox = named  # a pipe or a file knows the mailbox; its token is in the headers
        taken = Taken(
            envelope=spooled.envelope,
            mailbox=mailbox,
            mail=mail,
            verdict=authenticated(mail, settings.trusted_authserv_ids),
            own=self._own,
            enforce=settings.sender_auth == "enforce",
        )
        route = _ROUTES.get(mailbox.name)
        try:
            if route is None:
                outcome = quarantined(Code.FOR_OPERATOR, "The mail waits for the operator to read it.")
            else:
                outcome = await route(self._engine, taken)
        except Refused as refused:
            outcome = Outcome(action=Action.REFUSED, code=refused.code.value, detail=str(refused))
        if outcome.action in {Action.REFUSED, Action.IGNORED, Action.QUARANTINED}:
            await self._set_aside(taken, outcome)
        return outcome

    async def _set_aside(self, taken: Taken, outcome: Outcome) -> None:
        """Note a mail that changed nothing, and tell a person who sent it why."""
        tell = outcome.action is Action.REFUSED or outcome.code == Code.ORGANIZER_NOT_ALLOWED
        tell = tell and taken.mailbox.name in {"create", "bulk"}
        notice = notices.refused(taken.mail.subject, outcome.detail, outcome.code)
        await apply_once(
            self._engine,
            taken,
            Nothing(),
            SYSTEM,
            outcome=lambda _: outcome,
            notice=(lambda _: notice) if tell else None,
        )

    async def _unread(self, envelope: Envelope, outcome: Outcome) -> Outcome:
        intake = Intake(
            id=f"{envelope.id}::",
            at=self._engine.clock(),
            mailbox="",
            action=outcome.action.value,
            code=outcome.code,
        )

        async def also(work: Work, _: Done) -> None:
            await work.unit.take_in(intake)

        try:
            await self._engine.apply(Nothing(), SYSTEM, also=also)
        except AlreadyTakenIn:
            log.info("mail %s was noted before", intake.id)
        return outcome

    def _addressed(self, mail: IncomingMail) -> Mailbox:
        """Our mailbox that a mail without envelope names in its headers; create@ where it names none."""
        for address in mail.recipients:
            mailbox = mailbox_of(address, self._engine.settings.domain)
            if mailbox:
                return mailbox
        return Mailbox(name="create")


def mailbox_of(address: str, domain: str) -> Mailbox | None:
    """Which of our mailboxes an address is, if any."""
    local, _, host = address.lower().rpartition("@")
    name, _, token = local.partition("+")
    if host != domain or name not in MAILBOXES or (token and name not in TOKENED):
        return None
    return Mailbox(name=name, token=token)
