"""Change or cancel one instance of a recurring event (RFC 5545, 3.8.4.4)."""

from __future__ import annotations

from datetime import date, datetime

from engine.commands import series, text
from engine.commands.agents import bounds
from engine.commands.answers import proposals
from engine.commands.base import Command, Work
from engine.commands.events.events import EventDone
from engine.commands.events.timing import Timing
from engine.commands.invites import audience
from engine.commands.revisions import (
    RevisionSource,
    differences,
    refuse_lacking,
    refuse_unexpected,
    revised,
    sound,
)
from engine.itip import recurrence
from engine.model.events import Event, Override
from engine.model.messages import Audience, Chosen, Kind
from engine.model.times import Instant, Span
from engine.refusals import Code, Refused

_GONE_MAX = 50
"""Cancelled instances of which is kept what they last said: more than are cancelled while mails of it wait."""


class ChangeInstance(Command[EventDone]):
    """Move or reword one instance; its series stays as it is."""

    uid: str
    override: Override
    audience: Audience | Chosen | None = None
    note: str = ""
    dry_run: bool = False
    source: RevisionSource | None = None

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, INVALID_RECURRENCE, STALE."""
        old = await _series(work, self.uid)
        recurrence_id = series.own(old, self.override.recurrence_id)
        _refuse_outdated(old, recurrence_id, self.source)
        new = self._overridden(old, recurrence_id)
        if not differences(old, new):
            return EventDone(event=old)
        return await _notify(work, old, new, Kind.UPDATE, self, recurrence_id)

    def _overridden(self, event: Event, recurrence_id: date | datetime) -> Event:
        noted = {"recurrence_id": recurrence_id, **_noted(self.source)}
        wanted = series.fitting(self.override, event.span).model_copy(update=noted)
        others = [o for o in event.overrides if o.recurrence_id != wanted.recurrence_id]
        overrides = tuple(sorted((*others, wanted), key=lambda o: event.span.moment(o.recurrence_id)))
        return event.model_copy(update={"overrides": overrides})


class UpdateInstance(Command[EventDone]):
    """Change some fields of one instance; what is left None stays as it is."""

    uid: str
    recurrence_id: Instant
    summary: str | None = None
    when: Timing | None = None
    location: str | None = None
    description: str | None = None
    url: str | None = None
    audience: Audience | Chosen | None = None
    note: str = ""
    expected_sequence: int | None = None
    dry_run: bool = False

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, INVALID_RECURRENCE, SEQUENCE_MISMATCH, …"""
        old = await _series(work, self.uid)
        recurrence_id = series.own(old, self.recurrence_id)
        change = ChangeInstance(
            uid=old.uid,
            override=self._override(old, recurrence_id),
            audience=self.audience,
            note=self.note,
            dry_run=self.dry_run,
        )
        done = await change.carry_out(work)
        if done.changed:
            refuse_unexpected(old, self.expected_sequence)
        return done

    def _override(self, event: Event, recurrence_id: date | datetime) -> Override:
        known = recurrence.instance(event, recurrence_id)
        given = {n: getattr(self, n) for n in ("summary", "location", "description", "url")}
        values: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        if self.when is not None:
            span = self.when.span(known.span)
            if span.all_day != known.span.all_day:
                raise Refused(
                    Code.INVALID_TIME,
                    "One instance of a series cannot change between whole days and a time of day.",
                    "Give start as the series has it, or change the whole series.",
                )
            values["span"] = span.model_copy(update={"timezone": event.span.timezone})
        return known.model_copy(update=values)


class CancelInstance(Command[EventDone]):
    """Cancel one instance; the others stand."""

    uid: str
    recurrence_id: Instant
    audience: Audience | Chosen | None = None
    note: str = ""
    expected_sequence: int | None = None
    dry_run: bool = False
    source: RevisionSource | None = None

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, INVALID_RECURRENCE, SEQUENCE_MISMATCH, STALE."""
        old = await _series(work, self.uid)
        if series.aligned(old.span, self.recurrence_id) in old.exdates:
            # Also if expected_sequence is that of before: a repeated request was carried out already.
            return EventDone(event=old)
        refuse_unexpected(old, self.expected_sequence)
        recurrence_id = series.own(old, self.recurrence_id)
        _refuse_outdated(old, recurrence_id, self.source)
        new = _without(old, recurrence_id)
        return await _notify(work, old, new, Kind.CANCELLATION, self, recurrence_id)


def _without(event: Event, recurrence_id: date | datetime) -> Event:
    """The event without one instance; what was said of that alone is kept for the mails that cancel it."""
    own = event.override(recurrence_id)
    before = tuple(one for one in event.gone if one.recurrence_id != recurrence_id)
    values = {
        "exdates": tuple(sorted((*event.exdates, recurrence_id), key=event.span.moment)),
        "overrides": tuple(one for one in event.overrides if one.recurrence_id != recurrence_id),
        "gone": (*before, own)[-_GONE_MAX:] if own else before,
    }
    return event.model_copy(update=values)


class AddInstance(Command[EventDone]):
    """Add an instance to an event, which recurs from then on (ADD, RFC 5546, 3.2.4)."""

    uid: str
    span: Span
    summary: str = ""
    location: str = ""
    description: str = ""
    url: str = ""
    audience: Audience | Chosen | None = None
    note: str = ""
    dry_run: bool = False
    source: RevisionSource | None = None

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, INVALID_RECURRENCE, STALE."""
        work.require("update")
        old = await work.open_event(self.uid)
        start = series.aligned(old.span, self.span.start)
        if series.stands(old, start):
            return EventDone(event=old)
        _refuse_outdated(old, start, self.source)
        rdates = tuple(sorted({*old.rdates, start}, key=old.span.moment))
        exdates = tuple(d for d in old.exdates if d != start)
        new = old.model_copy(update={"rdates": rdates, "exdates": exdates})
        new = new.model_copy(update={"overrides": self._overrides(new, start)})
        return await _notify(work, old, new, Kind.UPDATE, self, None)

    def _overrides(self, event: Event, start: date | datetime) -> tuple[Override, ...]:
        """The event's overrides, with one for the new instance where it differs from the others."""
        plain = Override(
            recurrence_id=start,
            span=recurrence.at(event.span, start),
            summary=event.summary,
            location=event.location,
            description=event.description,
            url=event.url,
        )
        own = {name: getattr(self, name) for name in ("summary", "location", "description", "url")}
        given = {"span": self.span, **{n: v for n, v in own.items() if v}}
        added = series.fitting(plain.model_copy(update=given), event.span)
        return event.overrides if added == plain else (*event.overrides, added)


def _noted(source: RevisionSource | None) -> dict[str, object]:
    return {"source_sequence": source.sequence, "source_dtstamp": source.noted} if source else {}


def _refuse_outdated(event: Event, recurrence_id: date | datetime, source: RevisionSource | None) -> None:
    if source and source.older_than_instance(event, recurrence_id):
        raise Refused(Code.STALE, "A newer revision of this event has already been applied.")


async def _series(work: Work, uid: str) -> Event:
    work.require("update")
    event = await work.open_event(uid)
    if not event.recurring:
        raise Refused(
            Code.INVALID_RECURRENCE,
            "That event does not recur, so it has no single instances.",
            "Update or cancel the event itself.",
        )
    return event


async def _notify(
    work: Work,
    old: Event,
    new: Event,
    kind: Kind,
    request: ChangeInstance | CancelInstance | AddInstance,
    recurrence_id: date | datetime | None,
) -> EventDone:
    """Save the revision and have the audience told of it: of the one instance, or of the whole series."""
    # Clients count the revisions of an instance by themselves: they say nothing of the series' own.
    new = sound(revised(new, old, work.now), work.now, old)
    await refuse_lacking(work, old, new)
    default = work.settings.update_audience if kind is Kind.UPDATE else work.settings.cancel_audience
    changed = differences(old, new)
    await audience.refuse_unknown(work, old, request.audience)
    note = text.note(request.note)
    bounds.refuse_event(work, new, note, old=old)
    group = audience.of_update(request.audience or default, changed, asks=new.rsvp)
    group = await proposals.told_with(work, old, new, group, request.audience)
    notified = await audience.size(work, new, group, kind, recurrence_id)
    preview = await audience.preview(work, new, group, kind, recurrence_id)
    campaign_id = ""
    if not request.dry_run:
        await work.unit.save_event(work.flagged(new))
        await proposals.answered(work, new, recurrence_id)
        campaign_id = await audience.notify(work, new, kind, group, recurrence_id, note=note)
    return EventDone(
        event=new,
        old=old,
        changed=changed,
        notified=notified,
        preview=preview,
        calendars=await audience.calendars(work, old, dry_run=request.dry_run),
        campaign_id=campaign_id,
    )
