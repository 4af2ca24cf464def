"""Withdraw one person from an event: their entry is cancelled, and no one else is notified."""

from __future__ import annotations

from engine.commands import text
from engine.commands.agents import bounds, budgets
from engine.commands.base import Command, Done, Work
from engine.commands.invites.invites import invite_message
from engine.model.answers import ProposalState
from engine.model.events import Event
from engine.model.messages import Kind, Message
from engine.model.people import Attendee
from engine.refusals import Code, Refused


class WithdrawDone(Done):
    """The person who was withdrawn; `message` cancels their entry; None if no invite has reached them."""

    event: Event
    attendee: Attendee
    message: Message | None = None
    already: bool = False


class WithdrawInvite(Command[WithdrawDone]):
    """Cancel one person's entry; from then on they are not counted and not notified of changes."""

    uid: str
    email: str
    note: str = ""

    async def carry_out(self, work: Work) -> WithdrawDone:
        """Raises Refused: UNKNOWN_EVENT, EVENT_CANCELLED, EVENT_FINISHED, UNKNOWN_ATTENDEE, TOO_LARGE, …"""
        work.require("send")
        event = await work.open_event(self.uid)
        note = text.note(self.note)
        known = await _attendee(work, event, self.email)
        bounds.refuse_links(work, work.bounds, [note])
        return await taken_out(work, event, known, note)


async def taken_out(work: Work, event: Event, known: Attendee, note: str = "") -> WithdrawDone:
    """The person as they are once they are withdrawn from the event, which is not asked whether it may be changed."""
    if known.withdrawn is not None:
        return WithdrawDone(
            event=event,
            attendee=known,
            message=await work.unit.last_message(event.uid, known.email),
            already=True,
        )
    gone = known.model_copy(update={"withdrawn": work.now})
    has_it = known.email in await work.unit.notified(event.uid, [known.email])
    await work.unit.withdraw_for_person(event.uid, known.email, Code.INVITE_WITHDRAWN, work.now)
    await work.unit.change_attendee(known, gone)
    for proposal in await work.unit.proposals(event.uid, known.email):
        work.closed.append(proposal)
        await work.unit.settle_proposal(proposal, ProposalState.OUTDATED)
    message = await _cancellation(work, event, gone, note) if has_it else None
    return WithdrawDone(event=event, attendee=gone, message=message)


async def _attendee(work: Work, event: Event, email: str) -> Attendee:
    known = await work.unit.attendee(event.uid, text.known_address(email))
    if known is None:
        raise Refused(
            Code.UNKNOWN_ATTENDEE, "That address is not invited to this event.", "Check the address."
        )
    return known


async def _cancellation(work: Work, event: Event, attendee: Attendee, note: str) -> Message | None:
    await budgets.exceed_changes(work, await bounds.standing_for(work, event), 1)
    due = work.not_before(work.settings.undo_s)
    message = invite_message(work, event, attendee, kind=Kind.WITHDRAWAL, due=due)
    await work.unit.add_messages([message.model_copy(update={"note": note})], priority=0)
    return await work.unit.last_message(event.uid, attendee.email)
