"""Create, update and cancel events."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping

from pydantic import Field

from engine.commands import bulk_changes, series, text
from engine.commands.agents import bounds
from engine.commands.answers import proposals
from engine.commands.base import Command, Done, Work
from engine.commands.events import moving
from engine.commands.events.timing import Timing
from engine.commands.invites import audience
from engine.commands.randomness import UID_LENGTH
from engine.commands.repeating import made_before, remember
from engine.commands.revisions import (
    RevisionSource,
    differences,
    felt,
    refuse_lacking,
    refuse_unexpected,
    revised,
    sound,
    with_source,
)
from engine.itip import personal, recurrence
from engine.model.answers import Proposal
from engine.model.events import Event, EventStatus, Override, Reserved
from engine.model.messages import Audience, Chosen, Kind
from engine.model.people import Partstat
from engine.model.times import Instant, Span
from engine.refusals import Code, Refused


class EventDone(Done):
    """An event as it is now, which of its fields changed, and how many people are notified."""

    event: Event
    changed: tuple[str, ...] = ()
    notified: int = 0
    campaign_id: str = Field("", description="campaign that notifies them; empty if no one is notified")
    created: bool = False
    old: Event | None = Field(None, description="the revision before")
    preview: audience.Preview | None = Field(None, description="who is notified, and who is not")
    calendars: int | None = Field(
        None, description="of a dry run: people who were sent the revision that stands, and whom it corrects"
    )
    repeated: bool = Field(False, description="true: an earlier request had done it; nothing was done now")
    told: audience.MailsSoFar | None = Field(
        None, description="how far the mails of that earlier request have come"
    )
    proposal: Proposal | None = Field(None, description="the proposal that this answered")


class CreateEvent(Command[EventDone]):
    """Make a new event; no one is notified before they are invited."""

    summary: str
    when: Timing | Span
    location: str = ""
    description: str = ""
    url: str = ""
    recurrence: str = Field("", description="RRULE value")
    rdates: tuple[Instant, ...] = ()
    exdates: tuple[Instant, ...] = ()
    exclude_dates: tuple[str, ...] = Field(
        (), description="instances to leave out, as ISO days or local starts"
    )
    overrides: tuple[Override, ...] = ()
    organizer: str | None = None
    organizer_name: str = ""
    rsvp: bool = True
    places: int = Field(0, description="how many people can have it; 0: any number")
    alarm_minutes: tuple[int, ...] | None = None
    source: RevisionSource | None = None
    verbatim: bool = Field(False, description="true: braces in its texts are no placeholders")
    idempotency_key: str | None = Field(None, max_length=200)

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: NOT_ALLOWED, INVALID_TIME, EVENT_IN_PAST, EVENT_EXISTS, …"""
        work.require("create")
        owner = _owner(self.organizer, work)
        before = await self._made_before(work)
        if before:
            return EventDone(event=before)
        await work.refuse_suspended(owner)
        await bounds.refuse_events(work, owner)
        event = self._event(work, owner, await work.free_id())
        await self._add(work, event)
        changed = ("summary", "start", "end")
        return EventDone(event=event, changed=changed, created=True)

    def _event(self, work: Work, owner: str, short: str) -> Event:
        repeats = bool(self.recurrence)
        span = self.when if isinstance(self.when, Span) else self.when.of_new(recurring=repeats)
        event = Event(
            uid=work.randomness.word(UID_LENGTH),
            id=short,
            organizer=owner,
            organizer_name=text.name(self.organizer_name),
            summary=text.summary(self.summary),
            span=span,
            location=text.bounded(self.location, "location", text.LOCATION_MAX),
            description=text.bounded(self.description, "description", text.DESCRIPTION_MAX),
            url=text.url(self.url),
            recurrence=recurrence.validated(self.recurrence, span) if self.recurrence else "",
            rdates=self.rdates,
            exdates=self.exdates,
            overrides=tuple(series.fitting(one, span) for one in self.overrides),
            rsvp=self.rsvp,
            places=text.places(self.places),
            alarm_minutes=text.alarms(self.alarm_minutes),
            created=work.now.replace(microsecond=0),
            dtstamp=work.now.replace(microsecond=0),
            ends_at=None,
            verbatim=self.verbatim,
            key=work.key,
            source_uid=self.source.uid if self.source else None,
            source_sequence=self.source.sequence if self.source else 0,
            source_dtstamp=self.source.noted if self.source else None,
            source_addressed=self.source.addressed if self.source else False,
        )
        event = sound(work.flagged(series.excluding(event, self.exclude_dates)), work.now)
        bounds.refuse_event(work, event)
        return event

    async def _made_before(self, work: Work) -> Event | None:
        """The event that this idempotency key made already."""
        uid = await made_before(work, self.idempotency_key, self._digest())
        return await work.owned_event(uid) if uid else None

    async def _add(self, work: Work, event: Event) -> None:
        if event.source_uid and await work.unit.event_by_source(event.organizer, event.source_uid):
            raise Refused(
                Code.EVENT_EXISTS,
                "An event with this UID from the organizer's client already exists.",
                "Update it instead.",
            )
        await work.unit.ensure_organizer(event.organizer, event.organizer_name, work.now)
        await work.unit.add_event(event)
        await remember(work, self.idempotency_key, self._digest(), event.uid)

    def _digest(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class UpdateEvent(Command[EventDone]):
    """Change an event and notify the people affected; a field left None stays as it is."""

    uid: str
    summary: str | None = None
    when: Timing | Span | None = None
    location: str | None = None
    description: str | None = None
    url: str | None = None
    organizer_name: str | None = None
    recurrence: str | None = Field(None, description="RRULE value; empty: no longer recurring")
    rdates: tuple[Instant, ...] | None = None
    exdates: tuple[Instant, ...] | None = None
    exclude_dates: tuple[str, ...] = Field(
        (), description="further instances to leave out, as ISO days or starts"
    )
    overrides: tuple[Override, ...] | None = None
    rsvp: bool | None = None
    places: int | None = Field(None, description="0: any number of people can have it")
    alarm_minutes: tuple[int, ...] | None = None
    only_for: frozenset[Partstat] | None = Field(
        None,
        description="location, description and url are for those with these answers only; empty: no longer",
    )
    audience: Audience | Chosen | None = None
    note: str = Field("", description="a personal line above the text of the mails")
    verbatim: bool = Field(False, description="true: new braces in its texts are no placeholders")
    words_quietly: bool = Field(False, description="true: a change of words alone tells nobody")
    expected_sequence: int | None = None
    hosts: tuple[str, ...] = Field((), description="to which its texts may link once a person approved it")
    dry_run: bool = False
    source: RevisionSource | None = None

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, EVENT_FINISHED, SEQUENCE_MISMATCH, …"""
        work.require("update")
        old = await work.open_event(self.uid)
        note = text.note(self.note)
        self._refuse_stale(old)
        await audience.refuse_unknown(work, old, self.audience)
        new = self._changed(old)
        changed = differences(old, new)
        if not changed:
            # Also if expected_sequence is that of before: a repeated request was carried out already.
            return await self._noted(work, old)
        refuse_unexpected(old, self.expected_sequence)
        new = sound(revised(new, old, work.now, self.source), work.now, old)
        if self.hosts and work.approved:
            new = new.model_copy(update={"linked": tuple(sorted({*new.linked, *self.hosts}))})
        bounds.refuse_event(work, new, note, old=old)
        await refuse_lacking(work, old, new)
        if new.reserved is not None and self.only_for:
            await refuse_lacking(work, old, new.seen_by(min(self.only_for)))
        group = self._group(work, old, new, felt(old, new, changed))
        group = await proposals.told_with(work, old, new, group, self.audience)
        notified = await audience.size(work, new, group)
        campaign_id = ""
        if not self.dry_run:
            await work.unit.save_event(work.flagged(new))
            if new.moved_sequence == new.sequence or "overrides" in felt(old, new, changed):
                await proposals.answered(work, new)
            campaign_id = await audience.notify(work, new, Kind.UPDATE, group, note=note)
        return EventDone(
            event=new,
            old=old,
            changed=changed,
            notified=notified,
            preview=await audience.preview(work, new, group, Kind.UPDATE),
            calendars=await audience.calendars(work, old, dry_run=self.dry_run),
            campaign_id=campaign_id,
        )

    def _group(self, work: Work, old: Event, new: Event, felt: Collection[str]) -> Chosen:
        """Who hears of the change."""
        if self.audience is not None:
            return audience.of_update(self.audience, felt, asks=new.rsvp)
        if not set(felt) - {"places"} or (self.words_quietly and not audience.misleading(felt)):
            # No calendar shows how many places there are.
            return Chosen()
        if self.only_for is not None:
            # Those who saw other text than all until now have it in their calendars.
            return Chosen(partstats=old.reserved_for | new.reserved_for)
        return audience.of_update(work.settings.update_audience, felt, asks=new.rsvp)

    def _refuse_stale(self, event: Event) -> None:
        if self.source and self.source.older_than(event):
            raise Refused(
                Code.STALE, "A newer revision of this event has already been applied.", "Send the newest one."
            )

    async def _noted(self, work: Work, event: Event) -> EventDone:
        """No change, no mail; but remember which revision of the client's we have seen."""
        if self.source and not self.dry_run:
            await work.unit.save_event(with_source(event, self.source))
        return EventDone(event=event)

    def _changed(self, old: Event) -> Event:
        values = self._reworded()
        if self.only_for is not None:
            return old.model_copy(update={"reserved": self._reserved(old, values)})
        values |= self._rescheduled(old)
        new = old.model_copy(update=values)
        given = self._exceptions(new.span)
        new = moving.fitted(old, new.model_copy(update=given), given)
        new = series.excluding(new, self.exclude_dates)
        return new.model_copy(update={"verbatim": True}) if self.verbatim and _braces(old, new) else new

    def _reserved(self, old: Event, values: Mapping[str, object]) -> Reserved | None:
        """What only some see: the texts given now, beside those that the same people see already."""
        others = {name for name in values if name not in {"location", "description", "url"}}
        if others or self.when or self.recurrence is not None or self.exclude_dates:
            raise Refused(
                Code.INVALID_ARGUMENT,
                "only_for applies to location, description and url, and to no other change.",
                "Make the other change, which everyone sees, in a separate request.",
            )
        if self.only_for and not values:
            raise Refused(
                Code.INVALID_ARGUMENT,
                "only_for needs a location, a description or a url.",
                "Say what they should see.",
            )
        if not self.only_for:
            return None
        before = old.reserved
        if before is None or before.partstats != self.only_for:
            before = Reserved(partstats=self.only_for)
        return before.model_copy(update=dict(values))

    def _reworded(self) -> dict[str, object]:
        values: dict[str, object] = {}
        if self.summary is not None:
            values["summary"] = text.summary(self.summary)
        if self.location is not None:
            values["location"] = text.bounded(self.location, "location", text.LOCATION_MAX)
        if self.description is not None:
            values["description"] = text.bounded(self.description, "description", text.DESCRIPTION_MAX)
        if self.url is not None:
            values["url"] = text.url(self.url)
        if self.rsvp is not None:
            values["rsvp"] = self.rsvp
        if self.places is not None:
            values["places"] = text.places(self.places)
        if self.alarm_minutes is not None:
            values["alarm_minutes"] = text.alarms(self.alarm_minutes)
        if self.organizer_name is not None:
            values["organizer_name"] = text.name(self.organizer_name)
        return values

    def _rescheduled(self, old: Event) -> dict[str, object]:
        """The new times, with the rule of the series fitted to them."""
        span = old.span
        if self.when is not None:
            span = self.when if isinstance(self.when, Span) else self.when.span(old.span)
        if self.recurrence and not (old.recurrence or isinstance(self.when, Span)):
            (self.when or Timing()).refuse_offset_alone(span)
        return {"span": span, "recurrence": moving.rule(old, span, self.recurrence)}

    def _exceptions(self, span: Span) -> dict[str, object]:
        """What is given of dates added, dates left out and overrides; the others go with the series."""
        given = {name: getattr(self, name) for name in ("rdates", "exdates", "overrides")}
        if self.overrides is not None:
            given["overrides"] = tuple(series.fitting(one, span) for one in self.overrides)
        return {name: value for name, value in given.items() if value is not None}


class CancelEvent(Command[EventDone]):
    """Cancel an event once and for all, and take it out of the calendars it is in."""

    uid: str
    reason: str = ""
    audience: Audience | Chosen | None = None
    expected_sequence: int | None = None
    dry_run: bool = False
    source: RevisionSource | None = None

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, EVENT_FINISHED, SEQUENCE_MISMATCH."""
        work.require("update")
        if before := await self._cancelled_before(work):
            return before
        old = await work.open_event(self.uid)
        refuse_unexpected(old, self.expected_sequence)
        if self.source and self.source.older_than(old):
            raise Refused(Code.STALE, "A newer revision of this event has already been applied.")
        reason = text.bounded(self.reason, "note", text.LOCATION_MAX)
        await audience.refuse_unknown(work, old, self.audience)
        values = {"status": EventStatus.CANCELLED, "cancel_reason": reason}
        event = revised(old.model_copy(update=values), old, work.now, self.source)
        bounds.refuse_event(work, event)
        group = audience.of_cancellation(self.audience or work.settings.cancel_audience, asks=event.rsvp)
        notified = await audience.size(work, event, group, Kind.CANCELLATION)
        campaign_id = ""
        if not self.dry_run:
            await work.unit.save_event(work.flagged(event))
            await proposals.answered(work, event)
            await bulk_changes.withdraw_event(work, event, Code.EVENT_CANCELLED)
            campaign_id = await audience.notify(work, event, Kind.CANCELLATION, group)
        return EventDone(
            event=event,
            old=old,
            changed=("status",),
            notified=notified,
            preview=await audience.preview(work, event, group, Kind.CANCELLATION),
            calendars=await audience.calendars(work, old, dry_run=self.dry_run),
            campaign_id=campaign_id,
        )

    async def _cancelled_before(self, work: Work) -> EventDone | None:
        """What the first of two equal requests came to; a mail is told that the event is cancelled."""
        event = await work.owned_event(self.uid)
        if not event.cancelled or self.source is not None:
            return None
        campaign = None if self.dry_run else await audience.told(work, event, Kind.CANCELLATION)
        told = await audience.progress(work, campaign) if campaign else None
        return EventDone(
            event=event,
            changed=() if self.dry_run else ("status",),
            notified=told.sent + told.owed if told else 0,
            campaign_id=campaign.id if campaign else "",
            repeated=True,
            told=told,
        )


def _braces(old: Event, new: Event) -> bool:
    """True if a text of `new` has braces that `old` had not, so that they are not of whoever made the event."""
    parts: list[Event | Override] = [new, *new.overrides]
    known = {getattr(old, name) for name in personal.TEXTS}
    texts = {getattr(part, name) for part in parts for name in personal.TEXTS} - known
    return any(personal.personal(text) for text in texts)


def _owner(organizer: str | None, work: Work) -> str:
    owner = text.address(organizer) if organizer else work.actor.address
    if not work.actor.owns(owner):
        raise Refused(
            Code.NOT_ALLOWED,
            f"You act for {work.actor.address} and cannot make events for another organizer.",
            "Leave organizer out.",
        )
    return owner
