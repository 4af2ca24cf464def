"""Change or cancel one instance of a recurring event (RFC 5545, 3.8.4.4)."""

from __future__ import annotations

from engine.commands import audience, series
from engine.commands.base import Command, Work
from engine.commands.events import EventDone
from engine.commands.revisions import Source, revised, sound
from engine.model import Audience, Event, Instant, Kind, Override
from engine.refusals import Code, Refused


class ChangeInstance(Command[EventDone]):
    """Move or reword one instance; its series stays as it is."""

    uid: str
    override: Override
    audience: Audience | None = None
    source: Source | None = None

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, NOT_OWNER, EVENT_CANCELLED, INVALID_RECURRENCE, STALE."""
        old = await _series(work, self.uid, self.source)
        series.refuse_foreign(old, self.recurrence_id)
        new = self._overridden(old)
        if new == old:
            return EventDone(event=old)
        return await _tell(work, old, new, Kind.UPDATE, self)

    def _overridden(self, event: Event) -> Event:
        wanted = series.worded(self.override)
        others = [o for o in event.overrides if o.recurrence_id != wanted.recurrence_id]
        overrides = tuple(sorted((*others, wanted), key=lambda o: event.span.moment(o.recurrence_id)))
        return event.model_copy(update={"overrides": overrides})

    @property
    def recurrence_id(self) -> Instant:
        return self.override.recurrence_id


class CancelInstance(Command[EventDone]):
    """Cancel one instance; the others stand (B9)."""

    uid: str
    recurrence_id: Instant
    audience: Audience | None = None
    source: Source | None = None

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, NOT_OWNER, EVENT_CANCELLED, INVALID_RECURRENCE, STALE."""
        old = await _series(work, self.uid, self.source)
        if self.recurrence_id in old.exdates:
            return EventDone(event=old)
        series.refuse_foreign(old, self.recurrence_id)
        exdates = tuple(sorted((*old.exdates, self.recurrence_id), key=old.span.moment))
        overrides = tuple(o for o in old.overrides if o.recurrence_id != self.recurrence_id)
        new = old.model_copy(update={"exdates": exdates, "overrides": overrides})
        return await _tell(work, old, new, Kind.CANCELLATION, self)


async def _series(work: Work, uid: str, source: Source | None) -> Event:
    work.require("events")
    event = await work.standing_event(uid)
    if not event.recurring:
        raise Refused(
            Code.INVALID_RECURRENCE,
            "That event does not recur, so it has no single instances.",
            "Update or cancel the event itself.",
        )
    if source and source.sequence < event.source_sequence:
        raise Refused(Code.STALE, "A newer revision of this event was taken already.")
    return event


async def _tell(
    work: Work, old: Event, new: Event, kind: Kind, request: ChangeInstance | CancelInstance
) -> EventDone:
    new = sound(revised(new, old, work.now, request.source), work.now)
    default = work.settings.update_audience if kind is Kind.UPDATE else work.settings.cancel_audience
    group = audience.of_update(request.audience or default, ("overrides",))
    notified = await audience.size(work, new, group, kind)
    await work.unit.save_event(new)
    campaign_id = await audience.tell(work, new, kind, group, request.recurrence_id)
    changed = ("overrides",)
    return EventDone(event=new, changed=changed, notified=notified, campaign_id=campaign_id)
