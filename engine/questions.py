"""The questions, which change nothing; each checks that the caller may see the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from engine import attendee_report
from engine.branding_questions import BrandingQuestions
from engine.campaign_questions import CampaignQuestions
from engine.commands import series, text
from engine.commands.agents.keys import digest, subject_digest
from engine.commands.approvals.deciding import unknown
from engine.commands.base import named_event
from engine.commands.operators.operators import may_administer
from engine.do_not_mail import DoNotMail, refuse_unreading
from engine.export_questions import ExportQuestions
from engine.model.actors import Actor
from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState, Receipt
from engine.model.base import Value
from engine.model.changes import Change, ChangeKind
from engine.model.confirmations import Confirmation
from engine.model.counters import AnswerGroup, AnswerGrouping, Statistics
from engine.model.events import Event
from engine.model.held import HeldAction
from engine.model.keys import Key
from engine.model.messages import History, Message
from engine.model.people import Attendee
from engine.model.queries import AttendeePage, AttendeeQuery, ChangePage, EventQuery
from engine.model.record import ChainRow, commitment
from engine.model.stops import Stop
from engine.model.verbs import Verb
from engine.ownership import of_others, one_organizer, own_alone, refuse_addresses
from engine.page_questions import PageQuestions
from engine.refusals import Code, Refused
from engine.report_questions import ReportQuestions
from engine.revision_questions import RevisionQuestions
from engine.session_questions import SessionQuestions
from engine.signals import Signal
from engine.store.protocol import Store

if TYPE_CHECKING:
    from engine.search.asking import Found

Clock = Callable[[], datetime]

_GROUPS_SHOWN = 50
_REGISTRATIONS_SHOWN = 1_000
_OTHER_PROCESS_S = 0.05
"""How often to look whether another process has settled a message."""


class Explanation(Value):
    """What was sent to one attendee of one event, each try, and what came back."""

    attendee: Attendee
    history: tuple[History, ...]
    receipts: tuple[Receipt, ...]
    instances: tuple[InstanceAnswer, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    delegations: tuple[Delegation, ...] = ()
    automatic: tuple[Change, ...] = ()


class Questions(
    CampaignQuestions,
    PageQuestions,
    DoNotMail,
    SessionQuestions,
    RevisionQuestions,
    ReportQuestions,
    ExportQuestions,
    BrandingQuestions,
):
    """Asks one store. Callers see only what is theirs, and cannot learn that anything else exists."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.answered = Signal()

    async def event(self, uid: str, actor: Actor) -> Event:
        """The event that `uid` names: a uid, a short id, or the actor's own key.

        Raises Refused: UNKNOWN_EVENT, AMBIGUOUS_EVENT.
        """
        refuse_unreading(actor)
        return named_event(await self.store.events_named(uid, actor.address), uid, actor)

    async def event_with_statistics(self, uid: str, actor: Actor) -> tuple[Event, Statistics]:
        """As `event`, with its counters."""
        refuse_unreading(actor)
        found = await self.store.events_with_statistics(uid, actor.address)
        event = named_event([event for event, _ in found], uid, actor)
        return event, next(counters for one, counters in found if one is event)

    async def statistics(self, scope: str, key: str | None, actor: Actor) -> Statistics:
        """Counters of an event, an organizer, all organizers of a domain, or the system. Raises Refused."""
        refuse_unreading(actor)
        if scope == "event":
            event = await self.event(key or "", actor)
            return await self.store.statistics("event", event.uid)
        if scope == "organizer":
            return await self.store.statistics("organizer", _organizer(key, actor))
        if scope == "domain":
            return await self.store.statistics("domain", _domain(key, actor))
        if not actor.everywhere:
            raise Refused(Code.NOT_ALLOWED, "Only the operator sees the whole system.")
        return await self.store.statistics("system", "")

    async def search(self, query: EventQuery, actor: Actor, timezone: str | None = None) -> Found:
        """Events that the actor may see; `timezone`: whose clock the words speak of, None: each event's own.

        Raises Refused: NOT_ALLOWED, INVALID_CURSOR, UNKNOWN_TIMEZONE.
        """
        refuse_unreading(actor)
        organizer = text.known_address(query.organizer) if query.organizer else None
        if not actor.everywhere:
            organizer = organizer or one_organizer(actor)
            if not actor.owns(organizer):
                raise of_others("organizer")
        if organizer != query.organizer:
            query = query.model_copy(update={"organizer": organizer})
        from engine.search.asking import find

        return await find(self.store, query, self.clock(), timezone)

    async def listed(self, search_cursor: str, actor: Actor) -> tuple[str, ...]:
        """The uids of the events that a search listed. Raises Refused: NOT_ALLOWED, INVALID_CURSOR."""
        refuse_unreading(actor)
        return await self.store.listed(search_cursor)

    async def attendees(self, query: AttendeeQuery, actor: Actor) -> AttendeePage:
        """Attendees of an event. Raises Refused: UNKNOWN_EVENT, INVALID_CURSOR."""
        event = await self.event(query.uid, actor)
        return await self.store.attendees(query.model_copy(update={"uid": event.uid}))

    async def report_csv(self, uid: str, actor: Actor) -> AsyncIterator[str]:
        """The CSV report of an event, line by line. Raises Refused: NOT_ALLOWED, UNKNOWN_EVENT."""
        refuse_addresses(actor)
        event = await self.event(uid, actor)
        async for line in attendee_report.csv_lines(self.store.every_attendee(event.uid)):
            yield line

    async def changes(
        self,
        actor: Actor,
        since: str | None = None,
        limit: int = 50,
        kinds: Collection[ChangeKind] = (),
    ) -> ChangePage:
        """What happened to the actor's events after the cursor `since`, of these `kinds` if any are named.

        Raises Refused: NOT_ALLOWED, INVALID_CURSOR.
        """
        refuse_unreading(actor)
        found = await self.store.changes(own_alone(actor), since, limit, *kinds)
        uids = {change.event_uid for change in found.changes if change.event_uid}
        return found.model_copy(update={"names": await self.store.event_names(uids)})

    async def answer_groups(
        self, scope: str, key: str | None, by: AnswerGrouping, actor: Actor, limit: int = _GROUPS_SHOWN
    ) -> list[AnswerGroup]:
        """Answers of an event, an organizer or a domain, in groups: the `limit` largest, or the newest hours.

        Raises Refused: UNKNOWN_EVENT, NOT_ALLOWED.
        """
        if scope == "event":
            event = await self.event(key or "", actor)
            return await self.store.answer_groups("event", event.uid, by, limit)
        return await self.store.answer_groups(scope, _group(scope, key, actor), by, limit)

    async def people(self, scope: str, key: str | None, actor: Actor) -> int:
        """How many people an organizer, or a domain, has invited, each counted once. Raises Refused: NOT_ALLOWED."""
        found = await self.store.answer_groups(scope, _group(scope, key, actor), AnswerGrouping.NONE, 1)
        return found[0].people if found else 0

    async def explain(self, uid: str, email: str, actor: Actor) -> Explanation:
        """Everything that was sent to one person for one event, and what came back. Raises Refused."""
        event = await self.event(uid, actor)
        address = text.known_address(email)
        attendee = await self.store.attendee(event.uid, address)
        if attendee is None:
            raise Refused(Code.UNKNOWN_ATTENDEE, "That address is not invited to this event.")
        return Explanation(
            attendee=attendee,
            history=tuple(await self.store.history(event.uid, address)),
            receipts=tuple(await self.store.receipts(event.uid, address)),
            instances=tuple(
                answer
                for answer in await self.store.instance_answers(event.uid, address)
                if series.still_answers(event, answer)
            ),
            proposals=tuple(await self.store.proposals(event.uid, address, None)),
            delegations=tuple(await self.store.delegations(event.uid, address)),
            automatic=tuple(await self.store.automatic_replies(event.uid, address)),
        )

    async def instance_answers(
        self, uid: str, actor: Actor, recurrence_id: date | datetime | None = None
    ) -> list[InstanceAnswer]:
        """What attendees answered for single instances, or for the one that is named. Raises Refused."""
        event = await self.event(uid, actor)
        wanted = series.aligned(event.span, recurrence_id) if recurrence_id is not None else None
        found = await self.store.instance_answers(event.uid, None, wanted)
        return [answer for answer in found if series.still_answers(event, answer)]

    async def proposals(self, uid: str, actor: Actor, *, settled: bool = False) -> list[Proposal]:
        """The open proposals for an event, or all of them where `settled`. Raises Refused."""
        event = await self.event(uid, actor)
        return await self.store.proposals(event.uid, None, None if settled else ProposalState.OPEN)

    async def settled(self, message: Message, seconds: float) -> Message:
        """The ledger row of `message`, once it is no longer about to be sent, or when `seconds` are over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            signal = self.answered.listen()
            found = await self.store.message_by_message_id(message.message_id) or message
            left = deadline - loop.time()
            if found.state not in {"queued", "sending"} or left <= 0:
                return found
            await signal.wait(min(left, _OTHER_PROCESS_S))

    async def key_of(self, secret: str) -> Key | None:
        """The key with this secret; None if it is unknown, revoked or expired."""
        # Looked up by its hash: what a caller can time is the hash, which tells nothing of the key.
        return await self.in_force(await self.store.key_by_digest(digest(secret)))

    async def key_of_subject(self, issuer: str, subject: str) -> Key | None:
        """The bounds of a subject of an OAuth issuer, ended or not; None if it has none."""
        return await self.store.key_by_digest(subject_digest(issuer, subject))

    async def keys(self) -> list[Key]:
        """All keys, without their secrets, which are not stored."""
        return await self.store.keys()

    async def keys_of(self, actor: Actor) -> list[Key]:
        """The keys that the actor may see: an operator all, a key itself and those under it; with the verb `approve`
        all of its address. Raises Refused: NOT_ALLOWED."""
        refuse_unreading(actor)
        keys = await self.store.keys()
        if actor.everywhere:
            return keys
        whole = Verb.APPROVE in actor.verbs
        return [key for key in keys if actor.key in key.chain or (whole and key.address == actor.address)]

    async def registrations(self, actor: Actor) -> list[Confirmation]:
        """The mails that wait for their sender to be registered, oldest first. Raises Refused: NOT_ALLOWED."""
        may_administer(actor)
        return await self.store.registrations(None, _REGISTRATIONS_SHOWN)

    async def held_action(self, held_id: str, actor: Actor) -> HeldAction:
        """The held action with this id, decided or not. Raises Refused: NOT_ALLOWED, UNKNOWN_HELD_ACTION."""
        refuse_unreading(actor)
        found = await self.store.held_action(held_id)
        if found is None or not actor.owns(found.organizer):
            raise unknown()
        return found

    async def held_by_code(self, code: str) -> HeldAction:
        """What the link with this code decides; the code allows the question. Raises Refused: UNKNOWN_HELD_ACTION."""
        found = await self.store.held_by_code(code)
        if found is None:
            raise unknown()
        return found

    async def held_actions(
        self, actor: Actor, *, waiting: bool, limit: int, before: tuple[float, str] | None = None
    ) -> list[HeldAction]:
        """Held actions of the actor's, newest first. Raises Refused: NOT_ALLOWED."""
        refuse_unreading(actor)
        return await self.store.held_actions(own_alone(actor), waiting=waiting, limit=limit, before=before)

    async def held_for(self, address: str | None, limit: int) -> list[HeldAction]:
        """Held actions that wait for the decision of `address`, newest first; None: for anybody's."""
        found = await self.store.held_actions(None, waiting=True, limit=limit, asked=address)
        return list(found)

    async def stops(self) -> list[Stop]:
        """All that is stopped, for those who watch the server."""
        return await self.store.stops()

    async def record(self, actor: Actor, limit: int, before: int | None = None) -> list[ChainRow]:
        """The newest rows of the record, newest first: the operator's all, else those of the actor's key or address.

        `before`: only those with a smaller number. Raises Refused: NOT_ALLOWED.
        """
        refuse_unreading(actor)
        caller = None if actor.everywhere else actor.key or await self._commitment(actor.address)
        return await self.store.newest_rows(caller, before, limit)

    async def _commitment(self, address: str) -> str:
        """As what the record names a person; of one whom it never named, what is in no row."""
        salt = await self.store.record_salt(address)
        return commitment(address.encode(), salt) if salt else "nobody"

    async def events_by_uid(self, beginning: str, actor: Actor, limit: int) -> list[Event]:
        """The actor's events whose uid begins with these characters. Raises Refused: NOT_ALLOWED."""
        refuse_unreading(actor)
        uids = await self.store.uids(own_alone(actor), beginning, limit)
        return [event for event in [await self.store.event(uid) for uid in uids] if event]

    async def events_with_words(
        self, words: str, actor: Actor, limit: int, after: datetime | None = None
    ) -> Sequence[Event]:
        """The actor's events that contain these exact words; `after`: only those that end later.

        Raises Refused: NOT_ALLOWED.
        """
        refuse_unreading(actor)
        query = EventQuery(query=words, organizer=own_alone(actor), limit=limit, after=after)
        return (await self.store.search(query)).events

    async def holder(self, token: str) -> Attendee | None:
        """The attendee to whom a receipt token belongs; the token itself is what allows the question (promise 15)."""
        return await self.store.attendee_by_token(token)


def _organizer(key: str | None, actor: Actor) -> str:
    """The organizer whom `key` names, the actor's own without one. Raises Refused: NOT_ALLOWED."""
    organizer = text.known_address(key or actor.address)
    if not actor.owns(organizer):
        raise of_others("key")
    return organizer


def _group(scope: str, key: str | None, actor: Actor) -> str:
    return _domain(key, actor) if scope == "domain" else _organizer(key, actor)


def _domain(key: str | None, actor: Actor) -> str:
    """The domain whose organizers are meant, the actor's own without a key. Raises Refused: NOT_ALLOWED."""
    domain = (key or actor.address).strip().lower().rpartition("@")[2]
    if domain != actor.domain:
        may_administer(actor)
    return domain
