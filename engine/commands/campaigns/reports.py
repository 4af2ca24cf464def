"""Mail the organizer the CSV report of an event."""

from __future__ import annotations

from datetime import timedelta

from engine.commands import notices, text
from engine.commands.agents import bounds, budgets
from engine.commands.base import Command, Done, Work
from engine.model.events import Event
from engine.model.messages import Kind, Message, Notice
from engine.refusals import Code, Refused

_PAUSE = timedelta(minutes=1)
"""Between two reports of an event to one address."""


class ReportDone(Done):
    """The recipient of the report, its number of rows, and the message that carries it."""

    event: Event
    message: Message
    rows: int


class SendReport(Command[ReportDone]):
    """Owe the organizer the CSV report of an event."""

    uid: str
    to: str | None = None

    async def carry_out(self, work: Work) -> ReportDone:
        """Raises Refused: UNKNOWN_EVENT, NOT_ALLOWED, INVALID_ADDRESS, TOO_SOON."""
        work.require("read")
        work.require("report")
        event = await work.owned_event(self.uid)
        to = text.address(self.to) if self.to else event.organizer
        if to != event.organizer and not work.actor.everywhere:
            raise Refused(
                Code.NOT_ALLOWED,
                "The report contains addresses and is sent only to the organizer.",
                "Leave to out.",
            )
        await _refuse_too_soon(work, event, to)
        rows = await work.unit.attendee_count(event.uid)
        language = await notices.language_of(work, to)
        told = language.say(
            "The attendees of “{title}” are in the attached file {file}: {count} rows.",
            title=event.summary,
            file=f"{event.uid}.csv",
            count=rows,
        )
        notice = Notice(
            subject=language.say("Event Report: {title}", title=event.summary),
            text=f"{told}\n",
            report_uid=event.uid,
        )
        message = notices.message(work, to, event.organizer, notice, event.uid, kind=Kind.REPORT)
        await budgets.refuse_report(work, await bounds.standing_for(work, event))
        message = message.model_copy(update={"key": work.caused_by(event)})
        await work.unit.add_messages([message], priority=0)
        return ReportDone(event=event, message=message, rows=rows)


async def _refuse_too_soon(work: Work, event: Event, to: str) -> None:
    last = await work.unit.last_report(event.uid, to)
    if last and work.now - last < _PAUSE:
        raise Refused(
            Code.TOO_SOON,
            "That report was requested a moment ago.",
            "It is being sent; ask again in a minute.",
        )
