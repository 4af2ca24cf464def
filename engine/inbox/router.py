"""Reads a mail that came in and sends it down the route of its mailbox."""

from __future__ import annotations

import asyncio
import logging

from engine.commands import notices
from engine.commands.base import Done, Work
from engine.commands.intake import Nothing
from engine.engine import SYSTEM, Engine
from engine.inbox import bulk, confirm, create, reports, rsvp
from engine.inbox.authentication.authenticator import Authenticator
from engine.inbox.once import apply_once
from engine.inbox.spool import Envelope, Mailbox, Spooled
from engine.inbox.taken import Action, Outcome, Taken, quarantined
from engine.mail import read as mail_read
from engine.mail.authenticity import Verdict
from engine.mail.incoming import IncomingMail
from engine.refusals import Code, Refused
from engine.settings import OWN_MAILBOXES
from engine.store.protocol import AlreadyTakenIn, Intake

log = logging.getLogger(__name__)

_LARGE = 65_536
TOKENED = ("rsvp", "unsubscribe", "confirm")
OPERATORS = ("postmaster", "abuse")
"""Addresses that every mail domain must have (RFC 5321, 4.5.1; RFC 2142)."""
MAILBOXES = ("create", "bulk", *TOKENED, *OPERATORS)
_ROUTES = {
    "create": create.take,
    "bulk": bulk.take,
    "rsvp": rsvp.take,
    "unsubscribe": reports.take_unsubscribe,
    "confirm": confirm.take,
    **dict.fromkeys(OPERATORS, reports.take_for_operator),
}

_UNCHECKED = Verdict(passed=False, reason="its sender does not matter")


async def _read(raw: bytes) -> IncomingMail:
    """What a mail holds; a large one is read in a thread, so that nothing else has to wait for it."""
    return await asyncio.to_thread(mail_read.read, raw) if len(raw) > _LARGE else mail_read.read(raw)


class Router:
    """Takes mails in, one at a time, each exactly once."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._authenticator = Authenticator(engine.settings)
        self._own = frozenset(engine.settings.mailbox(name) for name in OWN_MAILBOXES)

    async def handle(self, spooled: Spooled) -> list[Outcome]:
        """What became of a mail, for each of our mailboxes that it was for. Errors of our own are raised."""
        envelope = spooled.envelope
        try:
            mail = await _read(spooled.raw)
        except Refused as refused:
            outcome = quarantined(refused.code, str(refused))
            return [await self._unread(envelope, outcome)]
        if envelope.confirmed_by:
            # The owner of that address says that the mail is theirs.
            mail = mail.model_copy(update={"from_address": envelope.confirmed_by})
        mailboxes = [self._named(box, mail) for box in envelope.mailboxes] or [self._addressed(mail)]
        verdict = await self._who(spooled, mailboxes, mail)
        return [await self._at(spooled, mailbox, mail, verdict) for mailbox in mailboxes]

    def _named(self, mailbox: Mailbox, mail: IncomingMail) -> Mailbox:
        """A pipe or a file knows the mailbox; its token is in the headers."""
        named = mailbox if mailbox.token else self._addressed(mail)
        return named if named.name == mailbox.name else mailbox

    async def _who(self, spooled: Spooled, mailboxes: list[Mailbox], mail: IncomingMail) -> Verdict:
        """Who sent it; nobody's records are looked up for mail whose sender does not matter. Raises TryLater."""
        told = self._authenticator.told(spooled.envelope, mail)
        if told:
            return told
        for mailbox in mailboxes:
            if await self._matters(mailbox, mail):
                return await self._authenticator.verdict(spooled, mail)
        return _UNCHECKED

    async def _matters(self, mailbox: Mailbox, mail: IncomingMail) -> bool:
        """True where it depends on its sender what a mail may do: the holder of a token has proven enough."""
        if mailbox.name != "rsvp" or not mailbox.token:
            return mailbox.name in {"create", "bulk", "rsvp"}
        if not mail.calendars:
            return False
        holder = await self._engine.store.attendee_by_token(mailbox.token)
        return holder is not None and holder.email != mail.from_address

    async def _at(self, spooled: Spooled, mailbox: Mailbox, mail: IncomingMail, verdict: Verdict) -> Outcome:
        settings = self._engine.settings
        taken = Taken(
            envelope=spooled.envelope,
            mailbox=mailbox,
            mail=mail,
            verdict=verdict,
            own=self._own,
            enforce=settings.sender_auth == "enforce",
            flag=settings.sender_auth == "flag",
        )
        try:
            route = _ROUTES.get(mailbox.name, reports.take_for_operator)
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
            detail=outcome.detail,
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
