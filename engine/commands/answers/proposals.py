"""Proposals of another time, kept until the organizer declines them or moves the event (RFC 5546, 3.2.7)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Generic

from pydantic import Field

from engine.commands import answer_notices, notices, series, text
from engine.commands.agents import bounds, budgets
from engine.commands.answers.answering import Answering, Respondent, plain_name, whose
from engine.commands.answers.receipts import answered_sequence, outdated, recorded
from engine.commands.base import Command, D_co, Done, Work
from engine.commands.invites.invites import invite_message
from engine.commands.prompting import Cause, prompted
from engine.itip import recurrence
from engine.model.answers import Proposal, ProposalState
from engine.model.codes import whole_blanked
from engine.model.events import Event
from engine.model.messages import Audience, Chosen, Kind
from engine.model.people import Attendee, Partstat
from engine.model.times import Instant, Span
from engine.refusals import Code, Refused

PROPOSALS_MAX = 20
"""Proposals that one attendee may make for an event: each of them is a mail to the organizer."""
_ID_LENGTH = 16


class ProposalDone(Done):
    """The proposal as it stands, whose it is, and for which event."""

    attendee: Attendee
    event: Event
    proposal: Proposal
    message_id: str = Field("", description="of the mail that says No to it; empty: there is none")


class RecordProposal(Answering[ProposalDone]):
    """Keep an attendee's proposal of another time and tell the organizer; it changes nothing of the event.

    Whoever says Maybe or No with it (`partstat`) has answered as well.
    """

    span: Span | None = None
    location: str = ""
    partstat: Partstat = Partstat.NEEDS_ACTION

    async def carry_out(self, work: Work) -> ProposalDone:
        """Raises Refused: UNKNOWN_TOKEN, UNKNOWN_EVENT, SENDER_UNAUTHENTICATED, TOO_MANY."""
        who = await whose(work, self)
        if who.added or who.attendee.withdrawn is not None:
            # Only who is invited may bargain about the time.
            raise Refused(Code.UNKNOWN_ATTENDEE, "The proposal is from someone who is not invited.")
        if not who.proven:
            # Whatever the settings: a proposal has no flag, and would stand open in another's name.
            raise Refused(Code.SENDER_UNAUTHENTICATED, "The sender of the proposal is not authenticated.")
        proposal = await self._kept(work, who)
        attendee = who.attendee
        if self.partstat in {Partstat.TENTATIVE, Partstat.DECLINED}:
            attendee = (await recorded(work, self, who, self.partstat)).attendee
        return ProposalDone(attendee=attendee, event=who.event, proposal=proposal)

    async def _kept(self, work: Work, who: Respondent) -> Proposal:
        instance = self._instance(who.event)
        known = await work.unit.proposals(who.event.uid, who.attendee.email, None)
        same = [p for p in known if p.recurrence_id == instance]
        # One that was replaced was older than another of these, whatever its SEQUENCE.
        latest = max((p for p in same if p.state is not ProposalState.REPLACED), key=_order, default=None)
        proposal = self._proposal(work, who, latest.sequence if latest else -1)
        for open_one in (p for p in same if p.state is ProposalState.OPEN):
            if _content(open_one) == _content(proposal):
                return open_one
        if len(known) >= PROPOSALS_MAX:
            raise Refused(Code.TOO_MANY, "This attendee has already proposed other times too often.")
        if latest and _older(proposal, latest):
            proposal = proposal.model_copy(update={"state": ProposalState.REPLACED})
        await self._add(work, who, proposal, same)
        return proposal

    async def _add(self, work: Work, who: Respondent, proposal: Proposal, same: list[Proposal]) -> None:
        """Keep the proposal in place of the one before, and tell the organizer where it stands."""
        if proposal.state is ProposalState.OPEN:
            for before in (p for p in same if p.state is ProposalState.OPEN):
                await work.unit.settle_proposal(before, ProposalState.REPLACED)
            await _notify(work, who, proposal)
        await work.unit.add_proposal(proposal)

    def _instance(self, event: Event) -> date | datetime | None:
        if self.recurrence_id is None or not event.recurring:
            return None
        return series.aligned(event.span, self.recurrence_id)

    def _proposal(self, work: Work, who: Respondent, last: int) -> Proposal:
        event, recurrence_id = who.event, self._instance(who.event)
        gone = event.cancelled or event.finished(work.now) or outdated(event, self, recurrence_id)
        return Proposal(
            id=work.randomness.word(_ID_LENGTH),
            event_uid=event.uid,
            email=who.attendee.email,
            name=who.attendee.name or plain_name(self.name),
            span=self.span,
            location=whole_blanked(" ".join(self.location.split())[: text.LOCATION_MAX]),
            comment=whole_blanked(self.comment[:2000]),
            recurrence_id=recurrence_id,
            sequence=answered_sequence(event, self, recurrence_id, last),
            unnumbered=self.sequence is None,
            dtstamp=self.given(work.now),
            arrived=work.now,
            state=ProposalState.OUTDATED if gone else ProposalState.OPEN,
        )


async def _notify(work: Work, who: Respondent, proposal: Proposal) -> None:
    """Tell the organizer by mail; of very many in an hour, the rest waits to be looked up."""
    organizer = who.event.organizer
    if await prompted(work, Cause.PROPOSAL, organizer, organizer):
        notice = answer_notices.proposal(
            who.event,
            who.attendee,
            proposal.span,
            proposal.comment,
            proposal.recurrence_id,
            await notices.language_of(work, organizer),
        )
        message = notices.message(work, organizer, organizer, notice, who.event.uid)
        await work.unit.add_messages([message], priority=0)


class AnsweringProposal(Command[D_co], Generic[D_co]):
    """What answers the open proposal of one attendee: of several, the one for an instance or for the whole event."""

    uid: str
    email: str
    recurrence_id: Instant | None = None
    of_whole: bool = Field(
        False, description="true: what is proposed for the whole event, not for an instance"
    )
    start: str | None = Field(None, description="what it proposes, in ISO 8601; None: whatever that is")


class DeclineProposal(AnsweringProposal[ProposalDone]):
    """Keep the event's time and tell the attendee so (DECLINECOUNTER, RFC 5546, 3.2.8)."""

    async def carry_out(self, work: Work) -> ProposalDone:
        """Raises Refused: UNKNOWN_EVENT, UNKNOWN_PROPOSAL, EVENT_CANCELLED."""
        work.require("update")
        event = await work.open_event(self.uid)
        proposal, attendee = await open_proposal(work, event, self)
        work.closed.append(proposal)
        proposal = await work.unit.settle_proposal(proposal, ProposalState.DECLINED)
        await budgets.exceed_changes(work, await bounds.standing_for(work, event), 1)
        due = work.not_before(work.settings.undo_s)
        message = invite_message(work, event, attendee, kind=Kind.DECLINED_PROPOSAL, due=due)
        # One for each answer: an attendee may propose again, and an answer that was undone is given again.
        own = {"repeat": work.randomness.word(8), "recurrence_id": proposal.recurrence_id}
        await work.unit.add_messages([message.model_copy(update=own)], priority=0)
        return ProposalDone(attendee=attendee, event=event, proposal=proposal, message_id=message.message_id)


async def open_proposal(work: Work, event: Event, named: AnsweringProposal[Any]) -> tuple[Proposal, Attendee]:
    """The attendee's open proposal, by instance and start where they are named. Raises Refused(UNKNOWN_PROPOSAL)."""
    address = text.known_address(named.email)
    found = await work.unit.proposals(event.uid, address)
    if named.of_whole or named.recurrence_id is not None:
        of = None if named.recurrence_id is None else series.aligned(event.span, named.recurrence_id)
        found = [p for p in found if p.recurrence_id == of]
    if found and named.start is not None:
        found = [p for p in found if p.span and _begins(event, p.span, named.start)]
        if not found:
            raise Refused(
                Code.UNKNOWN_PROPOSAL,
                "That attendee does not propose this start, or no longer.",
                "Look at the event again for what is proposed now.",
            )
    if len(found) > 1:
        raise Refused(
            Code.UNKNOWN_PROPOSAL,
            f"That attendee has {len(found)} open proposals for this event; it is not said which one.",
            "Name the instance (“series” for what is proposed for all of it), or the start that is proposed.",
        )
    attendee = await work.unit.attendee(event.uid, address)
    if not found or attendee is None:
        raise Refused(
            Code.UNKNOWN_PROPOSAL,
            "That attendee has no open proposal for this event.",
            "It may have been answered already; changing the event's time answers all of them.",
        )
    return found[0], attendee


def _begins(event: Event, proposed: Span, start: str) -> bool:
    """True if a proposal begins then, on the event's clock or on its own, on which it is shown."""
    clocks = (event.span,) if proposed.all_day else (event.span, proposed)
    return any(series.read(span, start, "start") == proposed.start for span in clocks)


async def answered(work: Work, event: Event, recurrence_id: date | datetime | None = None) -> None:
    """Close the proposals that a new revision answers: all of them, or those for one instance."""
    for proposal in await work.unit.proposals(event.uid):
        if recurrence_id is None or proposal.recurrence_id == recurrence_id:
            work.closed.append(proposal)
            await work.unit.settle_proposal(proposal, ProposalState.ANSWERED)


async def told_with(
    work: Work, old: Event, new: Event, group: Chosen, asked: Audience | Chosen | None
) -> Chosen:
    """`group`, and whoever proposed the time to which the event or an instance moves, even with a No.

    Whom the request itself names (`asked`) are told, and nobody else.
    """
    if (
        isinstance(asked, Chosen)
        or not group.partstats
        or (old.span, old.overrides) == (new.span, new.overrides)
    ):
        return group
    emails = set(group.emails)
    for proposal in await work.unit.proposals(new.uid):
        wanted = proposal.span and _start_end(proposal.span)
        if wanted and _times(new, proposal) == wanted != _times(old, proposal):
            proposer = await work.unit.attendee(new.uid, proposal.email)
            if proposer and proposer.withdrawn is None and proposer.partstat not in group.partstats:
                emails.add(proposer.email)
    return group.model_copy(update={"emails": frozenset(emails)})


def _times(event: Event, proposal: Proposal) -> tuple[Instant, Instant] | None:
    """Start and end of what a proposal is for; None for an instance that is cancelled."""
    instance = proposal.recurrence_id
    if instance in event.exdates:
        return None
    return _start_end(event.span if instance is None else recurrence.instance(event, instance).span)


def _start_end(span: Span) -> tuple[Instant, Instant]:
    return (span.start, span.end)


def _content(proposal: Proposal) -> tuple[object, ...]:
    return (proposal.span, proposal.location, proposal.comment)


def _older(proposal: Proposal, latest: Proposal) -> bool:
    """True if `latest` was made after it; where one of them names no revision, its time alone tells."""
    if proposal.unnumbered or latest.unnumbered:
        return proposal.dtstamp < latest.dtstamp
    return _order(proposal) < _order(latest)


def _order(proposal: Proposal) -> tuple[int, datetime]:
    return (proposal.sequence, proposal.dtstamp)
