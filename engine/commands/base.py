"""What every command is: a typed request, carried out inside one unit of work."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar, Generic, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from engine.commands.randomness import Randomness, short_id, word_in_order
from engine.model.actors import Actor
from engine.model.answers import Proposal
from engine.model.base import Value
from engine.model.events import Event
from engine.model.held import HeldAction, LeftOutTexts
from engine.model.keys import UNBOUNDED, Standing
from engine.model.undo import Undo
from engine.model.verbs import Verb, verbs_of
from engine.refusals import Code, Refused
from engine.settings import Settings
from engine.store.protocol import Unit


class Done(Value):
    """The result of a command that was carried out."""

    held: HeldAction | None = Field(
        None, description="it waits for approval: nothing was changed, and the rest is what would be"
    )

    undo: Undo | None = Field(None, description="how, and until when, it can be undone")

    def recorded(self, salt: bytes) -> dict[str, object]:
        """What the record says of it besides: facts without anybody's words; personal data as commitments by `salt`."""
        return {}

    def waiting(self, held: HeldAction) -> Self:
        """What would be done once `held` is approved; there is no campaign to follow before."""
        none: dict[str, object] = {"campaign_id": ""} if "campaign_id" in type(self).model_fields else {}
        return self.model_copy(update={"held": held, **none})


D_co = TypeVar("D_co", bound=Done, covariant=True)


@dataclass(frozen=True)
class Work:
    """What a command works with: the unit of work, who asks, the time, chance and the settings.

    `bounds`: the keys whose bounds hold for whoever asks, as they are now.
    """

    unit: Unit
    actor: Actor
    now: datetime
    randomness: Randomness
    settings: Settings
    approved: bool = False
    """Somebody has approved this very command, so that it waits for nobody."""
    bounds: Standing = UNBOUNDED

    observed: list[str] = field(default_factory=list)
    """Bounds that would have refused it, of keys that only observe."""
    exceeded: list[tuple[str, str]] = field(default_factory=list)
    """Bounds that a change passes, each with why: it waits for a decision, and is not refused."""

    left_out: list[LeftOutTexts] = field(default_factory=list)
    """What of others' texts was left out, and waits for approval."""
    closed: list[Proposal] = field(default_factory=list)
    """Proposals that it has closed, as they were."""
    withdrawn_since: list[datetime] = field(default_factory=list)
    """Since when mails were withdrawn that an earlier undo has not all owed again, where it put an end to that."""
    waited: bool = False
    """What is asked for has waited already for the time in which it can be undone."""

    @property
    def verbs(self) -> frozenset[Verb]:
        """The verbs that the actor's key and each key above it have."""
        return self.actor.verbs & self.bounds.verbs

    @property
    def key(self) -> str:
        """What is kept with what the actor causes: the ids of the keys whose bounds hold, the highest first."""
        return " ".join(key.id for key in self.bounds.keys)

    def caused_by(self, event: Event) -> str:
        """The keys that cause what is done now at `event`: the actor's, or of strangers and jobs those that made it."""
        return self.key or ("" if self.actor.kind == "local" else event.key)

    def not_before(self, seconds: int) -> datetime | None:
        """When what is owed now may leave, so that it can be undone until then; None: at once."""
        return self.now + timedelta(seconds=seconds) if seconds and not self.waited else None

    def new_message_id(self) -> str:
        """A Message-ID of our domain, without angle brackets, that is not in use (promise 4)."""
        return f"{word_in_order(self.randomness, self.now, 24)}@{self.settings.domain}"

    def exceed(self, bound: str, why: str) -> None:
        """Note that the change passes a bound, so that it waits for a decision."""
        self.exceeded.append((bound, why))

    def require(self, *names: str) -> None:
        """Refuse with NOT_ALLOWED if the actor's key lacks one of these verbs, or older scopes."""
        lacking = verbs_of(names) - self.verbs
        if lacking:
            raise Refused(
                Code.NOT_ALLOWED,
                f"This key may not do that: it lacks {' and '.join(f'“{verb}”' for verb in sorted(lacking))}.",
                "Ask the operator for a key that has it.",
                bound="verbs" if self.bounds.bounded else "",
            )

    def flagged(self, event: Event) -> Event:
        """`event` with the mark that says whether a mail that nothing proves gave it its words."""
        if self.actor.kind != "organizer":
            return event
        return event.model_copy(update={"sender_unauthenticated": self.actor.unauthenticated})

    async def owned_event(self, uid: str) -> Event:
        """The event that `uid` names, or a refusal: UNKNOWN_EVENT, also for one of somebody else; AMBIGUOUS_EVENT."""
        return named_event(await self.unit.events_named(uid, self.actor.address), uid, self.actor)

    async def free_id(self) -> str:
        """A short id that no event has."""
        while await self.unit.events_named(found := short_id(self.randomness), ""):
            pass
        return found

    async def standing_event(self, uid: str) -> Event:
        """The event `uid` that is neither cancelled nor over, of an organizer in good standing (promise 7)."""
        event = await self.open_event(uid)
        refuse_ended(event, self.now)
        return event

    async def open_event(self, uid: str) -> Event:
        """Like `standing_event`, but also a series whose remaining dates were called off: that may still be changed."""
        event = await self.owned_event(uid)
        if event.cancelled or event.closed(self.now):
            refuse_ended(event, self.now)
        await self.refuse_suspended(event.organizer)
        return event

    async def refuse_suspended(self, organizer: str) -> None:
        """Refuse with ORGANIZER_SUSPENDED if the operator has suspended `organizer`."""
        if await self.unit.suspended(organizer):
            raise Refused(Code.ORGANIZER_SUSPENDED, "This organizer is suspended.")


T = TypeVar("T")


class Apply(Protocol):
    """Runs work in a unit of its own."""

    async def __call__(self, work: Callable[[Work], Coroutine[object, object, T]]) -> T:
        """What `work` gives. It may be run twice."""
        ...


class Command(BaseModel, Generic[D_co]):
    """A typed request that changes state; `Engine.apply` is the one way to have it carried out."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    free: ClassVar[bool] = False
    """It waits for nobody's approval: it shows, drafts, decides or stops something."""
    in_record: ClassVar[bool] = True
    """False for what changes nothing: it leaves no row in the record."""

    async def prepare(self) -> None:
        """Do slow work that needs nothing from the store, before the unit of work begins."""

    async def upload(self, apply: Apply) -> None:
        """Store what is too large for one unit of work; nobody sees it before `carry_out`.

        Raises Refused; what was brought is dropped later.
        """

    @abstractmethod
    async def carry_out(self, work: Work) -> D_co:
        """Do what is asked inside `work.unit`, or raise Refused; waits for nothing but the unit."""

    def subject(self) -> str:
        """What the command is about: a uid, an id, or the caller's name for it."""
        return str(getattr(self, "uid", "") or getattr(self, "campaign_id", "") or "")

    def about(self) -> str:
        """The address of the person whom the command is about, if there is one."""
        return str(getattr(self, "email", "") or "")

    def committed(self) -> bytes:
        """All that was asked, for the commitment in the record."""
        return self.model_dump_json().encode(errors="surrogatepass")


def named_event(found: Sequence[Event], name: str, actor: Actor) -> Event:
    """The one of `found` that `actor` owns. Raises Refused: UNKNOWN_EVENT, AMBIGUOUS_EVENT."""
    own = [event for event in found if actor.owns(event.organizer)]
    if not own:
        raise unknown_event(name)
    if len(own) > 1:
        raise Refused(
            Code.AMBIGUOUS_EVENT,
            f"“{name[:60]}” names {len(own)} events: it is the uid or id of one and your own key of another.",
            f"Name the event by another of its names: {', '.join(_other_name(event, name) for event in own)}.",
        )
    return own[0]


def _other_name(event: Event, name: str) -> str:
    return event.id if event.id != name.lower() else event.uid


def unknown_event(uid: str) -> Refused:
    """The refusal of a name that no event of the caller has (UNKNOWN_EVENT)."""
    return Refused(Code.UNKNOWN_EVENT, f"No event has the uid or id “{uid[:60]}”.")


def refuse_ended(event: Event, now: datetime) -> None:
    """Refuse with EVENT_CANCELLED or EVENT_FINISHED (promise 7)."""
    if event.cancelled:
        raise Refused(
            Code.EVENT_CANCELLED,
            "That event is cancelled.",
            "It stays cancelled. If its organizer says that it takes place after all, create a new one.",
        )
    if event.finished(now):
        raise Refused(
            Code.EVENT_FINISHED, "That event is over.", "Nothing is sent for an event that has ended."
        )
