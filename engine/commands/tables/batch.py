"""Carry out many requests in one unit of work; a refused one does not affect the others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, SkipValidation

from engine.commands import recording, text
from engine.commands.agents.bounds import refuse_links_that_wait
from engine.commands.base import Command, Done, Work
from engine.commands.events.events import CancelEvent, CreateEvent, EventDone, UpdateEvent
from engine.commands.events.reinstating import ReinstateEvent
from engine.commands.invites.invites import InviteDone, SendInvite, new_attendee
from engine.model.base import Value
from engine.model.events import Event
from engine.model.people import Party
from engine.refusals import Code, Refused

Judge = Callable[[Work, Command[Any], Done], Awaitable[None]]
"""Refuses a request that would wait for a yes, by what it would do (`approvals.policies.refuse_unasked`)."""
EventCommand = CreateEvent | UpdateEvent | ReinstateEvent | CancelEvent
RowAction = Literal["create", "update", "cancel", ""]

_ACTIONS: dict[type[EventCommand], RowAction] = {
    CreateEvent: "create",
    UpdateEvent: "update",
    ReinstateEvent: "update",
    CancelEvent: "cancel",
}
_ITEMS = 6
"""Of the items of a unit of work one in so many may be a request: an event has several, and so has its invite."""
_TEXTS = ("summary", "location", "description", "url", "organizer_name")


class RequestOutcome(StrEnum):
    """The outcome of one request of a batch."""

    CREATED = "created"
    UPDATED = "updated"
    CANCELLED = "cancelled"
    UNCHANGED = "unchanged"
    FAILED = "failed"


class StepOutcome(Value):
    """What became of one request; `name` is its row, or its UID in a calendar."""

    name: str
    action: RowAction = ""
    became: RequestOutcome
    uid: str = ""
    code: str = ""
    detail: str = ""
    notified: int = 0


class Step(ABC):
    """One request of a batch."""

    name: str

    @abstractmethod
    async def command(self, work: Work) -> EventCommand:
        """What is asked, seen from within the unit of work. Raises Refused."""

    async def before(self, work: Work) -> StepOutcome | None:
        """The outcome of this same request in an earlier run, if it was carried out then."""
        return None

    async def also(self, work: Work, outcome: StepOutcome) -> None:  # noqa: B027 -- most note nothing
        """Note the outcome in the same unit of work."""

    def told(self, outcome: StepOutcome) -> StepOutcome:
        """The outcome, with what else is to be said of it."""
        return outcome

    def invitee(self) -> Party | None:
        """Whom a request that makes an event invites at once. Raises Refused: INVALID_ADDRESS."""
        return None

    def asked(self) -> RowAction:
        """What was asked, as far as it can be known where `command` refuses."""
        return ""


class BatchDone(Done):
    """What became of each request, in their order."""

    outcomes: tuple[StepOutcome, ...]

    def recorded(self, salt: bytes) -> dict[str, object]:
        """The number of requests by outcome, and of refusals by code."""
        counts = {name: n for name, n in tallied(self.outcomes).items() if n}
        return {"requests": counts, "codes": Counter(one.code for one in self.outcomes if one.code)}


class Rehearsed(Exception):  # noqa: N818 -- reads as what it is
    """A dry run ended, and everything was undone; `outcomes` are what would have happened."""

    def __init__(self, outcomes: Sequence[StepOutcome]) -> None:
        super().__init__("a dry run")
        self.outcomes = tuple(outcomes)


class Batch(Command[BatchDone]):
    """Some requests, carried out one after the other; a refused one changed nothing.

    That rests on what holds for each of these commands, and is checked: it refuses before it writes. Once `enough`
    says so, or a unit of work takes no more, it ends after the request that is under way; the outcomes tell how many
    were done.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    steps: Annotated[tuple[Step, ...], SkipValidation]
    judge: Judge
    dry_run: bool = False
    enough: Callable[[], bool] | None = None

    def committed(self) -> bytes:
        """The names of the requests; each that is carried out has a row of its own."""
        return "\n".join(step.name for step in self.steps).encode(errors="surrogatepass")

    async def carry_out(self, work: Work) -> BatchDone:
        """Raises Rehearsed where it is a dry run, never Refused."""
        outcomes: list[StepOutcome] = []
        room = max(1, work.unit.items_per_unit // _ITEMS)
        for step in self.steps:
            written = work.unit.writes
            outcomes.append(await _one(work, step, self.judge))
            room -= work.unit.writes != written
            full = room <= 0 and not self.dry_run
            if full or (self.enough and self.enough()):
                break
        if self.dry_run:
            raise Rehearsed(outcomes)
        return BatchDone(outcomes=tuple(outcomes))


async def _one(work: Work, step: Step, judge: Judge) -> StepOutcome:
    earlier = await step.before(work)
    if earlier is not None:
        return earlier
    action, uid, written = step.asked(), "", work.unit.writes
    try:
        command = await step.command(work)
        action, uid = _ACTIONS[type(command)], command.subject()
        invitee = step.invitee() if action == "create" else None
        if invitee:
            work.require("send")
        await _refuse_waiting(work, command, judge)
        done = await _carried_out(work, command, invitee)
        outcome = _outcome(step, action, done)
        if outcome.became is not RequestOutcome.UNCHANGED:
            await recording.enter(work, command, done)
        if invitee and await _to_invite(work, invitee, done):
            outcome = await _invited(work, invitee, outcome, judge)
        outcome = step.told(outcome)
    except Refused as refused:
        if work.unit.writes != written:
            raise AssertionError(f"{action} wrote before it refused: {refused.code}") from refused
        outcome = _turned_down(step, action, uid, refused)
    await step.also(work, outcome)
    return outcome


async def _carried_out(work: Work, command: EventCommand, invitee: Party | None) -> EventDone:
    """What the command does; of a row that corrects only whom to invite, the event that its key made before."""
    try:
        return await command.carry_out(work)
    except Refused as refused:
        alike = await _made_alike(work, command) if invitee and refused.code is Code.EVENT_EXISTS else None
        if alike is None:
            raise
        return EventDone(event=alike)


async def _made_alike(work: Work, command: EventCommand) -> Event | None:
    """The event of the same key, to which nobody is invited, and of which the command says nothing else."""
    if not isinstance(command, CreateEvent) or not command.source:
        return None
    owner = text.address(command.organizer) if command.organizer else work.actor.address
    event = await work.unit.event_by_source(owner, command.source.uid)
    if event is None or not await _without_people(work, event):
        return None
    values = {name: getattr(command, name) for name in (*_TEXTS, "when", "recurrence")}
    try:
        would = await UpdateEvent(uid=event.uid, **values, dry_run=True).carry_out(work)
    except Refused:
        return None
    return None if would.changed else event


async def _to_invite(work: Work, invitee: Party, done: EventDone) -> bool:
    """True for a new event, and for one whose only person could not be invited when its row made it."""
    event = done.event
    if done.created:
        return True
    if event.cancelled or event.finished(work.now):
        return False
    return await _without_people(work, event) and not await work.unit.attendee(event.uid, invitee.address)


async def _without_people(work: Work, event: Event) -> bool:
    """True if an event has no attendee, neither from before nor from this unit of work."""
    return not await work.unit.attendee_count(event.uid) and not await work.unit.places_taken(event.uid)


async def _refuse_waiting(work: Work, command: EventCommand, judge: Judge) -> None:
    """Refuse, before anything is written, what would wait for a yes if it were asked by itself."""
    if not work.bounds.approval:
        return
    if isinstance(command, CreateEvent):
        refuse_links_that_wait(work, [str(getattr(command, name) or "") for name in _TEXTS])
        return
    if isinstance(command, ReinstateEvent):
        # It has no dry run; whoever had it in their calendar gets it anew, at its time.
        event = await work.owned_event(command.uid)
        seen = EventDone(event=event, old=event, changed=("status", "start"), notified=1)
    else:
        seen = await command.model_copy(update={"dry_run": True}).carry_out(work)
    await judge(work, command, seen)


async def _invited(work: Work, invitee: Party, made: StepOutcome, judge: Judge) -> StepOutcome:
    """The outcome of a request that made an event, now or before, with what became of the invite; the event stands."""
    invite = SendInvite(uid=made.uid, email=invitee.address, name=invitee.name)
    try:
        if work.bounds.approval:
            event = await work.owned_event(made.uid)
            guest = new_attendee(work, event, invitee.address, invitee.name, invite.origin, {})
            await judge(work, invite, InviteDone(attendee=guest, message=None))
        done = await invite.carry_out(work)
    except Refused as refused:
        fields = {
            "code": refused.code.value,
            "detail": f"{made.detail}; {invitee.address} is not invited: {refused}",
        }
        return made.model_copy(update=fields)
    await recording.enter(work, invite, done)
    detail = f"{made.detail}; {invitee.address} is invited"
    return made.model_copy(update={"notified": 1, "code": "", "detail": detail})


def _outcome(step: Step, action: RowAction, done: EventDone) -> StepOutcome:
    became = _became(action, done)
    detail = _summary(done.event)
    if became is RequestOutcome.UNCHANGED:
        since = ", and it was cancelled since" if done.event.cancelled else ""
        detail = (
            f"it is so already{since}: {detail}" if action != "create" else f"made before{since}: {detail}"
        )
    elif became is RequestOutcome.UPDATED:
        detail = f"changed {', '.join(done.changed)}: {detail}"
    return StepOutcome(
        name=step.name,
        action=action,
        became=became,
        uid=done.event.uid,
        code=Code.NO_CHANGE.value if became is RequestOutcome.UNCHANGED else "",
        detail=detail,
        notified=done.notified,
    )


def _became(action: RowAction, done: EventDone) -> RequestOutcome:
    if action == "create":
        return RequestOutcome.CREATED if done.created else RequestOutcome.UNCHANGED
    if not done.changed or done.repeated:
        return RequestOutcome.UNCHANGED
    return RequestOutcome.UPDATED if action == "update" else RequestOutcome.CANCELLED


def _turned_down(step: Step, action: RowAction, uid: str, refused: Refused) -> StepOutcome:
    """A refusal; to cancel what is cancelled already is none."""
    again = action == "cancel" and refused.code is Code.EVENT_CANCELLED
    return StepOutcome(
        name=step.name,
        action=action,
        became=RequestOutcome.UNCHANGED if again else RequestOutcome.FAILED,
        uid=uid,
        code=refused.code.value,
        detail="it was cancelled before" if again else str(refused),
    )


def _summary(event: Event) -> str:
    """Enough of an event to see by it whether the right thing was made: title, weekday, time and zone."""
    when = event.span.local(event.span.start)
    stamp = f"{when:%A %Y-%m-%d}" if event.span.all_day else f"{when:%A %Y-%m-%d %H:%M} {event.span.timezone}"
    return f"{event.summary[:100]}, {stamp}"


def tallied(outcomes: Sequence[StepOutcome]) -> dict[str, int]:
    """The number of requests by outcome, with every outcome named."""
    counts = {became.value: 0 for became in RequestOutcome}
    for outcome in outcomes:
        counts[outcome.became.value] += 1
    return counts
