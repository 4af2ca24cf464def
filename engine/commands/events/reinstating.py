"""Let a cancelled event take place after all, if it was its calendar that had dropped it."""

from __future__ import annotations

from engine.commands import bulk_changes
from engine.commands.agents import bounds
from engine.commands.base import Work
from engine.commands.events.events import EventDone, UpdateEvent
from engine.commands.invites import audience
from engine.commands.revisions import differences, revised, sound
from engine.model.events import EventStatus
from engine.model.messages import Kind
from engine.refusals import Code


class ReinstateEvent(UpdateEvent):
    """Bring back an event that its calendar had dropped, as that calendar has it now; its people are asked again.

    A cancelled event keeps its UID, and its SEQUENCE grows, so that calendars put the entry back in its place.
    """

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, ORGANIZER_SUSPENDED, EVENT_IN_PAST, …"""
        work.require("update")
        old = await work.owned_event(self.uid)
        await work.refuse_suspended(old.organizer)
        standing = {"status": EventStatus.CONFIRMED, "cancel_reason": ""}
        new = self._changed(old).model_copy(update=standing)
        changed = ("status", *differences(old, new))
        new = sound(revised(new, old, work.now, self.source), work.now)
        bounds.refuse_event(work, new, old=old)
        group = audience.of_update(self.audience or work.settings.update_audience, changed)
        notified = await audience.size(work, new, group)
        # A cancellation that has not left would arrive with the revision that takes it back.
        await bulk_changes.withdraw_event(work, new, Code.EVENT_CANCELLED)
        await work.unit.save_event(work.flagged(new))
        campaign_id = await audience.notify(work, new, Kind.UPDATE, group)
        return EventDone(event=new, changed=changed, notified=notified, campaign_id=campaign_id)
