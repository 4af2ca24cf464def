"""Import a calendar again and again: which event each entry became, what is new, changed, gone."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.commands.events import calendars, linking
from engine.commands.events.events import CancelEvent, CreateEvent
from engine.commands.revisions import RevisionSource
from engine.commands.tables.batch import EventCommand, RequestOutcome, RowAction, Step, StepOutcome
from engine.itip.feed import FeedEvent
from engine.model.events import Event
from engine.model.feeds import GONE, Feed, FeedEntry
from engine.model.held import LEFT_OUT_AT_ONCE, LeftOutTexts
from engine.model.messages import Audience
from engine.refusals import Code, Refused

_MARK = 12
"""Letters that tell an event apart from a cancelled one with the same UID."""


class FeedDone(Done):
    """A calendar as it was left by its last import; `standing` are the entries whose events lie ahead."""

    feed: Feed
    entries: tuple[FeedEntry, ...]
    standing: frozenset[str]


class FindFeed(Command[FeedDone]):
    """Find what earlier imports of a calendar left; nothing is changed.

    `identity` tells the calendars of an organizer apart, `name` is what people see of it.
    """

    organizer: str | None = None
    identity: str
    name: str

    async def carry_out(self, work: Work) -> FeedDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, ORGANIZER_SUSPENDED."""
        work.require("events")
        owner = text.address(self.organizer) if self.organizer else work.actor.address
        if not work.actor.owns(owner):
            raise Refused(
                Code.NOT_ALLOWED,
                f"You act for {work.actor.address} and cannot make events for another organizer.",
                "Leave organizer out.",
            )
        await work.refuse_suspended(owner)
        key = hashlib.sha256(f"{owner}\n{self.identity}".encode(errors="surrogatepass")).hexdigest()[:40]
        feed = await work.unit.feed(key) or Feed(id=key, organizer=owner, name=text.name(self.name[:100]))
        return FeedDone(
            feed=feed,
            entries=tuple(await work.unit.feed_entries(key)),
            standing=frozenset(await work.unit.standing_entries(key, work.now)),
        )


class SaveFeed(Command[Done]):
    """Keep what is known of a calendar after an import, or at its beginning."""

    feed: Feed

    async def carry_out(self, work: Work) -> Done:
        """Raises Refused: NOT_ALLOWED."""
        work.require("events")
        await work.unit.save_feed(self.feed)
        return Done()


@dataclass(frozen=True)
class EntryStep(Step):
    """An entry of a calendar that is new or has changed since it was imported last."""

    feed: Feed
    entry: FeedEvent
    digest: str
    known: FeedEntry | None
    audience: Audience | None = None
    left: list[LeftOutTexts] = field(default_factory=list)
    """What was left out of it, since it links where the key may not."""
    unheld: list[LeftOutTexts] = field(default_factory=list)
    """Those of them that nobody can approve yet: too many were left out in the same unit of work."""

    @property
    def name(self) -> str:  # type: ignore[override]
        """The entry's UID in its calendar."""
        return self.entry.uid

    @property
    def cancelled(self) -> bool:
        """True if the calendar says that it is cancelled."""
        return calendars.gone(self.entry.event)

    def asked(self) -> RowAction:
        """What the calendar asks, as far as it says so by itself."""
        if self.cancelled:
            return "cancel"
        return "update" if self.known else "create"

    async def command(self, work: Work) -> EventCommand:
        """Raises Refused: EVENT_CANCELLED, INVALID_CALENDAR."""
        event = await self._event(work)
        command = self._asked(work, event)
        self.left.clear()
        self.unheld.clear()
        if isinstance(command, CancelEvent):
            return command
        before = None if isinstance(command, CreateEvent) else event
        # An import has no way to wait: what would need a yes is left out, and asks for it by itself.
        command, left = linking.permitted(work, command, work.bounds.unasked(), before)
        self.left.extend([left] if left else [])
        return command

    def told(self, outcome: StepOutcome) -> StepOutcome:
        """The outcome, with what was left out."""
        if not self.left:
            return outcome
        detail = f"{outcome.detail}; {linking.told(self.left[0])}"
        return outcome.model_copy(update={"code": Code.OUT_OF_BOUNDS.value, "detail": detail})

    def _asked(self, work: Work, event: Event | None) -> EventCommand:
        if not self.cancelled and event and event.cancelled and self.known and self.known.gone:
            return calendars.reinstatement(event, self.entry.event, self.entry.instances, self.audience)
        if self.cancelled:
            if event is None or event.cancelled:
                raise Refused(Code.EVENT_CANCELLED, "The calendar says that it is cancelled.")
            return CancelEvent(uid=event.uid, audience=self.audience)
        if event is None or event.cancelled:
            # What its organizer cancelled stays so; an entry that changed since is another event with the same name.
            uid = f"{self.entry.uid} {work.randomness.word(_MARK)}" if event else self.entry.uid
            source = RevisionSource(uid=uid, sequence=self.entry.event.sequence or 0)
            return calendars.creation(
                self.entry.event, self.entry.instances, source=source, organizer=self.feed.organizer
            )
        change = calendars.change(event, self.entry.event, self.entry.instances, audience=self.audience)
        # Many calendars write when they were made into each description, each hour anew.
        return change.model_copy(update={"words_quietly": True})

    async def _event(self, work: Work) -> Event | None:
        """The event that this entry became, or that its organizer's client mailed."""
        if self.known:
            return await work.unit.event(self.known.event_uid)
        return await work.unit.event_by_source(self.feed.organizer, self.entry.uid)

    async def also(self, work: Work, outcome: StepOutcome) -> None:
        """Note which event the entry is, and what it says."""
        if outcome.uid and outcome.became is not RequestOutcome.FAILED:
            if self.known and self.known.source_uid != self.entry.uid:
                await work.unit.drop_feed_entries(self.feed.id, [self.known.source_uid])
            left = [one.model_copy(update={"event_uid": outcome.uid}) for one in self.left if one.hosts]
            # What cannot be held with this unit is looked at again by the next import, as if it had changed.
            self.unheld[:] = left if len(work.left_out) >= LEFT_OUT_AT_ONCE else []
            entry = FeedEntry(self.entry.uid, outcome.uid, "" if self.unheld else self.digest)
            await work.unit.save_feed_entries(self.feed.id, [entry])
            work.left_out.extend(left)


@dataclass(frozen=True)
class GoneStep(Step):
    """An event that lies ahead and is no longer in the calendar: it is cancelled."""

    feed: Feed
    known: FeedEntry
    audience: Audience | None = None

    @property
    def name(self) -> str:  # type: ignore[override]
        """The entry's UID in its calendar."""
        return self.known.source_uid

    def asked(self) -> RowAction:
        """A cancellation."""
        return "cancel"

    async def before(self, work: Work) -> StepOutcome | None:
        """An event that another calendar of the organizer still holds only leaves this one."""
        if not await work.unit.in_other_feed(self.feed.id, self.known.event_uid):
            return None
        await work.unit.drop_feed_entries(self.feed.id, [self.known.source_uid])
        return StepOutcome(
            name=self.name,
            became=RequestOutcome.UNCHANGED,
            uid=self.known.event_uid,
            code=Code.NO_CHANGE.value,
            detail="another calendar has it still",
        )

    async def command(self, work: Work) -> EventCommand:
        """The cancellation of the event that the entry became."""
        return CancelEvent(uid=self.known.event_uid, audience=self.audience)

    async def also(self, work: Work, outcome: StepOutcome) -> None:
        """Keep the entry as gone: if it comes back, it is the same event."""
        if outcome.became is not RequestOutcome.FAILED:
            gone = FeedEntry(self.known.source_uid, self.known.event_uid, GONE)
            await work.unit.save_feed_entries(self.feed.id, [gone])
