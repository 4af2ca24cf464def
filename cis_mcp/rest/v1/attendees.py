"""Who is invited, what each answered, and the other times that they propose."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from pydantic import Field

from cis_mcp.rest.endpoint import Call, DataResponse, Endpoint
from cis_mcp.rest.models import Body, Cursor, Email, Limit, OfEvent
from cis_mcp.rest.v1.events import etag
from cis_mcp.views.attendees import AttendeeInfo, Label, attendee_info, partstat
from cis_mcp.views.base import Data
from cis_mcp.views.chosen import Told, chosen
from cis_mcp.views.events import EventInfo, event_info, moment
from cis_mcp.views.proposals import ProposalInfo, hides_proposers, proposal_info, proposal_named
from cis_mcp.views.timeline import AttendeeStory, attendee_story, page_of, still_written, waited_in
from engine.commands.answers.proposals import DeclineProposal
from engine.commands.base import Work
from engine.commands.events.accepting import AcceptProposal
from engine.commands.revisions import refuse_unexpected
from engine.model.queries import AttendeeQuery
from engine.model.verbs import Verb
from engine.ownership import refuse_addresses
from engine.refusals import Code, Refused


class ProposalAnswer(Body):
    """What becomes of a proposal."""

    email: Email
    answer: Literal["accept", "decline"]
    instance: str | None = Field(
        None,
        description="which instance of a series, or “series”: for all of it",
        max_length=40,
    )
    start: str | None = Field(
        None, description="the proposed start that was seen; refused if it is another by now", max_length=40
    )
    audience: Told = None


class Listing(OfEvent):
    """Which attendees."""

    status: Label | None = Field(None, description="only those who answered so")
    domain: str = Field("", description="only addresses there", max_length=300)
    answered_since: str | None = Field(
        None, description="ISO 8601, UTC: only answers since then", max_length=40
    )
    order: Literal["invited", "answered"] = Field(
        "invited", description="answered: only those who did, oldest first"
    )
    masked: bool = Field(
        True, description="false: addresses and names in full, for a key with the verb `report`"
    )
    limit: Limit = 50
    cursor: Cursor = None


class OnePerson(OfEvent):
    """One person of an event."""

    email: Email
    limit: Limit = 50
    cursor: Cursor = None


class Attendees(Data):
    """A page of attendees."""

    uid: str
    attendees: list[AttendeeInfo]
    masked: bool
    next_cursor: str | None


class Proposals(Data):
    """The proposals that wait for an answer, oldest first."""

    uid: str
    proposals: list[ProposalInfo]


class Answered(Data):
    """What answering a proposal did."""

    event: EventInfo
    proposal: ProposalInfo
    changed: list[str]
    notified: int
    campaign_id: str


async def list_attendees(call: Call[Listing, Body]) -> Attendees:
    """List who was invited and what each answered, a page at a time."""
    asked = call.query
    if not asked.masked:
        refuse_addresses(call.actor)
    query = AttendeeQuery(
        uid=asked.uid,
        status=partstat(asked.status),
        domain=asked.domain.strip().lower().removeprefix("@"),
        answered_since=moment(asked.answered_since, "answered_since"),
        by_answer=asked.order == "answered",
        limit=asked.limit,
        cursor=asked.cursor,
    )
    page = await call.engine.attendees(query, call.actor)
    event = await call.engine.event(page.uid, call.actor)
    proposed = {one.email: one for one in await call.engine.proposals(event.uid, call.actor)}
    people = [attendee_info(event, a, proposed.get(a.email), masked=asked.masked) for a in page.attendees]
    return Attendees.model_validate(
        {"uid": page.uid, "attendees": people, "masked": asked.masked, "next_cursor": page.next_cursor}
    )


async def get_attendee(call: Call[OnePerson, Body]) -> AttendeeStory:
    """Show one person at one event: the answer, every message with the mail server's reply, what came back."""
    event = await call.engine.event(call.query.uid, call.actor)
    explanation = await call.engine.explain(event.uid, call.query.email, call.actor)
    page = page_of(explanation, call.query.limit, call.query.cursor)
    campaigns = await waited_in(call.engine, call.actor, explanation)
    writing = await still_written(call.engine, call.actor, event)
    return attendee_story(event, explanation, campaigns, writing, page)


async def list_proposals(call: Call[OfEvent, Body]) -> Proposals:
    """List the other times that attendees propose and that wait for an answer."""
    event = await call.engine.event(call.query.uid, call.actor)
    found = await call.engine.proposals(event.uid, call.actor)
    masked = hides_proposers(call.actor)
    return Proposals(uid=event.uid, proposals=[proposal_info(event, one, masked=masked) for one in found])


async def answer_proposal(call: Call[OfEvent, ProposalAnswer]) -> DataResponse:
    """Answer a proposed time. Accepting moves the event there and mails the people affected; declining mails only
    the person who proposed it. If-Match with the event's ETag refuses an answer to a revision that you have not
    seen."""
    body = call.body
    event = await call.engine.event(call.query.uid, call.actor)
    seen = _at_revision(event.uid, await call.expected_sequence(event.uid))
    which = proposal_named(event, body.email, body.instance, body.start)
    if body.answer == "accept":
        moved = await call.apply(AcceptProposal(**which, audience=chosen(body.audience)), before=seen)
        assert moved.proposal is not None, "accepting answers a proposal"
        accepted = Answered(
            event=event_info(moved.event),
            proposal=proposal_info(moved.event, moved.proposal),
            changed=list(moved.changed),
            notified=moved.notified,
            campaign_id=moved.campaign_id,
        )
        return DataResponse(accepted, headers={"ETag": etag(moved.event)})
    if body.audience is not None:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "audience only applies to accept: declining a proposal mails only its attendee.",
            "Leave audience out.",
        )
    declined = await call.apply(DeclineProposal(**which), before=seen)
    answered = Answered(
        event=event_info(declined.event),
        proposal=proposal_info(declined.event, declined.proposal),
        changed=[],
        notified=1,
        campaign_id="",
    )
    return DataResponse(answered, headers={"ETag": etag(declined.event)})


def _at_revision(uid: str, expected: int | None) -> Callable[[Work], Awaitable[None]] | None:
    """What refuses, in the unit of the command, where the event has moved on meanwhile."""
    if expected is None:
        return None

    async def unmoved(work: Work) -> None:
        refuse_unexpected(await work.owned_event(uid), expected)

    return unmoved


_EVENT = "/v1/events/{uid}"
ENDPOINTS = (
    Endpoint(
        "GET",
        f"{_EVENT}/attendees",
        list_attendees,
        Attendees,
        Verb.READ,
        "people",
        Listing,
        tool="list_attendees",
    ),
    Endpoint(
        "GET",
        f"{_EVENT}/attendees/{{email}}",
        get_attendee,
        AttendeeStory,
        Verb.READ,
        "people",
        OnePerson,
        tool="get_attendee",
    ),
    Endpoint(
        "GET",
        f"{_EVENT}/proposals",
        list_proposals,
        Proposals,
        Verb.READ,
        "people",
        OfEvent,
        tool="get_event",
    ),
    Endpoint(
        "POST",
        f"{_EVENT}/proposals/answer",
        answer_proposal,
        Answered,
        Verb.UPDATE,
        "people",
        OfEvent,
        ProposalAnswer,
        tool="answer_proposal",
        etag=True,
        undoable=True,
    ),
)
