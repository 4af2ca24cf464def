"""Send an attendee the event once more, as they ask for it (REFRESH, RFC 5546, 3.2.6)."""

from __future__ import annotations

from datetime import timedelta

from engine.commands.agents import bounds, budgets
from engine.commands.answers.answering import Answering, whose
from engine.commands.base import Done, Work
from engine.commands.invites.invites import invite_message, refuse_barred
from engine.commands.person_limit import refuse_person_limit
from engine.commands.prompting import Cause, prompted
from engine.model.events import Event
from engine.model.messages import Kind, Message
from engine.model.people import Attendee
from engine.refusals import Code, Refused

PAUSE = timedelta(hours=1)
"""How long an attendee waits for the next copy: whoever knows a token could flood its holder otherwise."""


class RefreshDone(Done):
    """Who gets the event again, and the message that is owed; None if one is on its way already."""

    attendee: Attendee
    event: Event
    message: Message | None


class Refresh(Answering[RefreshDone]):
    """Send the current revision to the attendee who asks for it."""

    async def carry_out(self, work: Work) -> RefreshDone:
        """Raises Refused: UNKNOWN_TOKEN, UNKNOWN_EVENT, UNKNOWN_ATTENDEE, SENDER_UNAUTHENTICATED, TOO_SOON, …"""
        who = await whose(work, self)
        if who.added or not who.attendee.proven or who.attendee.withdrawn is not None:
            raise Refused(Code.UNKNOWN_ATTENDEE, "Only an invited person can ask for the event again.")
        if not who.proven:
            raise Refused(Code.SENDER_UNAUTHENTICATED, "The sender of the request is not authenticated.")
        event, attendee = who.event, who.attendee
        if event.finished(work.now):
            raise Refused(Code.EVENT_FINISHED, "That event is over.")
        await work.refuse_suspended(event.organizer)
        await refuse_barred(work, event.organizer, attendee.email)
        return RefreshDone(attendee=attendee, event=event, message=await self._sent(work, event, attendee))

    async def _sent(self, work: Work, event: Event, attendee: Attendee) -> Message | None:
        last = await work.unit.last_message(event.uid, attendee.email)
        if last and last.state.pending:
            return None
        if last and work.now - last.created < PAUSE:
            raise Refused(Code.TOO_SOON, "The event was sent to this attendee less than an hour ago.")
        if not event.cancelled:
            standing = await bounds.standing_for(work, event)
            bounds.refuse_recipient(work, standing, attendee.email)
            await budgets.refuse_mail(work, standing, attendee.email)
            await refuse_person_limit(work, attendee.email)
        if not await prompted(work, Cause.REFRESH, attendee.email, event.organizer):
            raise Refused(
                Code.TOO_MANY, "Too many people asked for events of this organizer in the last hour."
            )
        kind = Kind.CANCELLATION if event.cancelled else Kind.INVITE
        message = invite_message(work, event, attendee, kind=kind)
        message = message.model_copy(update={"repeat": work.randomness.word(8)})
        await work.unit.add_messages([message], priority=0)
        return message
