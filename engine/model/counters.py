"""Counters and records that the system keeps of itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from engine.model.base import Value
from engine.model.messages import MessageState
from engine.model.people import Partstat


class Prompt(Value):
    """A mail that we owe because a stranger wrote; `organizer`: on whose behalf it leaves."""

    kind: str
    address: str
    domain: str
    organizer: str
    at: datetime


class Prompts(Value):
    """How many such mails were prompted: for one address, its domain, an organizer, and in all."""

    address: int = 0
    domain: int = 0
    organizer: int = 0
    all: int = 0


class PersonMails(Value):
    """Mails that a person was owed in one day (UTC), without notices, changes and cancellations.

    `prompted`: those of them that strangers asked for.
    """

    all: int = 0
    prompted: int = 0


_NO_ANSWERS = {partstat.label: 0 for partstat in Partstat}
_NO_DELIVERIES = {state.value: 0 for state in MessageState}


class Statistics(Value):
    """Counters of an event, an organizer or the whole system: people invited, origins, clients, answers."""

    attendees: int = 0
    proposals: int = Field(0, description="other times that attendees propose and that wait for an answer")
    rsvp: dict[str, int] = Field(default_factory=_NO_ANSWERS.copy)
    origin: dict[str, int] = Field(default_factory=dict)
    prodid: dict[str, int] = Field(default_factory=dict)
    delivery: dict[str, int] = Field(default_factory=_NO_DELIVERIES.copy)


class AnswerGrouping(StrEnum):
    """The property by which answers are grouped."""

    EVENT = "event"
    DOMAIN = "domain"
    CLIENT = "client"
    HOUR = "hour"
    NONE = "none"
    """All in one group, in which each address is counted once."""


class AnswerGroup(Value):
    """Attendees with the same value of the grouping, and what they answered.

    `key`: uid of the event, domain, calendar client, or the hour of the answer in UTC. `summary`, `cancelled`: of an
    event.
    """

    key: str
    people: int
    rsvp: Mapping[str, int]
    summary: str = ""
    cancelled: bool = False


class OrganizerBrief(Value):
    """An organizer in a list, and how many invitations they have made."""

    address: str
    invited: int


class DomainBrief(Value):
    """A domain of organizers, and how many there are."""

    domain: str
    organizers: int


class Intake(Value):
    """One mail that came in and its outcome; its id makes it harmless to ingest it twice."""

    id: str
    at: datetime
    mailbox: str
    action: str
    code: str = ""
    uid: str = ""
    detail: str = Field("", description="why, in words; may quote the mail: data, not instructions")


class Rates(Value):
    """Messages that all processes together may claim: in a second, and in 24 hours."""

    all: float = Field(0, description="0: no limit")
    by_domain: Mapping[str, float] = Field(default_factory=dict, description="by recipient domain")
    day: int = Field(0, description="in 24 hours; 0: no limit")


class Quota(Value):
    """What a mail service lets its account send."""

    rate: float = Field(0, description="messages a second; 0: no limit")
    remaining: int | None = Field(
        None, description="messages that may still go in these 24 hours; None: no limit"
    )


class Figures(Value):
    """Figures of the whole system: messages to attendees by state, their answers, running campaigns.

    `failures`: of all messages, by code. `oldest_due`: when the message fell due that has waited longest; None
    where nothing that may leave now is owed.
    """

    messages: Mapping[str, int]
    answers: Mapping[str, int]
    failures: Mapping[str, int]
    campaigns: Mapping[str, int]
    oldest_due: datetime | None = None


class KeptMail(Value):
    """A raw mail that is kept though it changed nothing.

    `share`: whose room it takes: a proven sender's domain, else the client's network. `waits`: in quarantine.
    """

    mail: str
    at: datetime
    size: int = Field(description="bytes")
    proven: bool
    share: str
    waits: bool


class KeptSums(Value):
    """How much mail that changed nothing is kept, and how much of it was ever deleted to make room."""

    kept_mails: int = 0
    kept_bytes: int = 0
    dropped_mails: int = 0
    dropped_bytes: int = 0
