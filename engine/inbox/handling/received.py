"""A mail as the routes see it, and its outcome."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from pydantic import InstanceOf

from engine.commands.answers.confirmations import WaitingMail
from engine.commands.mails.first_proof import HeldProof, IntendedChange, Proven
from engine.commands.operators.registration import Applicant
from engine.inbox.contents.content import Content
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, arrival
from engine.itip.message import ItipMessage
from engine.mail.incoming.authenticity import Verdict
from engine.mail.incoming.content import IncomingMail
from engine.mail.incoming.dmarc import organizational_domain
from engine.model.actors import Actor
from engine.model.base import Value
from engine.model.counters import Intake
from engine.model.held import HeldAction
from engine.model.people import Attendee
from engine.refusals import Code, Refused

_UID_MAX = 200


class MailAction(StrEnum):
    """What a mail did."""

    CREATED = "created"
    UPDATED = "updated"
    CANCELLED = "cancelled"
    RECEIPT = "receipt"
    COUNTER = "counter"
    REFRESHED = "refreshed"
    CAMPAIGN = "campaign"
    BATCH = "batch"
    BOUNCE = "bounce"
    UNSUBSCRIBED = "unsubscribed"
    CONFIRMED = "confirmed"
    LINK_ASKED = "link_asked"
    MESSAGE = "message"
    HELD = "held"
    STOPPED = "stopped"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    IGNORED = "ignored"


class Outcome(Value):
    """The outcome of one mail at one mailbox."""

    action: MailAction
    uid: str = ""
    code: str = ""
    detail: str = ""
    ask: WaitingMail | None = None
    """Whose word would let the mail through; it waits in quarantine meanwhile."""
    held: HeldProof | None = None
    """What waits for the organizer's word, since it would reach many people and its proof is new."""
    applicant: Applicant | None = None
    """Who would be registered, if the mail waits for that."""
    doings: tuple[IntendedChange, ...] = ()
    """Of a rehearsal: what would have been done."""
    sender: str = ""
    """The domain that is proven to have sent the mail, if any."""

    @property
    def aside(self) -> bool:
        """True if the raw mail waits for someone."""
        return self.action is MailAction.QUARANTINED or self.ask is not None


class ReceivedMail(Value):
    """One mail at one mailbox, read, with who sent it."""

    envelope: ReceivedEnvelope
    mailbox: OwnMailbox
    mail: IncomingMail
    verdict: Verdict
    content: InstanceOf[Content] | None = None
    """What the mail carries; None until its sender may have it read."""
    own: frozenset[str]
    """Our own mailboxes: they are never answered."""
    enforce: bool
    flag: bool = False
    """Mails that nothing proves are carried out, and their doings flagged."""
    repaired: tuple[str, ...] = ()
    holders: InstanceOf[Mapping[str, Attendee]] | None = None
    """Attendees by their tokens, as far as they were looked up to judge the mail."""
    answers: int = 1
    """How many answers its calendar gives."""
    quoted: bool = False
    """Its calendar stands where what others wrote may stand."""
    rehearsed: bool = False
    """Everything is undone that the mail does: it is only to be seen how many people it would reach."""
    weighed: bool = False
    """It was seen before how many people the mail reaches."""
    further: str = ""
    """The further address of its organizer that it is from; empty if it is from the organizer's own."""

    @property
    def sender(self) -> str:
        """The organizational domain that is proven to have sent it; empty if nothing proves that."""
        domain = self.mail.from_address.rpartition("@")[2]
        return (organizational_domain(domain) or domain) if self.verdict.passed else ""

    @property
    def arrived(self) -> datetime | None:
        """When the mail came in, however often it is handled; None if nothing tells."""
        seconds = arrival(self.envelope.id)
        by_name = datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
        return self.envelope.arrived or by_name

    @property
    def flagged(self) -> bool:
        """True if what the mail does is to be flagged (`CIS_SENDER_AUTH=flag`)."""
        return self.flag and not self.verdict.passed

    @property
    def box(self) -> str:
        """The mailbox with its token, as intake lines name it."""
        return f"{self.mailbox.name}+{self.mailbox.token}" if self.mailbox.token else self.mailbox.name

    @property
    def other_boxes(self) -> frozenset[str]:
        """Others of our mailboxes that the mail was sent to."""
        return frozenset(box.name for box in self.envelope.mailboxes) - {self.mailbox.name}

    @property
    def proven(self) -> Proven:
        """Whose mail it is, and what proves that."""
        return Proven(
            organizer=self.mail.from_address,
            proofs=self.verdict.proofs,
            mail=f"{self.envelope.id}:{self.box}",
        )

    @property
    def vouched(self) -> bool:
        """True if a person has vouched for this very mail."""
        return self.verdict.released or bool(self.verdict.confirmed_by)

    @property
    def trusted(self) -> bool:
        """True if the sender is authenticated, or the operator does not require it."""
        return self.verdict.passed or not self.enforce

    @property
    def actor(self) -> Actor:
        """The actor for this mail: its sender as an organizer."""
        return Actor(kind="organizer", address=self.mail.from_address, unauthenticated=self.flagged)

    def waiting(
        self,
        who: Literal["organizer", "attendee"],
        address: str,
        uid: str = "",
        answer: str = "",
        message: ItipMessage | None = None,
        further: tuple[str, ...] = (),
    ) -> WaitingMail | None:
        """Whom to ask whether the mail is theirs; None for mail that its domain disowns, and for machines'.

        What calendar programs send for a person is marked as automatic, too; asking cannot loop, since what is
        asked carries no calendar, has no envelope sender, and is sent once a day.
        """
        personal = self._with_calendar or not self.mail.automatic
        if not personal or self.envelope.sender == "" or self.verdict.forged or address in self.own:
            return None
        return WaitingMail(
            mail=self.envelope.id,
            mailbox=self.box,
            further=further,
            address=address,
            who=who,
            uid=uid,
            answer=answer,
            method=message.method if message else "",
            source_uid=message.events[0].uid if message else "",
            events=len({event.uid for event in message.events}) if message else 1,
        )

    @property
    def answerable(self) -> bool:
        """True if a notice may go back: to a person, not to a machine, a list or ourselves.

        Calendar programs mark what they send for a person as automatic; a mail with a calendar is answered
        all the same, which cannot loop, since a notice carries none.
        """
        if self.envelope.sender == "" or self.mail.from_address in self.own:
            return False
        return self.trusted and (self._with_calendar or not self.mail.automatic)

    @property
    def _with_calendar(self) -> bool:
        return bool(self.mail.calendars) if self.content else self.mail.mentions_calendar

    def reported(self, outcome: Outcome) -> Outcome:
        """`outcome` with what had to be repaired in the calendar, so that the sender's program can be mended."""
        if not self.repaired:
            return outcome
        repairs = f"Repaired: {'; '.join(self.repaired)}."
        return outcome.model_copy(update={"detail": f"{outcome.detail} {repairs}".strip()})

    def intake(self, outcome: Outcome, now: datetime, part: str = "") -> Intake:
        """The line that says what became of it; `part` tells several changes by one mail apart."""
        return Intake(
            id=f"{self.envelope.id}:{self.box}:{part}",
            at=now,
            mailbox=self.mailbox.name,
            action=outcome.action.value,
            code=outcome.code,
            uid=outcome.uid,
            detail=self.reported(outcome).detail[:500],
        )

    def recalled(self, note: Intake) -> Outcome:
        """The outcome of a part of this mail, as `intake` noted it."""
        outcome = Outcome(action=MailAction(note.action), uid=note.uid, code=note.code)
        detail = note.detail.removesuffix(self.reported(outcome).detail).strip()
        return outcome.model_copy(update={"detail": detail})


def named(uid: str) -> str:
    """What tells the parts of a mail apart by the UID of their event: the UID, or a digest of one that is long."""
    return (
        uid if len(uid) <= _UID_MAX else f"#{hashlib.sha256(uid.encode(errors='surrogatepass')).hexdigest()}"
    )


def ignored(code: Code, detail: str) -> Outcome:
    return Outcome(action=MailAction.IGNORED, code=code.value, detail=detail)


def quarantined(code: Code, detail: str, ask: WaitingMail | None = None) -> Outcome:
    return Outcome(action=MailAction.QUARANTINED, code=code.value, detail=detail, ask=ask)


def unregistered(received: ReceivedMail, registration: str) -> Outcome:
    """The mail waits for its proven sender to be registered as an organizer (`CIS_REGISTRATION`)."""
    applicant = Applicant(mail=received.envelope.id, mailbox=received.box, address=received.mail.from_address)
    return Outcome(
        action=MailAction.QUARANTINED,
        code=Code.ORGANIZER_NOT_ALLOWED.value,
        detail=_UNREGISTERED[registration],
        applicant=applicant,
    )


_UNREGISTERED = {
    "closed": "The operator has not allowed this address to create events; the mail waits for that.",
    "approve": "This address is not registered; the mail waits until the operator registers it.",
    "open": "This address is not registered; the mail waits until its owner confirms it.",
}


def refused(code: Code, detail: str, uid: str = "") -> Outcome:
    return Outcome(action=MailAction.REFUSED, code=code.value, detail=detail, uid=uid)


_NEXT = {Code.UNKNOWN_EVENT: "Its id is in the mail that confirmed its creation."}
"""What the sender of a mail does next if the engine refuses, by code."""


def turned_down(no: Refused) -> Outcome:
    """The outcome of a mail whose command was refused: its sender is told why."""
    next_step = no.hint or _NEXT.get(no.code, "")
    return refused(no.code, f"{no.message} {next_step}".strip())


def set_aside(no: Refused) -> Outcome:
    """The outcome of a mail whose command was refused and that waits for a person instead (promise 1)."""
    return quarantined(no.code, str(no))


def held(received: ReceivedMail, doings: tuple[IntendedChange, ...]) -> Outcome:
    """The outcome of a mail that waits for its organizer: it would reach many people, and its proofs are new."""
    waits = HeldProof(mail=received.envelope.id, mailbox=received.box, proven=received.proven, doings=doings)
    why = (
        f"It would mail {waits.people} people, and nothing that proves its sender was seen before; it waits until "
        "the organizer confirms it, or the operator releases it."
    )
    return Outcome(action=MailAction.QUARANTINED, code=Code.FIRST_PROOF.value, detail=why, held=waits)


def waiting_for_approval(action: HeldAction) -> Outcome:
    """The outcome of a change that was understood and waits for approval."""
    who = action.address or "the operator"
    return Outcome(
        action=MailAction.HELD,
        uid=action.command.event_uid,
        detail=f"waits for the approval of {who} (id {action.id})",
    )
