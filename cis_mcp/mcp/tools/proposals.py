"""Other times that attendees propose: how tools show them, and the tool that answers one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from cis_mcp.mcp.tools.arguments import Arguments
from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, writes
from cis_mcp.mcp.tools.event_arguments import Uid
from cis_mcp.mcp.tools.schema import shown_by
from cis_mcp.views.chosen import Told, chosen
from cis_mcp.views.events import (
    EventInfo,
    event_info,
    event_lines,
    quoted,
    times,
)
from cis_mcp.views.proposals import ProposalInfo, proposal_info, proposal_named, standing
from engine.commands.answers.proposals import DeclineProposal
from engine.commands.events.accepting import AcceptProposal
from engine.model.answers import Proposal, ProposalState
from engine.model.events import Event
from engine.refusals import Code, Refused

SHOWN = 10
"""The most open proposals that get_event shows; list_attendees shows each with its attendee."""

_STANDS = "It is at that time already: the proposal is answered, nothing changed, and no one is mailed."


class AnswerProposalArguments(Arguments):
    """Arguments of answer_proposal."""

    uid: Uid
    email: str = Field(description="who proposes", max_length=1_000, examples=["ann@example.com"])
    answer: Literal["accept", "decline"] = Field(description="accept: move there; decline: leave it")
    instance: str | None = Field(
        None,
        description="of a series, which instance, as get_event shows it; “series”: all of it",
        max_length=40,
        examples=["2027-05-02T19:00:00"],
    )
    start: str | None = Field(
        None, description="the proposed start that you saw; refused if it changed", max_length=40
    )
    audience: Told = Field(None, description="as in update_event")


class AnsweredProposal(Result):
    """What answer_proposal did."""

    event: Annotated[EventInfo, shown_by("get_event")]
    proposal: ProposalInfo
    changed: list[str] = Field(description="fields that changed; empty: the event stays as it is")
    notified: int = Field(description="people who are notified")
    campaign_id: str = Field(description="follow it with get_campaign; empty: none")


async def answer_proposal(call: CallContext, arguments: AnswerProposalArguments) -> Reply:
    """Accept or decline another time that an attendee proposes (see get_event). Accepting moves the event there and
    mails the attendees it affects; declining mails only that attendee. For a third time use update_event,
    which answers every proposal."""
    event = await call.engine.event(arguments.uid, call.actor)
    which = proposal_named(event, arguments.email, arguments.instance, arguments.start)
    answered = _accepted if arguments.answer == "accept" else _declined
    return await answered(call, arguments, which)


async def _accepted(call: CallContext, arguments: AnswerProposalArguments, which: dict[str, Any]) -> Reply:
    done = await call.apply(AcceptProposal(**which, audience=chosen(arguments.audience)))
    assert done.proposal is not None, "accepting answers a proposal"
    follow = f" Follow it with get_campaign {done.campaign_id}." if done.campaign_id else ""
    said = f"Moved. People notified: {done.notified}.{follow}" if done.changed else _STANDS
    lines = [said, *event_lines(done.event)]
    data = AnsweredProposal(
        event=event_info(done.event),
        proposal=proposal_info(done.event, done.proposal),
        changed=list(done.changed),
        notified=done.notified,
        campaign_id=done.campaign_id,
    )
    return Reply("\n".join(lines), data)


async def _declined(call: CallContext, arguments: AnswerProposalArguments, which: dict[str, Any]) -> Reply:
    if arguments.audience is not None:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "audience only applies to answer=“accept”: declining a proposal mails only its attendee.",
            "Leave audience out.",
        )
    done = await call.apply(DeclineProposal(**which))
    stays = standing(done.event, done.proposal) if done.proposal else done.event.span
    words = f"Declined; {done.attendee.email} is mailed that the event stays at {times(stays)}."
    data = AnsweredProposal(
        event=event_info(done.event),
        proposal=proposal_info(done.event, done.proposal),
        changed=[],
        notified=1,
        campaign_id="",
    )
    return Reply(words, data)


def proposal_lines(event: Event, proposals: Sequence[Proposal], total: int, *, masked: bool) -> list[str]:
    """The open proposals, one per line, and what to do with them."""
    if not total:
        return []
    shown = [f"- {_line(event, proposal, masked=masked)}" for proposal in proposals]
    more = [f"And {total - len(shown)} more: see list_attendees."] if total > len(shown) else []
    return [f"Proposed times, for answer_proposal: {total}", *shown, *more]


def _line(event: Event, proposal: Proposal, *, masked: bool) -> str:
    info = proposal_info(event, proposal, masked=masked)
    state = "" if proposal.state is ProposalState.OPEN else f" [{proposal.state}]"
    time = times(proposal.span) if proposal.span else "no time that can be read"
    whole = " for the whole series" if event.recurring else ""
    instance = f" instead of {info.instance}" if info.instance else whole
    place = f", at {quoted(info.location)}" if info.location else ""
    words = f": {quoted(info.comment)}" if info.comment else ""
    return f"{info.email}{state} proposes {time}{instance}{place}{words}"


TOOLS = (
    Spec(
        answer_proposal,
        "Answer a proposed time",
        AnswerProposalArguments,
        AnsweredProposal,
        writes(destructive=True, mails=True),
        "update",
    ),
)
