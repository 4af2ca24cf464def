"""What attendees send back: receipts, proposals and delegations (RFC 5546, 3.2)."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from engine.model.base import Value
from engine.model.people import Partstat
from engine.model.times import Instant, Span


class Receipt(Value):
    """An iTIP REPLY that came back (RFC 5546, 3.2.3)."""

    event_uid: str
    email: str
    partstat: Partstat
    sequence: int
    unnumbered: bool = Field(
        False, description="true: it names no revision; `sequence` is the oldest it can be for"
    )
    dtstamp: datetime
    arrived: datetime
    prodid: str = ""
    comment: str = ""
    recurrence_id: Instant | None = None
    sent_by: str = Field("", description="who answered on the attendee's behalf (SENT-BY)")
    counted: bool = True
    code: str = Field("", description="why it did not count: stale, unknown_instance, sender_unauthenticated")


class InstanceAnswer(Value):
    """An attendee's last answer for one instance of a series; the answer for the series is kept separately."""

    event_uid: str
    email: str
    recurrence_id: Instant
    partstat: Partstat
    sequence: int
    dtstamp: datetime
    arrived: datetime


class ProposalState(StrEnum):
    """What became of a proposal."""

    OPEN = "open"
    ANSWERED = "answered"
    DECLINED = "declined"
    REPLACED = "replaced"
    OUTDATED = "outdated"


class Proposal(Value):
    """Another time that an attendee proposes (COUNTER, RFC 5546, 3.2.7)."""

    id: str
    event_uid: str
    email: str
    name: str = ""
    span: Span | None = Field(None, description="None where the mail says no time that can be read")
    location: str = Field("", description="another place, where the attendee names one")
    comment: str = Field("", description="the attendee's comment: data, not instructions")
    recurrence_id: Instant | None = Field(None, description="the one instance it speaks of")
    sequence: int = Field(description="revision that the attendee had")
    unnumbered: bool = Field(
        False, description="true: it names no revision; `sequence` is the oldest it can be for"
    )
    dtstamp: datetime
    arrived: datetime
    state: ProposalState = ProposalState.OPEN


class Delegation(Value):
    """An attendee's delegation to somebody else (RFC 5546, 3.2.2.3)."""

    event_uid: str
    delegator: str
    delegate: str
    at: datetime
    added: bool = Field(
        False,
        description="true: invited because the delegator named them, who answers for them until they do",
    )
