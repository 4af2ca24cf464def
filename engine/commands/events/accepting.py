"""Agree to an attendee's proposal: the event, or the instance, moves to the time that was proposed."""

from __future__ import annotations

from engine.commands.answers.proposals import AnsweringProposal, open_proposal
from engine.commands.base import Command, Work
from engine.commands.events.events import EventDone, UpdateEvent
from engine.commands.events.instances import ChangeInstance
from engine.itip import recurrence
from engine.model.answers import Proposal, ProposalState
from engine.model.events import Event, Override
from engine.model.messages import Audience, Chosen
from engine.model.times import Instant, Span
from engine.refusals import Code, Refused


class AcceptProposal(AnsweringProposal[EventDone]):
    """Move the event to the time that an attendee proposes, and notify the people affected.

    Only the time: a place in the proposal is the attendee's own text, which only the organizer sees.
    """

    audience: Audience | Chosen | None = None

    async def carry_out(self, work: Work) -> EventDone:
        """Raises Refused: UNKNOWN_EVENT, UNKNOWN_PROPOSAL, INVALID_TIME, EVENT_IN_PAST, …"""
        work.require("update")
        event = await work.open_event(self.uid)
        proposal, _ = await open_proposal(work, event, self)
        done = await _change(event, proposal, self.audience).carry_out(work)
        if not done.changed:
            work.closed.append(proposal)
            await work.unit.settle_proposal(proposal, ProposalState.ANSWERED)
        answered = proposal.model_copy(update={"state": ProposalState.ANSWERED})
        return done.model_copy(update={"proposal": answered})


def _change(event: Event, proposal: Proposal, audience: Audience | Chosen | None) -> Command[EventDone]:
    if proposal.span is None or proposal.span.all_day != event.span.all_day:
        raise Refused(
            Code.INVALID_TIME,
            "The proposal has no time to move the event to.",
            "Update the event to the time that you agree on.",
        )
    span = proposal.span.model_copy(update={"timezone": event.span.timezone})
    if proposal.recurrence_id is None:
        return UpdateEvent(uid=event.uid, when=span, audience=audience)
    override = _override(event, proposal.recurrence_id, span)
    return ChangeInstance(uid=event.uid, override=override, audience=audience)


def _override(event: Event, recurrence_id: Instant, span: Span) -> Override:
    known = event.override(recurrence_id) or Override(
        recurrence_id=recurrence_id,
        span=recurrence.at(event.span, recurrence_id),
        summary=event.summary,
        location=event.location,
        description=event.description,
        url=event.url,
    )
    return known.model_copy(update={"span": span})
