"""Remind attendees of an event: the same revision once more, within limits for each person."""

from __future__ import annotations

from pydantic import Field

from engine.commands import text
from engine.commands.agents import bounds
from engine.commands.base import Command, Done, Work
from engine.commands.invites import audience
from engine.model.events import Event
from engine.model.messages import Chosen, Kind
from engine.model.people import Partstat
from engine.model.reminders import ReminderGroup
from engine.refusals import Code, Refused

NAMED = 20
"""People of each group who are named."""
_SILENT = Chosen(partstats=frozenset({Partstat.NEEDS_ACTION}))


class RemindDone(Done):
    """How many people are reminded, and who is left out; `campaign_id` is empty if nobody is."""

    event: Event
    reminded: int
    emails: tuple[str, ...] = Field((), description="the first of those who are reminded")
    left_out: tuple[ReminderGroup, ...] = ()
    campaign_id: str = ""


class Remind(Command[RemindDone]):
    """Mail attendees the event once more; a person at most once a day and three times an event."""

    uid: str
    who: Chosen = _SILENT
    note: str = ""
    dry_run: bool = False

    async def carry_out(self, work: Work) -> RemindDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, EVENT_FINISHED, UNKNOWN_ATTENDEE, TOO_LARGE, …"""
        work.require("send")
        event = await work.standing_event(self.uid)
        note = text.note(self.note)
        bounds.refuse_links(work, work.bounds, [note])
        _refuse_no(self.who)
        await audience.refuse_unknown(work, event, self.who)
        groups = await work.unit.reminder_groups(event.uid, self.who, work.now, NAMED)
        good = next((group for group in groups if not group.reason), None)
        campaign_id = ""
        if good and not self.dry_run:
            campaign_id = await audience.start(work, event, Kind.REMINDER, self.who, good.people, note=note)
        return RemindDone(
            event=event,
            reminded=good.people if good else 0,
            emails=good.emails if good else (),
            left_out=tuple(group for group in groups if group.reason),
            campaign_id=campaign_id,
        )


def _refuse_no(who: Chosen) -> None:
    if Partstat.DECLINED in who.partstats:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "People who said No are not reminded.",
            "Leave declined out of who.",
        )
