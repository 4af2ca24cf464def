"""The engine: one way in for everything that changes, and the questions that change nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, date, datetime
from typing import TypeVar

from engine import report
from engine.bell import Bell
from engine.commands.base import Command, Done, Work, named_event
from engine.commands.campaigns.campaigns import unknown_campaign
from engine.commands.events import series
from engine.commands.operators.operators import Key, digest
from engine.commands.randomness import Randomness, SystemRandomness
from engine.itip.recurrence import instances
from engine.model.actors import Actor
from engine.model.answers import Delegation, InstanceAnswer, Proposal, ProposalState, Receipt
from engine.model.base import Value
from engine.model.campaigns import Campaign, Recipient
from engine.model.events import Event
from engine.model.messages import History, Message
from engine.model.people import Attendee
from engine.model.queries import AttendeePage, AttendeeQuery, ChangePage, EventQuery
from engine.model.records import Statistics
from engine.observe.observer import COMMAND_S, COMMANDS, Observer
from engine.refusals import Code, Refused
from engine.search.asking import Found, find
from engine.settings import Settings
from engine.store.opening import open_store
from engine.store.protocol import Store, Unit
from engine.watching import Watch

log = logging.getLogger(__name__)

D = TypeVar("D", bound=Done)
Clock = Callable[[], datetime]

SYSTEM = Actor(kind="system", address="")
_SKIPPED_SHOWN = 100
_FAILURES_SHOWN = 10
_OTHER_PROCESS_S = 0.05
"""How often to look whether another process has settled a message."""


def system_clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


class CampaignView(Value):
    """A campaign with its counts by ledger state, and the first of what went wrong."""

    campaign: Campaign
    counts: dict[str, int]
    skipped: tuple[Recipient, ...] = ()
    failures: tuple[Message, ...] = ()


class Explanation(Value):
    """What was sent to one attendee of one event, each try, and what came back."""

    attendee: Attendee
    history: tuple[History, ...]
    receipts: tuple[Receipt, ...]
    instances: tuple[InstanceAnswer, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    delegations: tuple[Delegation, ...] = ()


class Engine:
    """Puts the parts together over one store."""

    def __init__(self, settings: Settings, store: Store, clock: Clock, randomness: Randomness) -> None:
        self.settings = settings
        self.store = store
        self.clock = clock
        self.randomness = randomness
        self.local = Actor(kind="local", address=settings.local_organizer)
        self.owed = Bell()
        self.answered = Bell()
        self.arrived = Bell()
        self.watch = Watch(store)
        self.observer = Observer()
        self._applying: set[asyncio.Task[object]] = set()
        self._preparing: set[asyncio.Task[object]] = set()

    @classmethod
    async def open(
        cls, settings: Settings, *, clock: Clock = system_clock, randomness: Randomness | None = None
    ) -> Engine:
        """Open the engine over the store that the settings name. Raises OSError; Refused: NOT_ALLOWED."""
        store = await open_store(settings, instances)
        return cls(settings, store, clock, randomness or SystemRandomness())

    async def close(self) -> None:
        """Finish what is being applied and close the store; what has not reached the store yet is given up."""
        for task in self._preparing:
            task.cancel()
        await asyncio.gather(*self._applying, return_exceptions=True)
        await self.watch.close()
        await self.store.close()

    async def apply(
        self,
        command: Command[D],
        actor: Actor,
        *,
        before: Callable[[Work], Awaitable[None]] | None = None,
        also: Callable[[Work, D], Awaitable[None]] | None = None,
    ) -> D:
        """Carry a command out in one unit of work. Raises Refused; then nothing was changed.

        `before` and `also` run in the same unit, ahead of the command and after it; like the command they wait
        for nothing but the unit. A caller that goes away does not cut the work in half.
        """
        task = asyncio.create_task(self._apply(command, actor, before, also))
        self._applying.add(task)
        task.add_done_callback(self._applying.discard)
        done = await asyncio.shield(task)
        if isinstance(done, Refused):
            # A value until here: the task may outlive its caller, and a refusal is no fault to be reported then.
            raise done
        return done

    async def _apply(
        self,
        command: Command[D],
        actor: Actor,
        before: Callable[[Work], Awaitable[None]] | None,
        also: Callable[[Work, D], Awaitable[None]] | None,
    ) -> D | Refused:
        name, outcome = type(command).__name__, "fault"
        try:
            with (
                self.observer.timing(COMMAND_S, command=name),
                self.observer.span(name, actor=actor.kind) as span,
            ):
                done = await self._carry_out(name, command, actor, before, also)
                outcome = done.code.value if isinstance(done, Refused) else "done"
                span.note(outcome=outcome)
                return done
        finally:
            self.observer.count(COMMANDS, command=name, outcome=outcome)

    async def _carry_out(
        self,
        name: str,
        command: Command[D],
        actor: Actor,
        before: Callable[[Work], Awaitable[None]] | None,
        also: Callable[[Work, D], Awaitable[None]] | None,
    ) -> D | Refused:
        now = self.clock()

        async def whole(unit: Unit) -> D:
            work = Work(unit, actor, now, self.randomness, self.settings)
            if before:
                await before(work)
            done = await command.carry_out(work)
            if also:
                await also(work, done)
            if actor.kind != "system":
                await unit.audit(now, _audited(actor), name, command.subject())
            return done

        try:
            await self._prepared(command)
            done = await self.store.at_once(whole)
        except Refused as refused:
            log.info("%s refused: %s", name, refused.code)
            return refused
        self.owed.ring()
        return done

    async def _prepared(self, command: Command[D]) -> None:
        """Let a command prepare itself: it may wait for a thread, for which no end waits."""
        task = asyncio.current_task()
        assert task is not None, "commands are applied by a task"
        self._preparing.add(task)
        try:
            await command.prepare()
        finally:
            self._preparing.discard(task)

    # questions

    async def event(self, uid: str, actor: Actor) -> Event:
        """The event that `uid` names: a uid, a short id, or the actor's own key.

        Raises Refused: UNKNOWN_EVENT, AMBIGUOUS_EVENT.
        """
        _may_read(actor)
        return named_event(await self.store.events_named(uid, actor.address), uid, actor)

    async def event_with_statistics(self, uid: str, actor: Actor) -> tuple[Event, Statistics]:
        """As `event`, with its counters."""
        _may_read(actor)
        found = await self.store.events_with_statistics(uid, actor.address)
        event = named_event([event for event, _ in found], uid, actor)
        return event, next(counters for one, counters in found if one is event)

    async def statistics(self, scope: str, key: str | None, actor: Actor) -> Statistics:
        """Counters of an event, an organizer or the system. Raises Refused."""
        _may_read(actor)
        if scope == "event":
            event = await self.event(key or "", actor)
            return await self.store.statistics("event", event.uid)
        if scope == "organizer":
            organizer = (key or actor.address).strip().lower()
            if not actor.owns(organizer):
                raise Refused(Code.NOT_ALLOWED, "Those are another organizer's.", "Leave key out for yours.")
            return await self.store.statistics("organizer", organizer)
        if not actor.everywhere:
            raise Refused(Code.NOT_ALLOWED, "Only the operator sees the whole system.")
        return await self.store.statistics("system", "")

    async def search(self, query: EventQuery, actor: Actor, timezone: str | None = None) -> Found:
        """Events that the actor may see; `timezone`: whose clock the words speak of, None: each event's own.

        Raises Refused: NOT_ALLOWED, INVALID_CURSOR, UNKNOWN_TIMEZONE.
        """
        _may_read(actor)
        organizer = query.organizer.strip().lower() if query.organizer else None
        if not actor.everywhere:
            organizer = organizer or actor.address
            if not actor.owns(organizer):
                raise Refused(
                    Code.NOT_ALLOWED, "Those are another organizer's.", "Leave organizer out for yours."
                )
        if organizer != query.organizer:
            query = query.model_copy(update={"organizer": organizer})
        return await find(self.store, query, self.clock(), timezone)

    async def listed(self, search_cursor: str, actor: Actor) -> tuple[str, ...]:
        """The uids of the events that a search listed. Raises Refused: NOT_ALLOWED, INVALID_CURSOR."""
        _may_read(actor)
        return await self.store.listed(search_cursor)

    async def attendees(self, query: AttendeeQuery, actor: Actor) -> AttendeePage:
        """Attendees of an event. Raises Refused: UNKNOWN_EVENT, INVALID_CURSOR."""
        event = await self.event(query.uid, actor)
        return await self.store.attendees(query.model_copy(update={"uid": event.uid}))

    async def report_csv(self, uid: str, actor: Actor) -> AsyncIterator[str]:
        """The CSV report of an event, line by line. Raises Refused: UNKNOWN_EVENT."""
        event = await self.event(uid, actor)
        async for line in report.csv_lines(self.store.every_attendee(event.uid)):
            yield line

    async def campaign(
        self, campaign_id: str, actor: Actor, *, skipped: int = _SKIPPED_SHOWN, skipped_after: int = 0
    ) -> CampaignView:
        """A campaign with its counts and the first `skipped` rows after one. Raises Refused: UNKNOWN_CAMPAIGN."""
        _may_read(actor)
        campaign = await self.store.campaign(campaign_id)
        if campaign is None or not actor.owns(campaign.organizer):
            raise unknown_campaign(campaign_id)
        return CampaignView(
            campaign=campaign,
            counts=await self.store.campaign_counts(campaign_id),
            skipped=tuple(await self.store.skipped(campaign_id, skipped, skipped_after)),
            failures=tuple(await self.store.failures(campaign_id, _FAILURES_SHOWN)),
        )

    async def campaigns(
        self, actor: Actor, limit: int = 50, before: tuple[datetime, str] | None = None
    ) -> list[CampaignView]:
        """The actor's newest campaigns; `before`: of those older than the one with this `created` and id."""
        _may_read(actor)
        organizer = None if actor.everywhere else actor.address
        found = await self.store.campaigns(organizer, limit, before)
        return [CampaignView(campaign=c, counts=await self.store.campaign_counts(c.id)) for c in found]

    async def changes(self, actor: Actor, since: str | None = None, limit: int = 50) -> ChangePage:
        """What happened to the actor's events after the cursor `since`. Raises Refused: NOT_ALLOWED, INVALID_CURSOR."""
        _may_read(actor)
        return await self.store.changes(None if actor.everywhere else actor.address, since, limit)

    async def explain(self, uid: str, email: str, actor: Actor) -> Explanation:
        """Everything that was sent to one person for one event, and came back. Raises Refused."""
        event = await self.event(uid, actor)
        address = email.strip().lower()
        attendee = await self.store.attendee(event.uid, address)
        if attendee is None:
            raise Refused(
                Code.UNKNOWN_ATTENDEE,
                "That address is not invited to this event.",
                "See who is with list_attendees.",
            )
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
            heard = self.answered.listen()
            found = await self.store.message_by_message_id(message.message_id) or message
            left = deadline - loop.time()
            if found.state not in {"queued", "sending"} or left <= 0:
                return found
            await heard.wait(min(left, _OTHER_PROCESS_S))

    async def key_of(self, secret: str) -> Key | None:
        """The key that `secret` is, unless it is unknown or revoked."""
        # Looked up by its hash: what a caller can time is the hash, which tells nothing of the key.
        stored = await self.store.key_by_digest(digest(secret))
        key = Key.model_validate_json(stored) if stored else None
        return None if key is None or key.revoked else key

    async def keys(self) -> list[Key]:
        """All keys, without their secrets, which nobody has."""
        return [Key.model_validate_json(body) for body in await self.store.keys()]

    async def check(self) -> list[str]:
        """Every difference that a recount finds; empty where all is well (promise 10)."""
        return await self.store.recount()


def _audited(actor: Actor) -> str:
    unproven = " (unauthenticated)" if actor.unauthenticated else ""
    return f"{actor.kind}:{actor.address}{unproven}"


def _may_read(actor: Actor) -> None:
    if not actor.may_read:
        raise Refused(Code.NOT_ALLOWED, "This key may not read: it lacks the scope “read”.")
