"""What became of one mail, and the mail as the routes see it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from engine.inbox.spool import Envelope, Mailbox
from engine.mail.authenticity import Verdict
from engine.mail.incoming import IncomingMail
from engine.model import Actor, Value
from engine.refusals import Code
from engine.store.protocol import Intake


class Action(StrEnum):
    """What a mail came to."""

    CREATED = "created"
    UPDATED = "updated"
    CANCELLED = "cancelled"
    RECEIPT = "receipt"
    COUNTER = "counter"
    CAMPAIGN = "campaign"
    BOUNCE = "bounce"
    UNSUBSCRIBED = "unsubscribed"
    QUARANTINED = "quarantined"
    REFUSED = "refused"
    IGNORED = "ignored"


class Outcome(Value):
    """What became of one mail at one mailbox."""

    action: Action
    uid: str = ""
    code: str = ""
    detail: str = ""


class Taken(Value):
    """One mail at one mailbox, read, with who sent it."""

    envelope: Envelope
    mailbox: Mailbox
    mail: IncomingMail
    verdict: Verdict
    own: frozenset[str]
    """Our own mailboxes: they are never answered."""
    enforce: bool

    @property
    def trusted(self) -> bool:
        """True where the sender is who they say, or the operator does not ask."""
        return self.verdict.passed or not self.enforce

    @property
    def actor(self) -> Actor:
        """The organizer who speaks by this mail."""
        return Actor(kind="organizer", address=self.mail.from_address)

    @property
    def answerable(self) -> bool:
        """True where a notice may go back: to a person, not to a machine, a list or ourselves.

        Calendar programs mark what they send for a person as automatic; a mail with a calendar is answered
        all the same, which cannot loop, since a notice carries none.
        """
        if self.envelope.sender == "" or self.mail.from_address in self.own:
            return False
        return self.trusted and (bool(self.mail.calendars) or not self.mail.automatic)

    def intake(self, outcome: Outcome, now: datetime, part: str = "") -> Intake:
        """The line that says what became of it; `part` tells several changes by one mail apart."""
        box = f"{self.mailbox.name}+{self.mailbox.token}" if self.mailbox.token else self.mailbox.name
        return Intake(
            id=f"{self.envelope.id}:{box}:{part}",
            at=now,
            mailbox=self.mailbox.name,
            action=outcome.action.value,
            code=outcome.code,
            uid=outcome.uid,
        )


def ignored(code: Code, detail: str) -> Outcome:
    return Outcome(action=Action.IGNORED, code=code.value, detail=detail)


def quarantined(code: Code, detail: str) -> Outcome:
    return Outcome(action=Action.QUARANTINED, code=code.value, detail=detail)


def refused(code: Code, detail: str, uid: str = "") -> Outcome:
    return Outcome(action=Action.REFUSED, code=code.value, detail=detail, uid=uid)
