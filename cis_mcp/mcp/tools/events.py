"""The tools that make, change, cancel and show events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.mcp.tools.chosen import chosen
from cis_mcp.mcp.tools.event_arguments import (
    CancelEventArguments,
    CreateEventArguments,
    GetEventArguments,
    UpdateEventArguments,
)
from cis_mcp.mcp.tools.fitting import BYTES_MAX, size_of
from cis_mcp.mcp.tools.proposals import SHOWN, ProposalInfo, proposal_info, proposal_lines
from cis_mcp.mcp.tools.results import (
    EventInfo,
    StatisticsInfo,
    description_lines,
    event_info,
    event_lines,
    statistics_info,
    statistics_line,
)
from cis_mcp.mcp.tools.schema import shown_by
from engine.commands.events.events import CancelEvent, CreateEvent, EventDone, UpdateEvent
from engine.commands.events.timing import Timing
from engine.model.answers import Proposal
from engine.model.events import Event
from engine.model.records import Statistics

_FEW = 3
"""Proposals that are shown if more would make the answer too long."""

EventAsShown = Annotated[EventInfo, shown_by("get_event")]


class CreatedEvent(Result):
    """What create_event did."""

    event: EventAsShown
    created: bool = Field(description="false: this idempotency_key had made the event before")


class UpdatedEvent(Result):
    """What update_event did, or would do."""

    event: EventAsShown
    changed: list[str] = Field(description="fields that changed; empty: nothing did, and nobody is told")
    notified: int = Field(description="people who are told, or would be")
    campaign_id: str = Field(description="how far that is: get_campaign; empty where nobody is told")
    dry_run: bool


class CancelledEvent(Result):
    """What cancel_event did, or would do."""

    event: EventAsShown
    notified: int = Field(description="people who are told, or would be")
    campaign_id: str = Field(description="how far that is: get_campaign; empty where nobody is told")
    dry_run: bool


class FoundEvent(Result):
    """An event, its counters and the times that attendees propose."""

    event: EventInfo
    proposals: list[ProposalInfo] = Field(
        description="open ones, oldest first, at most 10; see answer_proposal"
    )
    statistics: Annotated[StatisticsInfo, shown_by("get_stats")]


async def create_event(call: CallContext, arguments: CreateEventArguments) -> Reply:
    """Create an event and get its uid. Nobody is told of it: invite people with send_invite (one person) or bulk_send
    (a list). Give local times with the zone of the place and check the weekday in the answer. To change an event that
    exists use update_event."""
    command = CreateEvent(
        summary=arguments.summary,
        when=_timing(arguments),
        location=arguments.location or "",
        description=arguments.description or "",
        url=arguments.url or "",
        recurrence=arguments.recurrence or "",
        organizer=arguments.organizer,
        organizer_name=arguments.organizer_name or "",
        idempotency_key=arguments.idempotency_key,
    )
    done = await call.apply(command)
    head = "Created" if done.created else "This idempotency_key made it before; nothing new was created"
    lines = [f"{head}: {_first(done)}", "Nobody is invited by this; use send_invite or bulk_send."]
    return Reply("\n".join(lines), CreatedEvent(event=event_info(done.event), created=done.created))


async def update_event(call: CallContext, arguments: UpdateEventArguments) -> Reply:
    """Change an event and mail the change to those whom it concerns; their calendars follow. What you leave out stays.
    With dry_run first you see what would change and how many would be told. Follow the mails with get_campaign."""
    timing = _timing(arguments)
    command = UpdateEvent(
        uid=arguments.uid,
        summary=arguments.summary,
        when=None if timing.empty else timing,
        location=arguments.location,
        description=arguments.description,
        url=arguments.url,
        organizer_name=arguments.organizer_name,
        recurrence=arguments.recurrence,
        audience=chosen(arguments.audience),
        note=arguments.note or "",
        expected_sequence=arguments.expected_sequence,
        dry_run=arguments.dry_run,
    )
    done = await call.apply(command)
    data = UpdatedEvent(
        event=event_info(done.event),
        changed=list(done.changed),
        notified=done.notified,
        campaign_id=done.campaign_id,
        dry_run=arguments.dry_run,
    )
    return Reply("\n".join([_updated(done, dry_run=arguments.dry_run), _first(done)]), data)


async def cancel_event(call: CallContext, arguments: CancelEventArguments) -> Reply:
    """Cancel an event for good, mail that, and take it out of calendars. It cannot be undone: use dry_run first;
    to move or reword it use update_event."""
    command = CancelEvent(
        uid=arguments.uid,
        reason=arguments.note or "",
        audience=chosen(arguments.audience),
        dry_run=arguments.dry_run,
    )
    done = await call.apply(command)
    head = "Dry run, nothing was done: it would be cancelled" if arguments.dry_run else "Cancelled"
    words = f"{head}. {_told(done, dry_run=arguments.dry_run)}\n{_first(done)}"
    data = CancelledEvent(
        event=event_info(done.event),
        notified=done.notified,
        campaign_id=done.campaign_id,
        dry_run=arguments.dry_run,
    )
    return Reply(words, data)


async def get_event(call: CallContext, arguments: GetEventArguments) -> Reply:
    """Show one event: times, text, revision, the counters of its answers and the times that attendees propose. To find
    its uid use search_events; for who answered list_attendees."""
    event, counters = await call.engine.event_with_statistics(arguments.uid, call.actor)
    proposed = await call.engine.proposals(event.uid, call.actor) if counters.proposals else []
    reply = _found(event, counters, proposed, SHOWN)
    return reply if size_of(reply) <= BYTES_MAX else _found(event, counters, proposed, _FEW)


def _found(event: Event, counters: Statistics, proposed: Sequence[Proposal], shown: int) -> Reply:
    lines = [*event_lines(event), *description_lines(event), statistics_line(counters)]
    lines += proposal_lines(event, proposed[:shown], len(proposed))
    return Reply("\n".join(lines), found_event(event, counters, proposed[:shown]))


def found_event(event: Event, counters: Statistics, proposed: Sequence[Proposal]) -> FoundEvent:
    """An event as data, with the first of the proposals that wait for an answer."""
    return FoundEvent(
        event=event_info(event),
        proposals=[proposal_info(event, one) for one in proposed[:SHOWN]],
        statistics=statistics_info(counters),
    )


def _timing(arguments: CreateEventArguments | UpdateEventArguments) -> Timing:
    return Timing(
        start=arguments.start,
        end=arguments.end,
        duration=arguments.duration,
        timezone=arguments.timezone,
        all_day=arguments.all_day,
    )


def _first(done: EventDone) -> str:
    return "\n".join(event_lines(done.event))


def _updated(done: EventDone, *, dry_run: bool) -> str:
    if not done.changed:
        return "Nothing would change." if dry_run else "Nothing changed, and nobody is told."
    head = "Dry run, nothing was done: it would change" if dry_run else "Changed"
    return f"{head}: {', '.join(done.changed)}. {_told(done, dry_run=dry_run)}"


def _told(done: EventDone, *, dry_run: bool) -> str:
    follow = f" Follow it with get_campaign {done.campaign_id}." if done.campaign_id else ""
    return f"People who {'would be' if dry_run else 'are'} told: {done.notified}.{follow}"


TOOLS = (
    Spec(create_event, "Create an event", CreateEventArguments, CreatedEvent, writes(), "events"),
    Spec(
        update_event,
        "Change an event",
        UpdateEventArguments,
        UpdatedEvent,
        writes(destructive=True, idempotent=True, mails=True),
        "events",
    ),
    Spec(
        cancel_event,
        "Cancel an event",
        CancelEventArguments,
        CancelledEvent,
        writes(destructive=True, idempotent=True, mails=True),
        "events",
    ),
    Spec(get_event, "Show an event", GetEventArguments, FoundEvent, reads()),
)
