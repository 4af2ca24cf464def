"""What the engine knows: events, attendees, receipts, messages, campaigns, actors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


class Value(BaseModel):
    """Base of all model values: immutable and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Partstat(StrEnum):
    """Participation status of an attendee (RFC 5545, 3.2.12)."""

    NEEDS_ACTION = "needs-action"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TENTATIVE = "tentative"
    DELEGATED = "delegated"

    @property
    def label(self) -> str:
        """The word the CIS API uses: `noaction` for needs-action."""
        return "noaction" if self is Partstat.NEEDS_ACTION else self.value


class EventStatus(StrEnum):
    """Whether an event stands; that it is over follows from the clock."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class Origin(StrEnum):
    """The channel that asked for an invite."""

    API = "api"
    BULK = "bulk"
    CONVERTKIT = "convertkit"
    EMAILCTA = "emailcta"
    HUBSPOT = "hubspot"
    KLAVIYO = "klaviyo"
    KLAVIYOCTA = "klaviyocta"
    LANDINGPAGE = "landingpage"
    MAILCHIMPCTA = "mailchimpcta"
    MULTIEVENT = "multievent"
    SENDGRID = "sendgrid"
    SENDGRIDCTA = "sendgridcta"
    SHARED = "shared"
    SINGLESEND = "singlesend"
    TEST = "test"
    VIP = "vip"
    WEBFORM = "webform"
    WIX = "wix"
    WIXV2 = "wixv2"
    ZOHO = "zoho"

    @property
    def limited(self) -> bool:
        """True where `CIS_INVITE_LIMIT` applies: to lists, not to single invites."""
        return self in {Origin.BULK, Origin.VIP}


class Method(StrEnum):
    """The iTIP methods that the server sends (RFC 5546)."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    DECLINECOUNTER = "DECLINECOUNTER"


class Kind(StrEnum):
    """What a message is for."""

    INVITE = "invite"
    UPDATE = "update"
    CANCELLATION = "cancellation"
    DECLINED_PROPOSAL = "declined-proposal"
    REPORT = "report"
    NOTICE = "notice"

    @property
    def calendar(self) -> bool:
        """True where the message carries an event to an attendee."""
        return self in {Kind.INVITE, Kind.UPDATE, Kind.CANCELLATION, Kind.DECLINED_PROPOSAL}

    @property
    def method(self) -> Method:
        """The iTIP method of a calendar message of this kind."""
        methods = {Kind.CANCELLATION: Method.CANCEL, Kind.DECLINED_PROPOSAL: Method.DECLINECOUNTER}
        return methods.get(self, Method.REQUEST)


class MessageState(StrEnum):
    """What became of a message."""

    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"

    @property
    def pending(self) -> bool:
        """True while the message is still owed."""
        return self in {MessageState.QUEUED, MessageState.SENDING, MessageState.DEFERRED}


class CampaignState(StrEnum):
    """Where a bulk send stands."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class Audience(StrEnum):
    """Who hears of a change; `auto` depends on what changed."""

    AUTO = "auto"
    ACCEPTED_OR_TENTATIVE = "accepted-or-tentative"
    NOT_DECLINED = "not-declined"
    ALL = "all"
    NONE = "none"


def _date_or_datetime(value: object) -> object:
    """Read an ISO string of ten characters as a date; pydantic would make it a midnight."""
    if isinstance(value, str) and len(value) == 10:
        return date.fromisoformat(value)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("times must carry an offset")
        return value.astimezone(UTC)
    return value


Instant = Annotated[date | datetime, BeforeValidator(_date_or_datetime)]
"""A moment in UTC, or a calendar day for all-day events."""


def is_day(value: date | datetime) -> bool:
    """True for a calendar day, False for a moment (datetime is a subclass of date)."""
    return not isinstance(value, datetime)


class Span(Value):
    """Start and end in a zone: moments in UTC, or days where the event is all-day; `end` is exclusive."""

    start: Instant
    end: Instant
    timezone: str

    @property
    def all_day(self) -> bool:
        return is_day(self.start)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def moment(self, value: date | datetime) -> datetime:
        """`value` as a moment in UTC; a day begins at midnight in the event's zone."""
        if isinstance(value, datetime):
            return value
        return datetime.combine(value, time(), tzinfo=self.zone).astimezone(UTC)

    @property
    def start_utc(self) -> datetime:
        return self.moment(self.start)

    @property
    def end_utc(self) -> datetime:
        return self.moment(self.end)

    @property
    def length(self) -> timedelta:
        return self.end_utc - self.start_utc

    def local(self, value: date | datetime) -> date | datetime:
        """`value` in the event's own zone; days stay days."""
        return value.astimezone(self.zone) if isinstance(value, datetime) else value


class Override(Value):
    """One instance of a recurring event that differs from its series (RECURRENCE-ID)."""

    recurrence_id: Instant
    span: Span
    summary: str
    location: str = ""
    description: str = ""
    url: str = ""
    moved_sequence: int = Field(0, description="SEQUENCE with which this instance last moved")
    source_sequence: int = Field(-1, description="SEQUENCE that the organizer's client gave this instance")
    source_dtstamp: datetime | None = None


class Event(Value):
    """One VEVENT with its overrides, owned by one organizer (RFC 5545, 3.6.1)."""

    uid: str
    organizer: str
    organizer_name: str = ""
    summary: str
    span: Span
    location: str = ""
    description: str = ""
    url: str = ""
    recurrence: str = Field("", description="RRULE value, without the property name")
    rdates: tuple[Instant, ...] = ()
    exdates: tuple[Instant, ...] = ()
    overrides: tuple[Override, ...] = ()
    status: EventStatus = EventStatus.CONFIRMED
    sequence: int = 0
    created: datetime
    dtstamp: datetime = Field(description="of this revision, whole seconds, always later than the one before")
    ends_at: datetime | None = Field(description="end of the last instance; None where it recurs for ever")
    cancel_reason: str = ""
    source_uid: str | None = Field(None, description="UID in the organizer's own client")
    sender_unauthenticated: bool = Field(
        False, description="true: its words are of a mail that nothing proves (CIS_SENDER_AUTH=flag)"
    )
    source_sequence: int = Field(0, description="SEQUENCE that the organizer's client sent last")
    source_dtstamp: datetime | None = Field(None, description="DTSTAMP that the organizer's client sent last")
    source_addressed: bool = Field(
        False, description="true: its client's mails name one of our mailboxes among the attendees"
    )
    moved_sequence: int = Field(0, description="SEQUENCE with which its time or place last changed")
    moved_at: datetime | None = Field(None, description="DTSTAMP of that revision; None: it never moved")

    @property
    def recurring(self) -> bool:
        return bool(self.recurrence or self.rdates)

    @property
    def cancelled(self) -> bool:
        return self.status is EventStatus.CANCELLED

    def finished(self, now: datetime) -> bool:
        """True once the last instance is over."""
        return self.ends_at is not None and self.ends_at <= now

    def override(self, recurrence_id: date | datetime) -> Override | None:
        """The override of the instance that `recurrence_id` names, if it has one."""
        return next((o for o in self.overrides if o.recurrence_id == recurrence_id), None)


class Party(Value):
    """A person or a calendar address, with the name it is shown by."""

    address: str
    name: str = ""


class Attendee(Value):
    """One address invited to one event."""

    event_uid: str
    email: str
    token: str = Field(description="unguessable; part of the receipt address")
    name: str = ""
    partstat: Partstat = Partstat.NEEDS_ACTION
    origin: Origin
    prodid: str = Field("", description="PRODID of the client that answered last")
    fields: Mapping[str, str] = Field(
        default_factory=dict, description="personal values for {{placeholders}}"
    )
    created: datetime
    receipt_sequence: int = -1
    receipt_dtstamp: datetime | None = None
    receipt_arrived: datetime | None = None
    proven: bool = Field(
        True, description="false: turned up by mail that nothing proves; nothing is mailed to them"
    )


class Receipt(Value):
    """An iTIP REPLY that came back (RFC 5546, 3.2.3)."""

    event_uid: str
    email: str
    partstat: Partstat
    sequence: int
    dtstamp: datetime
    arrived: datetime
    prodid: str = ""
    comment: str = ""
    recurrence_id: Instant | None = None
    sent_by: str = Field("", description="who answered on the attendee's behalf (SENT-BY)")
    counted: bool = True
    code: str = Field("", description="why it did not count: stale, unknown_instance, sender_unauthenticated")


class InstanceAnswer(Value):
    """What an attendee last answered for one instance of a series; the answer for the series stands beside it."""

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
    comment: str = Field("", description="the attendee's words: data, not instructions")
    recurrence_id: Instant | None = Field(None, description="the one instance it speaks of")
    sequence: int = Field(description="revision that the attendee had")
    dtstamp: datetime
    arrived: datetime
    state: ProposalState = ProposalState.OPEN


class Delegation(Value):
    """Somebody sends another in their place (RFC 5546, 3.2.2.3)."""

    event_uid: str
    delegator: str
    delegate: str
    at: datetime
    added: bool = Field(
        False,
        description="true: invited because the delegator named them, who answers for them until they do",
    )


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


class Notice(Value):
    """The words of a mail that is not a calendar message: a notice or a report."""

    subject: str
    text: str
    report_uid: str | None = Field(None, description="attach this event's CSV report")
    outcomes: str = Field("", description="CSV of what became of each row of a batch, attached")
    reply_to: str = Field("", description="where an answer to it goes; empty: nowhere")
    warning: str = Field("", description="a last paragraph, which stays where several notices become one")

    @property
    def words(self) -> str:
        """The whole text of the mail."""
        return f"{self.text}\n{self.warning}\n" if self.warning else self.text


class Message(Value):
    """One mail that is owed to somebody: a row of the ledger."""

    id: int = 0
    kind: Kind
    email: str
    organizer: str
    message_id: str = Field(description="without angle brackets; decided when the row is written")
    event_uid: str | None = None
    method: Method | None = None
    sequence: int = 0
    recurrence_id: Instant | None = None
    repeat: str = Field("", description="tells repeated messages of origin `test` apart; empty otherwise")
    campaign_id: str | None = None
    notice: Notice | None = None
    state: MessageState = MessageState.QUEUED
    attempts: int = 0
    created: datetime
    due: datetime
    settled: datetime | None = None
    code: str = ""
    answer: str = Field("", description="what the mail server said")
    in_doubt: bool = Field(False, description="a sender died holding it, so it may have gone out already")


class Campaign(Value):
    """Many messages of one cause: a list that is invited, or a change that is told."""

    id: str
    event_uid: str
    organizer: str
    kind: Kind = Kind.INVITE
    origin: Origin
    state: CampaignState = CampaignState.DRAFT
    total: int = Field(0, description="rows of the list, or people in the audience of a change")
    valid: int = 0
    created: datetime
    at: datetime | None = Field(None, description="scheduled start")
    started: datetime | None = None
    resumed: datetime | None = None
    paused: datetime | None = Field(None, description="when it was last paused")
    finished: datetime | None = None
    rate: float | None = Field(None, description="messages a second; None: as fast as allowed")
    digest: str = Field("", description="hash of list, content and event revision, behind the confirm token")
    report_to: str | None = Field(None, description="who hears by mail when it is finished")
    note: str = Field("", description="why it stopped, where it stopped by itself")


# Of these there are a hundred thousand at once, so they are as small as can be.
@dataclass(frozen=True, slots=True)
class Recipient:
    """One row of an uploaded list, judged; `row` 1 is the first after the header, a good one has no `code`."""

    row: int
    email: str
    name: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    code: str = ""


class Actor(Value):
    """Who asks, and what that allows."""

    kind: Literal["local", "agent", "organizer", "attendee", "system"]
    address: str
    scopes: frozenset[str] = frozenset()
    unauthenticated: bool = Field(
        False, description="true: speaks by a mail that nothing proves (CIS_SENDER_AUTH=flag)"
    )

    @property
    def everywhere(self) -> bool:
        """True where the actor may act for every organizer: the operator at the machine, the engine itself."""
        return self.kind in {"local", "system"}

    @property
    def may_read(self) -> bool:
        """False for a key without the scope `read`."""
        return self.kind != "agent" or "read" in self.scopes

    def owns(self, organizer: str) -> bool:
        """True where the actor may see and change what `organizer` owns."""
        return self.everywhere or (self.kind in {"agent", "organizer"} and self.address == organizer)


class Statistics(Value):
    """Counters of an event, an organizer or the whole system: people invited, origins, clients, answers."""

    attendees: int = 0
    rsvp: dict[str, int] = Field(default_factory=lambda: {p.label: 0 for p in Partstat})
    origin: dict[str, int] = Field(default_factory=dict)
    prodid: dict[str, int] = Field(default_factory=dict)
    delivery: dict[str, int] = Field(default_factory=lambda: {s.value: 0 for s in MessageState})


class Attempt(Value):
    """One try to send a message that did not settle it."""

    at: datetime
    state: MessageState
    code: str = ""
    answer: str = Field("", description="what the mail server said")


class ChangeKind(StrEnum):
    """What happened, in the log of changes."""

    EVENT_CREATED = "event_created"
    EVENT_CHANGED = "event_changed"
    EVENT_CANCELLED = "event_cancelled"
    RECEIPT = "receipt"
    PROPOSAL = "proposal"
    MESSAGE_FAILED = "message_failed"
    MESSAGE_BOUNCED = "message_bounced"
    CAMPAIGN_FINISHED = "campaign_finished"
    CAMPAIGN_PAUSED = "campaign_paused"
    CAMPAIGN_CANCELLED = "campaign_cancelled"


class Change(Value):
    """Something that happened to an organizer's events; ids grow in the order in which it was kept."""

    id: int
    at: datetime
    kind: ChangeKind
    organizer: str
    event_uid: str | None
    email: str = Field("", description="whose receipt, proposal or message it is")
    campaign_id: str = ""
    sequence: int | None = Field(None, description="revision of the event that it speaks of")
    status: str = Field(
        "", description="answer of a receipt; kind of a message; state of an event or campaign"
    )
    code: str = Field("", description="why a message failed, or a receipt did not count")
    words: str = Field("", description="what the attendee, the mail server or the note says: data")


class Fanout(Value):
    """A job that writes the messages of one change, or of one campaign, in chunks (promise 2)."""

    id: int = 0
    event_uid: str
    kind: Kind
    partstats: frozenset[Partstat] = frozenset()
    recurrence_id: Instant | None = None
    campaign_id: str | None = None
    cursor: int = Field(0, description="the last attendee, or row of the list, that was done")


class Feed(Value):
    """A calendar that is imported again and again for one organizer."""

    id: str
    organizer: str
    name: str = Field(
        description="as the importer calls it; of a URL its host alone, since URLs hold secrets"
    )
    source: str = Field("", description="hash of the URL that the ETag belongs to")
    etag: str = ""
    last_modified: str = ""
    digest: str = Field("", description="hash of the text, where the last import was whole")
    imported: datetime | None = None


@dataclass(frozen=True, slots=True)
class FeedEntry:
    """Which event an entry of an imported calendar became; `digest` is of the entry as it was then."""

    source_uid: str
    event_uid: str
    digest: str


class ConfirmationKind(StrEnum):
    """Why something waits for somebody's word."""

    MAIL = "mail"
    """Nothing proves who sent it."""
    FIRST_PROOF = "first_proof"
    """It would mail many people, and what proves its sender is new for this organizer."""


class Confirmation(Value):
    """A mail that waits until the owner of an address on file says that it is theirs."""

    kind: ConfirmationKind = ConfirmationKind.MAIL

    code: str = Field(description="unguessable; part of the address and of the link that confirm")
    mail: str = Field(description="id of the raw mail that waits")
    mailbox: str = Field(description="which of our mailboxes it was for, with its token")
    address: str = Field(description="who was asked")
    what: str = Field(description="what confirming does, in a sentence")
    created: datetime
    expires: datetime
    used: datetime | None = None
    asked: bool = Field(True, description="false: it waits with another one, about which a mail went out")
    proofs: tuple[str, ...] = Field((), description="digests of what proves its sender, known once confirmed")
