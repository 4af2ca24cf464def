"""Reads a mail that came in and sends it down the route of its mailbox."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field

from engine.commands import notices
from engine.commands.base import Done, Work
from engine.commands.intake import NoChange
from engine.commands.mails.first_proof import NewProof
from engine.engine import SYSTEM, Engine
from engine.inbox.contents.readers import Readers
from engine.inbox.handling.once import ALREADY_RECEIVED, apply_once
from engine.inbox.handling.received import MailAction, Outcome, ReceivedMail, held, quarantined, turned_down
from engine.inbox.intake.arrival_order import Place
from engine.inbox.intake.authenticator import SenderAuthenticator
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spooled
from engine.inbox.turns.claims import turn_of
from engine.mail.incoming.authenticity import Verdict
from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.read import Opened
from engine.model.base import varied
from engine.model.counters import Intake
from engine.model.people import Attendee
from engine.refusals import Code, Refused
from engine.settings import OWN_MAILBOXES
from engine.store.protocol import AlreadyTakenIn

log = logging.getLogger(__name__)

TOKENED = ("rsvp", "unsubscribe", "confirm")
OPERATORS = ("postmaster", "abuse")
"""Addresses that every mail domain must have (RFC 5321, 4.5.1; RFC 2142)."""
NOBODY = "notification"
"""Whom our mails are from: nobody reads what is written there, but for STOP."""
READ_HERE = ("create", "bulk", "console", *TOKENED)
"""Mailboxes where a mail asks the server for something; what goes to others waits for a person."""
MAILBOXES = (*READ_HERE, *OPERATORS, NOBODY)

_LOST_PLUS = re.compile(rf'"?({"|".join(TOKENED)})(?:\+|[%=]2b|\\?[ _.=-])?([a-z0-9]{{20,64}})"?')
"""A token as calendar programs write it that drop the plus, encode it, take it for a space or put quotes around it.

Long enough to be none of the other names; whether it was given out is asked of the store, as always.
"""
_UNCHECKED = Verdict(passed=False, reason="its sender does not matter")
_ORGANIZERS = frozenset({"create", "bulk"})
"""Mailboxes at which nothing but the head of a mail is read if its sender may do nothing there."""

_JUDGED = _ORGANIZERS | {"confirm", "console", "organizer", NOBODY}
"""Mailboxes at which it matters who sent a mail: an owner's STOP counts wherever it is answered, and an agent is told
what proves who wrote to it."""


@dataclass(slots=True)
class JudgedMail:
    """A mail whose head is read and whose sender is judged; `verdict` is None as long as no one was asked."""

    spooled: Spooled
    opened: Opened
    mailboxes: tuple[OwnMailbox, ...]
    head: IncomingMail
    verdict: Verdict | None = None
    holders: dict[str, Attendee] = field(default_factory=dict)
    """Attendees by their tokens, as far as they were looked up."""

    @property
    def token(self) -> str:
        return self.mailboxes[0].token

    @property
    def sender_matters(self) -> bool:
        """True if what the mail may do depends on who sent it: the holder of a token has proven enough."""
        return any(box.name in _JUDGED or (box.name == "rsvp" and not box.token) for box in self.mailboxes)


class Router:
    """Takes mails in, one at a time, each exactly once: who sent it is judged before its content is read."""

    def __init__(self, engine: Engine, readers: Readers | None = None) -> None:
        self._engine = engine
        self._readers = readers or Readers()
        self._authenticator = SenderAuthenticator(engine.settings, self._readers)
        own = (engine.settings.mailbox(name) for name in OWN_MAILBOXES)
        self._own = frozenset(own) | engine.settings.alias_addresses

    async def handle(self, spooled: Spooled, place: Place | None = None) -> list[Outcome]:
        """What became of a mail, for each of our mailboxes that it was for; errors of our own are raised.

        `place`: the mail's among those that claim the same sender. Raises TryLater, ReaderDied.
        """
        try:
            opened = Opened(spooled.raw)
            head = _confirmed(spooled.envelope, opened.head)
            named = [self._named(box, head) for box in spooled.envelope.mailboxes]
            judged = JudgedMail(spooled, opened, tuple(named) or (self._addressed(head),), head)
            if judged.sender_matters:
                judged.verdict = await self._authenticator.verdict(spooled, head)
            else:
                judged.verdict = self._authenticator.known_verdict(spooled.envelope, head)
            if place is not None:
                await self._turn(place, judged)
            return await self._deliver(judged)
        except Refused as refused:
            return [await self.unread(spooled.envelope, quarantined(refused.code, str(refused)))]

    async def _turn(self, place: Place, judged: JudgedMail) -> None:
        """Wait for the mail's turn among those of its sender, if it is proven that it is theirs.

        A mail without an envelope has its place by From, although its headers may name a token.
        """
        own = {judged.token, judged.head.from_address} - {""}
        if self._proven(judged) and place.claimed in own:
            await place.reached()
        else:
            place.leave()

    def _proven(self, judged: JudgedMail) -> bool:
        trusts = judged.verdict is not None and judged.verdict.passed
        return trusts or bool(judged.token) or self._engine.settings.sender_auth != "enforce"

    async def _known(self, judged: JudgedMail) -> bool:
        """True for a mail of someone whom we serve: an organizer, or whoever holds a token of ours."""
        if judged.token or not self._proven(judged):
            return bool(judged.token)
        sender = judged.head.from_address
        return self._engine.settings.may_organize(sender) or await self._engine.store.registered(sender)

    async def _deliver(self, judged: JudgedMail) -> list[Outcome]:
        """Each mailbox's outcome; the content is read once, and only if the mail may do something at one of them."""
        deliveries = [self._received(judged, box) for box in judged.mailboxes]
        away = [_turned_away(received) for received in deliveries]
        boxes = {
            received.mailbox.name for received, stop in zip(deliveries, away, strict=True) if stop is None
        }
        if boxes:
            turn = turn_of(judged.spooled, self._engine.settings.relay_networks).sender
            content = await self._readers.read(judged.opened, boxes, turn, known=await self._known(judged))
            mail = _confirmed(judged.spooled.envelope, content.mail)
            if _identity(mail) != _identity(judged.head):
                raise Refused(Code.UNREADABLE_MAIL, "The mail's header can be read in more than one way.")
            verdict = await self._of_content(judged, mail)
            read = {"mail": mail, "content": content, "verdict": verdict, "holders": judged.holders}
            deliveries = [await self._of_organizer(varied(received, **read)) for received in deliveries]
        pairs = zip(deliveries, away, strict=True)
        return [await self._noted(received, stop or await self._at(received)) for received, stop in pairs]

    async def _of_organizer(self, received: ReceivedMail) -> ReceivedMail:
        """The mail; as its organizer's own if it is proven to come from a further address of theirs.

        Google's calendar proves it for its user's own events; what else it sends still counts as unproven.
        """
        proven = received.verdict.passed or received.verdict.google_calendar or not received.enforce
        if received.mailbox.name not in _ORGANIZERS or not proven:
            return received
        organizer = await self._engine.store.organizer_of(received.mail.from_address)
        if not organizer:
            return received
        further = received.mail.from_address
        mail = received.mail.model_copy(update={"from_address": organizer})
        return received.model_copy(update={"mail": mail, "further": further})

    async def _of_content(self, judged: JudgedMail, mail: IncomingMail) -> Verdict:
        """The verdict on the sender, which some mails need only for what they say."""
        known = judged.verdict
        if (known is None or known.wants_signatures) and await self._matters(judged, mail):
            return await self._authenticator.verdict(judged.spooled, judged.head)
        return known or _UNCHECKED

    async def _matters(self, judged: JudgedMail, mail: IncomingMail) -> bool:
        """True for an answer at a token that is not its holder's, and for a report that a mail service may prove."""
        if mail.report:
            return bool(mail.report.transport_id)
        if mail.automatic and not mail.calendars:
            return False
        for token in {box.token for box in judged.mailboxes if box.name == "rsvp"}:
            holder = await self._engine.store.attendee_by_token(token)
            if holder is not None:
                judged.holders[token] = holder
                if holder.email != mail.from_address:
                    return True
        return False

    def _named(self, mailbox: OwnMailbox, mail: IncomingMail) -> OwnMailbox:
        """A pipe or a file knows the mailbox; its token is in the headers."""
        named = mailbox if mailbox.token else self._addressed(mail)
        return named if named.name == mailbox.name else mailbox

    def _received(self, judged: JudgedMail, mailbox: OwnMailbox) -> ReceivedMail:
        settings = self._engine.settings
        return ReceivedMail(
            envelope=judged.spooled.envelope,
            mailbox=mailbox,
            mail=judged.head,
            verdict=judged.verdict or _UNCHECKED,
            own=self._own,
            enforce=settings.sender_auth == "enforce",
            flag=settings.sender_auth == "flag",
        )

    async def _at(self, received: ReceivedMail) -> Outcome:
        # Imported with the first mail: what the routes do is a tenth of the modules of a server that gets none.
        from engine.inbox.routes.by_mailbox import handle

        try:
            return await handle(self._engine, received)
        except Refused as refused:
            return turned_down(refused)
        except NewProof as new:
            return held(received, new.doings)

    async def _noted(self, received: ReceivedMail, outcome: Outcome) -> Outcome:
        aside = outcome.action in {MailAction.REFUSED, MailAction.IGNORED, MailAction.QUARANTINED}
        if aside and outcome != ALREADY_RECEIVED:
            await self._set_aside(received, outcome)
        return varied(outcome, sender=received.sender)

    async def _set_aside(self, received: ReceivedMail, outcome: Outcome) -> None:
        """Note a mail that changed nothing, and tell a person who sent it why."""
        waits = outcome.code == Code.ORGANIZER_NOT_ALLOWED and self._engine.settings.registration != "open"
        notify = outcome.action is MailAction.REFUSED or waits
        notify = notify and received.mailbox.name in {"create", "bulk"}
        language = notices.spoken(await self._engine.organizer_language(received.actor.address))
        notice = notices.refused(received.mail.subject, outcome.detail, outcome.code, language)
        await apply_once(
            self._engine,
            received,
            NoChange(),
            SYSTEM,
            outcome=lambda _: outcome,
            notice=(lambda _: notice) if notify else None,
        )

    async def unread(self, envelope: ReceivedEnvelope, outcome: Outcome) -> Outcome:
        """Note a mail that was not read, with what became of it."""
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
            await self._engine.apply(NoChange(), SYSTEM, also=also)
        except AlreadyTakenIn:
            log.info("mail %s was noted before", intake.id)
        return outcome

    def _addressed(self, mail: IncomingMail) -> OwnMailbox:
        """Our mailbox that a mail without envelope names in its headers; create@ where it names none."""
        for address in mail.recipients:
            mailbox = mailbox_of(address, self._engine.settings.domain)
            if mailbox:
                return mailbox
        return OwnMailbox(name="create")


def _turned_away(received: ReceivedMail) -> Outcome | None:
    """Why a mail's content is not read for that mailbox, if so: its sender may do nothing there.

    What Google's calendar sends for its users depends on the calendar that it sends.
    """
    if received.mailbox.name not in _ORGANIZERS or received.verdict.google_calendar:
        return None
    from engine.inbox.routes.create import unproven

    return unproven(received)


def _identity(mail: IncomingMail) -> tuple[object, ...]:
    return mail.from_address, mail.sender_address, mail.to, mail.cc, mail.deciding


def _confirmed(envelope: ReceivedEnvelope, mail: IncomingMail) -> IncomingMail:
    """The mail; from the owner of an address who says that it is theirs, if one did."""
    if not envelope.confirmed_by:
        return mail
    return mail.model_copy(update={"from_address": envelope.confirmed_by})


def mailbox_of(address: str, domain: str) -> OwnMailbox | None:
    """Which of our mailboxes an address is, if any."""
    local, _, host = address.lower().rpartition("@")
    if host != domain:
        return None
    if lost := _LOST_PLUS.fullmatch(local):
        return OwnMailbox(name=lost[1], token=lost[2])
    name, _, token = local.partition("+")
    if name not in MAILBOXES or (token and name not in TOKENED):
        return None
    return OwnMailbox(name=name, token=token)
