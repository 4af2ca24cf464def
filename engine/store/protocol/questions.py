"""Questions: they see what was kept, change nothing and wait for no writer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import date, datetime
from typing import Protocol

from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState, Receipt
from engine.model.campaigns import Campaign
from engine.model.changes import Change, ChangeKind
from engine.model.confirmations import Confirmation
from engine.model.counters import AnswerGroup, AnswerGrouping, DomainBrief, OrganizerBrief, Statistics
from engine.model.events import Event
from engine.model.keys import Key
from engine.model.list_rows import Recipient
from engine.model.messages import History, Message
from engine.model.people import Attendee
from engine.model.queries import AttendeePage, AttendeeQuery, ChangePage, EventName, EventPage, EventQuery


class Searching(Protocol):
    """What a search asks of the store."""

    async def search(self, query: EventQuery) -> EventPage:
        """A page of events that fit, in order of their start. Raises Refused: INVALID_CURSOR."""
        ...

    async def listed(self, search_cursor: str) -> tuple[str, ...]:
        """The uids that a search listed. Raises Refused: INVALID_CURSOR."""
        ...

    async def names(self, organizer: str | None, phrases: Collection[str]) -> frozenset[str]:
        """Those of `phrases` that an event has; of one organizer, if given."""
        ...


class Reports(Protocol):
    """What a report asks of the store."""

    def every_attendee(self, uid: str) -> AsyncIterator[Attendee]:
        """All attendees of an event, in a lasting order, read in pages."""
        ...


class Questions(Reports, Protocol):
    """What callers ask about events, attendees, campaigns and keys."""

    async def event(self, uid: str) -> Event | None:
        """The event with this uid, or None."""
        ...

    async def events_named(self, name: str, actor: str) -> list[Event]:
        """The events with this uid, this short id, or made with this key by the address `actor`."""
        ...

    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None:
        """The organizer's event with this UID in the organizer's own calendar, or None."""
        ...

    async def single_dates(self, organizer: str, source_uid: str, limit: int) -> list[Event]:
        """The organizer's standing events that were made of single dates of this UID, in the order of their dates."""
        ...

    async def left_today(self, limit: int, now: datetime) -> int:
        """How many mails of the installation's `limit` in 24 hours may still leave."""
        ...

    async def events_with_statistics(self, name: str, actor: str) -> list[tuple[Event, Statistics]]:
        """Like `events_named`, each with its counters."""
        ...

    async def uids(self, organizer: str | None, beginning: str, limit: int) -> list[str]:
        """Uids that begin with these characters, in order; of one organizer's events, if given."""
        ...

    async def event_names(self, uids: Collection[str]) -> dict[str, EventName]:
        """Short id and title of each of these events, by uid; up to some hundreds, those unknown are left out."""
        ...

    async def statistics(self, scope: str, key: str) -> Statistics:
        """The counters of an event, an organizer, the organizers of a domain, or the system."""
        ...

    async def answer_groups(self, scope: str, key: str, by: AnswerGrouping, limit: int) -> list[AnswerGroup]:
        """Attendees of an event, an organizer or a domain of organizers in groups: the largest, or the newest hours."""
        ...

    async def organizers(
        self, domain: str, beginning: str, limit: int, after: str = ""
    ) -> list[OrganizerBrief]:
        """Organizers in the order of their addresses: of one domain, if given, with addresses that begin so."""
        ...

    async def organizer_domains(self, limit: int) -> list[DomainBrief]:
        """The domains of organizers: those with most of them first."""
        ...

    async def attendees(self, query: AttendeeQuery) -> AttendeePage:
        """A page of attendees of an event, in the order of `every_attendee`, or of their answers.

        Raises Refused: INVALID_CURSOR.
        """
        ...

    async def attendee(self, event_uid: str, email: str) -> Attendee | None:
        """The attendee of an event with this address, or None."""
        ...

    async def attendee_by_token(self, token: str) -> Attendee | None:
        """The attendee to whom this receipt token belongs, or None."""
        ...

    async def history(self, event_uid: str, email: str) -> list[History]:
        """The newest messages to one attendee of an event, oldest first, with the tries that settled nothing."""
        ...

    async def receipts(self, event_uid: str, email: str) -> list[Receipt]:
        """The newest receipts of one attendee of an event, oldest first."""
        ...

    async def automatic_replies(self, event_uid: str, email: str) -> list[Change]:
        """What the mail program of one attendee of an event answered, oldest first."""
        ...

    async def instance_answers(
        self, event_uid: str, email: str | None = None, recurrence_id: date | datetime | None = None
    ) -> list[InstanceAnswer]:
        """Answers for single instances: of one attendee, or for one instance, if these are given."""
        ...

    async def proposals(
        self, event_uid: str, email: str | None = None, state: ProposalState | None = ProposalState.OPEN
    ) -> list[Proposal]:
        """Proposals for an event, oldest first; `state` None: in any state."""
        ...

    async def delegations(self, event_uid: str, email: str) -> list[Delegation]:
        """Delegations by an attendee and to them, oldest first."""
        ...

    async def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign with this id, or None."""
        ...

    async def campaigns(
        self, organizer: str | None, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[Campaign]:
        """The newest campaigns, newest first; `before`: only those older than the one with this `created` and id."""
        ...

    async def campaign_counts(self, campaign_id: str) -> dict[str, int]:
        """How many messages are in each state, and how many rows were skipped or wait to be written."""
        ...

    async def skipped(self, campaign_id: str, limit: int, after: int = 0) -> list[Recipient]:
        """The first skipped rows of those after the row `after`."""
        ...

    async def failures(self, campaign_id: str, limit: int) -> list[Message]:
        """The first messages of a campaign that failed."""
        ...

    async def message_by_message_id(self, message_id: str) -> Message | None:
        """The message with this Message-ID, or None."""
        ...

    async def changes(
        self, owner: str | None, since: str | None, limit: int, *kinds: ChangeKind
    ) -> ChangePage:
        """What happened after the cursor `since`, oldest first; without one the newest.

        Raises Refused: INVALID_CURSOR.
        """
        ...

    async def key_by_digest(self, digest: str) -> Key | None:
        """The key whose secret has this hash, or None."""
        ...

    async def registrations(self, address: str | None, limit: int) -> list[Confirmation]:
        """Mails that wait for their sender to be registered, by address, oldest first; of one, if given."""
        ...

    async def keys(self) -> list[Key]:
        """All keys, oldest first."""
        ...
