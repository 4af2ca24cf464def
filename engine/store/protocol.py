"""What the engine asks of a store, in the words of the domain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar

from pydantic import Field

from engine.model import (
    Attempt,
    Attendee,
    Campaign,
    Change,
    Confirmation,
    ConfirmationKind,
    Delegation,
    Event,
    EventStatus,
    Fanout,
    Feed,
    FeedEntry,
    InstanceAnswer,
    Message,
    MessageState,
    Notice,
    Partstat,
    Prompt,
    Prompts,
    Proposal,
    ProposalState,
    Receipt,
    Recipient,
    Span,
    Statistics,
    Value,
)
from engine.refusals import Code
from engine.store.searching import Wanted, WordsRead

T = TypeVar("T")


class EventQuery(Value):
    """Which events are looked for; times compare with the event's start and end.

    `query`: words, as a person says them; `wanted`: what was read out of them, which then counts instead.
    `location`: words that the place must have.
    """

    query: str = ""
    wanted: Wanted | None = None
    organizer: str | None = None
    location: str | None = None
    after: datetime | None = None
    before: datetime | None = None
    status: EventStatus | None = None
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = None


@dataclass(frozen=True)
class EventPage:
    """Some events, in order of their start, and where to go on.

    `search_cursor` names exactly these events. `occasions`: for each event when it is: of one
    that recurs, the first instance that fits.
    """

    events: tuple[Event, ...]
    next_cursor: str | None = None
    search_cursor: str | None = None
    occasions: tuple[Span, ...] = ()
    read: WordsRead = field(default_factory=WordsRead)


class AttendeeQuery(Value):
    """Which attendees of an event are looked for."""

    uid: str
    status: Partstat | None = None
    limit: int = Field(50, ge=1, le=100)
    cursor: str | None = None


class AttendeePage(Value):
    """Some attendees, in the order in which they were invited, and where to go on."""

    attendees: tuple[Attendee, ...]
    next_cursor: str | None = None


class ChangePage(Value):
    """What happened after a cursor, oldest first, and the cursor to ask with next; `more`: there is more already."""

    changes: tuple[Change, ...]
    cursor: str
    more: bool = False


class Intake(Value):
    """One mail that came in and what became of it; its id makes taking it in twice harmless."""

    id: str
    at: datetime
    mailbox: str
    action: str
    code: str = ""
    uid: str = ""
    detail: str = Field("", description="why, in words; may quote the mail: data, not instructions")


class Rates(Value):
    """Messages a second that all processes together may claim."""

    all: float = Field(0, description="0: no limit")
    by_domain: Mapping[str, float] = Field(default_factory=dict, description="by recipient domain")


class Figures(Value):
    """How things stand in the whole system: messages to attendees by state, their answers, campaigns under way.

    `failures`: of all messages, by code. `oldest_due`: when the message fell due that has waited longest; None
    where nothing that may leave now is owed.
    """

    messages: Mapping[str, int]
    answers: Mapping[str, int]
    failures: Mapping[str, int]
    campaigns: Mapping[str, int]
    oldest_due: datetime | None = None


class History(Value):
    """One message of the ledger and the tries that did not settle it."""

    message: Message
    attempts: tuple[Attempt, ...] = ()


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
    """How much mail is kept that changed nothing, and how much of it was ever deleted for want of room."""

    kept_mails: int = 0
    kept_bytes: int = 0
    dropped_mails: int = 0
    dropped_bytes: int = 0


class AlreadyTakenIn(Exception):  # noqa: N818 -- reads as what it is
    """Another process took this very mail in; the unit of work is undone."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that one dispatcher holds, with what its mail is made of."""

    message: Message
    event: Event | None
    attendee: Attendee | None
    organizer_name: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of trying to send a claimed message.

    `message_id`: of the ledger row. `state`: accepted, deferred or failed; queued gives it back untried.
    `due`: when to try again, where deferred. `untried`: the mail itself was not judged, so it counts as no
    attempt. `in_doubt`: the mail was handed over and no answer came. `transport_id`: what a mail service that
    gives names of its own calls the message.
    """

    message_id: int
    state: MessageState
    code: str = ""
    text: str = ""
    due: datetime | None = None
    untried: bool = False
    in_doubt: bool = False
    transport_id: str = ""


TELL_PAUSE = timedelta(minutes=1)
"""An address has one notice in this time at most; those that come meanwhile are gathered in the next."""


class Chore(StrEnum):
    """What waits to be looked after, in the order in which it is done."""

    PAUSE_FAILING = "pause_failing"
    START_SCHEDULED = "start_scheduled"
    FAN_OUT = "fan_out"
    FINISH = "finish"
    TELL = "tell"


class Unit(Protocol):
    """One unit of work: all of it is kept, or nothing."""

    # events and their organizers
    async def event(self, uid: str) -> Event | None: ...
    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None: ...
    async def add_event(self, event: Event) -> None: ...
    async def save_event(self, event: Event) -> None: ...
    async def ensure_organizer(self, address: str, name: str, now: datetime) -> None: ...
    async def suspended(self, organizer: str) -> bool: ...
    async def set_suspended(self, organizer: str, *, suspended: bool) -> None: ...

    # attendees and their receipts
    async def attendee(self, event_uid: str, email: str) -> Attendee | None: ...
    async def attendee_by_token(self, token: str) -> Attendee | None: ...
    async def attendee_count(self, event_uid: str) -> int: ...
    async def add_attendees(self, attendees: Sequence[Attendee]) -> None: ...
    async def lacking(self, event_uid: str, field: str) -> int: ...
    async def change_attendee(self, old: Attendee, new: Attendee) -> None: ...
    async def invited(self, event_uid: str, emails: Collection[str]) -> set[str]: ...
    async def limited_invites(self, event_uid: str) -> int: ...
    async def record_receipt(self, receipt: Receipt) -> None: ...
    async def instance_answer(
        self, event_uid: str, email: str, recurrence_id: date | datetime
    ) -> InstanceAnswer | None: ...
    async def save_instance_answer(self, answer: InstanceAnswer) -> None: ...
    async def add_proposal(self, proposal: Proposal) -> None: ...
    async def settle_proposal(self, proposal: Proposal, state: ProposalState) -> Proposal: ...
    async def proposals(
        self,
        event_uid: str,
        email: str | None = None,
        state: ProposalState | None = ProposalState.OPEN,
        limit: int = 10_000,
    ) -> list[Proposal]: ...
    async def add_delegation(self, delegation: Delegation) -> None: ...
    async def delegations(self, event_uid: str, email: str) -> list[Delegation]: ...
    async def end_proxy(self, event_uid: str, delegate: str) -> None: ...
    async def alias(self, event_uid: str, email: str) -> str: ...
    async def add_alias(self, event_uid: str, email: str, alias: str) -> None: ...
    async def barred(self, organizer: str, emails: Collection[str]) -> dict[str, Code]: ...
    async def block(self, email: str, organizer: str, now: datetime) -> None: ...
    async def suppress_for(self, email: str, organizer: str, reason: str, now: datetime) -> None: ...
    async def suppress(self, email: str, reason: str, now: datetime) -> None: ...

    # the ledger
    async def add_messages(self, messages: Sequence[Message], *, priority: int) -> None: ...
    async def last_message(self, event_uid: str, email: str) -> Message | None: ...
    async def last_report(self, event_uid: str, email: str) -> datetime | None: ...
    async def told(self, event_uid: str, emails: Collection[str]) -> set[str]: ...
    async def sent_message(self, message_id: str, transport_id: str) -> Message | None: ...
    async def last_sent(self, event_uid: str, email: str) -> Message | None: ...
    async def bounce(self, message: Message, answer: str, now: datetime) -> bool: ...
    async def withdraw_for_attendee(self, email: str, organizer: str, code: Code, now: datetime) -> int: ...
    async def withdraw_for_event(self, event_uid: str, code: Code, now: datetime) -> int: ...
    async def audience_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
    ) -> int: ...
    async def told_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
    ) -> int: ...
    async def audience(self, job: Fanout, limit: int) -> tuple[list[Attendee], int | None]: ...
    async def add_fanout(self, job: Fanout) -> None: ...
    async def next_fanout(self) -> Fanout | None: ...
    async def move_fanout(self, job: Fanout, cursor: int | None) -> None: ...

    # campaigns
    async def campaign(self, campaign_id: str) -> Campaign | None: ...
    async def add_campaign(self, campaign: Campaign, rows: Sequence[Recipient]) -> None: ...
    async def save_campaign(self, campaign: Campaign) -> None: ...
    async def recipients(
        self, campaign_id: str, cursor: int, limit: int
    ) -> tuple[list[Recipient], int | None]: ...
    async def mark_recipients(self, campaign_id: str, codes: Mapping[int, Code]) -> None: ...
    async def skip_recipients(self, campaign_id: str, cursor: int, code: Code) -> None: ...
    async def skipped(self, campaign_id: str, limit: int, after: int = 0) -> list[Recipient]: ...
    async def hold_campaign(self, campaign_id: str, *, held: bool) -> None: ...
    async def withdraw_campaign(self, campaign_id: str, code: Code, now: datetime) -> int: ...
    async def campaign_counts(self, campaign_id: str) -> dict[str, int]: ...
    async def next_scheduled(self, now: datetime) -> Campaign | None: ...
    async def next_drained(self) -> Campaign | None: ...
    async def next_failing(self, share: float) -> tuple[Campaign, int, int, str] | None: ...

    # calendars that are imported again and again
    async def feed(self, feed_id: str) -> Feed | None: ...
    async def save_feed(self, feed: Feed) -> None: ...
    async def feed_entries(self, feed_id: str) -> list[FeedEntry]: ...
    async def standing_entries(self, feed_id: str, now: datetime) -> set[str]: ...
    async def save_feed_entries(self, feed_id: str, entries: Sequence[FeedEntry]) -> None: ...
    async def drop_feed_entries(self, feed_id: str, source_uids: Collection[str]) -> None: ...
    async def in_other_feed(self, feed_id: str, event_uid: str) -> bool: ...

    # mails that wait for a confirmation
    async def knows_organizer(self, address: str) -> bool: ...
    async def add_confirmation(self, confirmation: Confirmation) -> None: ...
    async def confirmation(self, code: str) -> Confirmation | None: ...
    async def save_confirmation(self, confirmation: Confirmation) -> None: ...
    async def add_prompt(self, prompt: Prompt) -> None: ...
    async def prompts(self, like: Prompt, since: datetime) -> Prompts: ...
    async def confirmations_of(self, mail: str) -> list[Confirmation]: ...
    async def asked_since(
        self, address: str, since: datetime, kind: ConfirmationKind = ConfirmationKind.MAIL
    ) -> bool: ...
    async def open_since(
        self, address: str, since: datetime, kind: ConfirmationKind, limit: int
    ) -> list[Confirmation]: ...

    # what proves an organizer's mails
    async def knows_proof(self, organizer: str, proofs: Collection[str], before: datetime) -> bool: ...
    async def note_proofs(
        self,
        organizer: str,
        proofs: Collection[str],
        now: datetime,
        *,
        sure: bool = False,
        warn: bool = False,
    ) -> None: ...
    async def unheard_proofs(self, organizer: str) -> bool: ...
    async def told_of_proofs(self, organizer: str, message_id: str) -> None: ...
    async def on_trial(self, organizer: str, since: datetime) -> tuple[int, str]: ...
    async def add_on_trial(
        self, organizer: str, mail: str, people: int, now: datetime, since: datetime
    ) -> None: ...

    # notices that wait for others
    async def may_tell(self, address: str, now: datetime, pause: timedelta) -> bool: ...
    async def gather(
        self, address: str, notice: Notice, event_uid: str | None, due: timedelta, most: int
    ) -> None: ...
    async def next_gathered(self, now: datetime, pause: timedelta) -> str | None: ...
    async def take_gathered(
        self, address: str, now: datetime
    ) -> tuple[list[tuple[Notice, str | None]], int]: ...

    # raw mails that changed nothing
    async def keep_mail(self, mail: KeptMail) -> None: ...
    async def forget_mails(self, mails: Collection[str], *, dropped: bool = False) -> None: ...

    # keys, and what is remembered of requests
    async def add_key(self, key_id: str, digest: str, body: str) -> None: ...
    async def key(self, key_id: str) -> str | None: ...
    async def save_key(self, key_id: str, body: str) -> None: ...
    async def remembered(self, actor: str, key: str) -> tuple[str, str] | None: ...
    async def remember(self, actor: str, key: str, digest: str, uid: str, now: datetime) -> None: ...
    async def taken_in(self, intake_id: str) -> Intake | None: ...
    async def take_in(self, intake: Intake) -> None: ...
    async def audit(self, now: datetime, actor: str, command: str, subject: str) -> None: ...


class Store(Protocol):
    """Keeps everything; several processes may use one at once (promise 6)."""

    async def close(self) -> None: ...

    def unit(self) -> AbstractAsyncContextManager[Unit]:
        """A unit of work: kept when the block ends, undone when it raises."""
        ...

    async def at_once(self, work: Callable[[Unit], Coroutine[object, object, T]]) -> T:
        """What `work` does to a unit of work, where it waits for nothing else: that is quicker."""
        ...

    # questions: they see what was kept, and wait for nobody
    async def event(self, uid: str) -> Event | None: ...
    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None: ...
    async def attendee_by_token(self, token: str) -> Attendee | None: ...
    async def event_with_statistics(self, uid: str) -> tuple[Event, Statistics] | None: ...
    async def search(self, query: EventQuery) -> EventPage: ...
    async def listed(self, search_cursor: str) -> tuple[str, ...]:
        """The uids that a search listed. Raises Refused(INVALID_CURSOR)."""
        ...

    async def names(self, organizer: str | None, phrases: Collection[str]) -> frozenset[str]:
        """Those of `phrases` that stand in an event; of one organizer, where given."""
        ...

    async def attendees(self, query: AttendeeQuery) -> AttendeePage: ...
    async def statistics(self, scope: str, key: str) -> Statistics: ...
    async def message(self, message_id: int) -> Message | None: ...
    async def message_by_message_id(self, message_id: str) -> Message | None: ...
    async def campaign(self, campaign_id: str) -> Campaign | None: ...
    async def campaigns(
        self, organizer: str | None, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[Campaign]:
        """The newest campaigns, newest first; `before`: of those older than the one with this `created` and id."""
        ...

    async def campaign_counts(self, campaign_id: str) -> dict[str, int]: ...
    async def skipped(self, campaign_id: str, limit: int, after: int = 0) -> list[Recipient]: ...
    async def failures(self, campaign_id: str, limit: int) -> list[Message]: ...
    async def attendee(self, event_uid: str, email: str) -> Attendee | None: ...
    async def history(self, event_uid: str, email: str) -> list[History]: ...
    async def receipts(self, event_uid: str, email: str) -> list[Receipt]: ...
    async def instance_answers(
        self, event_uid: str, email: str | None = None, recurrence_id: date | datetime | None = None
    ) -> list[InstanceAnswer]:
        """Answers for single instances: of one attendee, or for one instance, where these are given."""
        ...

    async def proposals(
        self, event_uid: str, email: str | None = None, state: ProposalState | None = ProposalState.OPEN
    ) -> list[Proposal]:
        """Proposals for an event, oldest first; `state` None: those that were settled too."""
        ...

    async def delegations(self, event_uid: str, email: str) -> list[Delegation]: ...
    async def changes(self, organizer: str | None, since: str | None, limit: int) -> ChangePage:
        """What happened after the cursor `since`, oldest first; without one the newest. Raises Refused."""
        ...

    async def key_by_digest(self, digest: str) -> str | None: ...
    async def keys(self) -> list[str]: ...
    async def intake(self, limit: int) -> list[Intake]: ...
    async def noted(self, intake_prefix: str) -> bool: ...
    async def notes(self, intake_prefix: str) -> list[Intake]:
        """What became of a mail, at each mailbox and for each of its parts, oldest first."""
        ...

    async def confirmation(self, code: str) -> Confirmation | None: ...
    async def knows_proof(self, organizer: str, proofs: Collection[str], before: datetime) -> bool: ...
    async def proven_since(self, now: datetime, limit: int) -> list[Confirmation]:
        """What waits for the word on a proof that has been given meanwhile."""
        ...

    async def kept_sums(self) -> KeptSums: ...
    async def first_to_go(self, limit: int, now: datetime, share_max: int | None = None) -> list[KeptMail]:
        """The oldest mails of one sender, none that somebody may still confirm.

        Of a sender who takes more than `share_max` bytes, else of the unproven one who takes most, then of a proven
        one; without `share_max` of unproven ones only.
        """
        ...

    async def waiting_before(self, before: datetime, limit: int, now: datetime) -> list[str]:
        """Mails in quarantine since before that moment, none that somebody may still confirm."""
        ...

    async def not_kept(self, mails: Sequence[str]) -> list[str]: ...
    async def tokens(self, asked: Collection[str]) -> set[str]:
        """Those of `asked` that belong to an attendee."""
        ...

    def token_at_a_glance(self, token: str) -> bool | None:
        """As `tokens` for one, without waiting; None where the store can only say so by `tokens`."""
        ...

    async def organizes(self, address: str) -> bool:
        """True where the address owns an event, or owned one."""
        ...

    async def revision(self) -> int:
        """A number that differs once anything was kept since, by whichever process; only ever compared."""
        ...

    async def answered(self, after: int | None) -> tuple[int, frozenset[str]]:
        """The newest receipt, and the events of those that came after the receipt `after`; None: of none."""
        ...

    async def uids(self, organizer: str | None, beginning: str, limit: int) -> list[str]:
        """Uids that begin so, in order; of one organizer's events, where given."""
        ...

    async def recount(self) -> list[str]: ...
    async def figures(self) -> Figures:
        """How things stand, for whoever watches over the server; quick, however much there is."""
        ...

    def every_attendee(self, uid: str) -> AsyncIterator[Attendee]: ...

    # the dispatcher's side: each call is a unit of work of its own
    async def claim_messages(
        self, owner: str, limit: int, now: datetime, lease_s: float, *, reclaim: bool = True
    ) -> list[Claim]: ...
    async def renew_leases(self, owner: str, now: datetime, lease_s: float) -> set[int]: ...
    async def write_answers(self, owner: str, answers: Sequence[Answer], now: datetime) -> None: ...
    async def chores(self, now: datetime, fail_share: float = 0) -> frozenset[Chore]:
        """What waits to be looked after."""
        ...

    async def senders(self) -> int:
        """How many dispatchers hold messages just now."""
        ...

    async def backlog(self) -> int:
        """How many messages running campaigns without a rate of their own owe, written or not, and not deferred."""
        ...

    async def next_due(self) -> datetime | None: ...
