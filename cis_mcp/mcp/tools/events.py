"""The tools that create, change, cancel and show events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from cis_mcp.mcp.tools.base import CallContext, Reply, Result, Spec, reads, writes
from cis_mcp.mcp.tools.event_arguments import (
    CancelEventArguments,
    CreateEventArguments,
    GetEventArguments,
    UpdateEventArguments,
)
from cis_mcp.mcp.tools.event_changes import barred_lines, cancelled_lines, updated_lines
from cis_mcp.mcp.tools.fitting import BYTES_MAX, size_of
from cis_mcp.mcp.tools.proposals import SHOWN, proposal_lines
from cis_mcp.mcp.tools.schema import shown_by
from cis_mcp.mcp.tools.waiting import until_at_rest
from cis_mcp.views.campaigns import sample_lines
from cis_mcp.views.chosen import chosen
from cis_mcp.views.events import (
    EventInfo,
    StatisticsInfo,
    description_lines,
    event_info,
    event_lines,
    places_free,
    statistics_info,
    statistics_line,
)
from cis_mcp.views.pages import event_urls
from cis_mcp.views.proposals import ProposalInfo, hides_proposers, proposal_info
from cis_mcp.views.revisions import Revision, as_shown, notified_fields, revision_fields
from engine.commands import series
from engine.commands.events.events import CancelEvent, CreateEvent, EventDone, UpdateEvent
from engine.commands.events.instances import CancelInstance, UpdateInstance
from engine.commands.events.timing import Timing
from engine.model.answers import Proposal
from engine.model.counters import Statistics
from engine.model.events import Event
from engine.model.people import Partstat
from engine.refusals import Code, Refused

_FEW = 3
"""How many proposals are shown if more would make the result too long."""

EventAsShown = Annotated[EventInfo, shown_by("get_event")]


class CreatedEvent(Result):
    """What create_event did."""

    event: EventAsShown
    created: bool = Field(description="false: this idempotency_key had made the event before")
    urls: list[str] = Field(description="its web pages, if any page that shows it is published")


class UpdatedEvent(Revision):
    """What update_event did, or would do."""

    event: EventAsShown


class CancelledEvent(Result):
    """What cancel_event did, or would do."""

    event: EventAsShown
    notified: int = Field(description="people who are mailed, or would be")
    first: list[str] = Field(description="the first 20 of them, masked")
    left_out: dict[str, int] = Field(description="people who are not mailed, by answer")
    calendars: int = Field(description="of a dry run: people who have the current revision")
    campaign_id: str = Field(description="follow it with get_campaign; empty: no one is mailed")
    dry_run: bool


class FoundEvent(Result):
    """An event, its counters and the times that attendees propose."""

    event: EventInfo
    proposals: list[ProposalInfo] = Field(
        description="open proposals, oldest first, at most 10; see answer_proposal"
    )
    statistics: Annotated[StatisticsInfo, shown_by("get_stats")]
    free: int | None = Field(description="places")


async def create_event(call: CallContext, arguments: CreateEventArguments) -> Reply:
    """Create an event and get its uid. No one is notified: invite with send_invite (one person) or bulk_send (a
    list). Give local times with the zone of the place; check the weekday in the result. To change it use
    update_event."""
    command = CreateEvent(
        summary=arguments.summary,
        when=_timing(arguments),
        location=arguments.location or "",
        description=arguments.description or "",
        url=arguments.url or "",
        recurrence=arguments.recurrence or "",
        exclude_dates=tuple(arguments.exclude_dates or ()),
        alarm_minutes=_minutes(arguments.alarm_minutes),
        rsvp=arguments.rsvp,
        places=arguments.places,
        organizer=arguments.organizer,
        organizer_name=arguments.organizer_name or "",
        idempotency_key=arguments.idempotency_key,
    )
    done = await call.apply(command)
    lines = [f"{_made(done)}: {_first(done)}"]
    if not done.event.cancelled:
        lines.append("No one is invited by this; use send_invite or bulk_send.")
    urls = await event_urls(call.engine, done.event)
    lines += [f"Its web page: {url}" for url in urls]
    data = CreatedEvent(event=event_info(done.event), created=done.created, urls=urls)
    return Reply("\n".join(lines), data)


def _made(done: EventDone) -> str:
    if done.created:
        return "Created"
    if done.event.cancelled:
        return (
            "This idempotency_key made it before, and it was cancelled since; nothing new was created. Ask your user: "
            "only if it takes place after all, create it with another key"
        )
    return "This idempotency_key made it before; nothing new was created"


async def update_event(call: CallContext, arguments: UpdateEventArguments) -> Reply:
    """Change an event, or one instance of a series, and mail the attendees it affects; their calendars update.
    Fields you leave out stay. dry_run shows old and new, and who would be mailed. Repeating a change is safe."""
    done = await call.apply(await _update(call, arguments))
    if done.campaign_id:
        await until_at_rest(call, done.campaign_id, arguments.wait_s)
    data = UpdatedEvent(**revision_fields(done, dry_run=arguments.dry_run))
    lines = updated_lines(done, dry_run=arguments.dry_run)
    lines += await barred_lines(call.engine, done) if arguments.dry_run else []
    lines += event_lines(as_shown(done, dry_run=arguments.dry_run))
    return Reply("\n".join([*lines, *sample_lines(data.sample)]), data)


async def _update(call: CallContext, arguments: UpdateEventArguments) -> UpdateEvent | UpdateInstance:
    timing = _timing(arguments)
    shared: dict[str, Any] = {
        "summary": arguments.summary,
        "when": None if timing.empty else timing,
        "location": arguments.location,
        "description": arguments.description,
        "url": arguments.url,
        "audience": chosen(arguments.audience),
        "note": arguments.note or "",
        "expected_sequence": arguments.expected_sequence,
        "dry_run": arguments.dry_run,
    }
    if arguments.instance is None:
        return UpdateEvent(
            uid=arguments.uid,
            organizer_name=arguments.organizer_name,
            recurrence=arguments.recurrence,
            exclude_dates=tuple(arguments.exclude_dates or ()),
            alarm_minutes=_minutes(arguments.alarm_minutes),
            places=arguments.places,
            only_for=_partstats(arguments.only_for),
            **shared,
        )
    whole = (
        "recurrence",
        "exclude_dates",
        "organizer_name",
        "all_day",
        "alarm_minutes",
        "places",
        "only_for",
    )
    wrong = next((name for name in whole if getattr(arguments, name) is not None), None)
    if wrong:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"{wrong} belongs to the whole series, not to one instance.",
            "Leave out either instance or that argument.",
        )
    event = await call.engine.event(arguments.uid, call.actor)
    return UpdateInstance(uid=event.uid, recurrence_id=series.read(event.span, arguments.instance), **shared)


async def cancel_event(call: CallContext, arguments: CancelEventArguments) -> Reply:
    """Cancel an event, or one instance of a series: attendees are mailed and their calendar entries cancelled.
    Final once mailed: use dry_run first. To move or reword it use update_event, to take out one person
    withdraw_invite."""
    done = await call.apply(await _cancellation(call, arguments))
    if done.campaign_id:
        await until_at_rest(call, done.campaign_id, arguments.wait_s)
    event = as_shown(done, dry_run=arguments.dry_run)
    data = CancelledEvent(
        event=event_info(event),
        **notified_fields(done),
        campaign_id=done.campaign_id,
        dry_run=arguments.dry_run,
    )
    lines = cancelled_lines(done, dry_run=arguments.dry_run, instance=arguments.instance)
    lines += await barred_lines(call.engine, done) if arguments.dry_run else []
    return Reply("\n".join([*lines, *event_lines(event)]), data)


async def _cancellation(call: CallContext, arguments: CancelEventArguments) -> CancelEvent | CancelInstance:
    audience = chosen(arguments.audience)
    if arguments.instance is None:
        return CancelEvent(
            uid=arguments.uid, reason=arguments.note or "", audience=audience, dry_run=arguments.dry_run
        )
    event = await call.engine.event(arguments.uid, call.actor)
    return CancelInstance(
        uid=event.uid,
        recurrence_id=series.read(event.span, arguments.instance),
        note=arguments.note or "",
        audience=audience,
        dry_run=arguments.dry_run,
    )


async def get_event(call: CallContext, arguments: GetEventArguments) -> Reply:
    """Show one event: times, text, revision, answer counts and the times that attendees propose. Find its uid with
    search_events; see who answered with list_attendees."""
    event, counters = await call.engine.event_with_statistics(arguments.uid, call.actor)
    proposed = await call.engine.proposals(event.uid, call.actor) if counters.proposals else []
    masked = hides_proposers(call.actor)
    reply = _found(event, counters, proposed, SHOWN, masked=masked)
    return reply if size_of(reply) <= BYTES_MAX else _found(event, counters, proposed, _FEW, masked=masked)


def _found(
    event: Event, counters: Statistics, proposed: Sequence[Proposal], shown: int, *, masked: bool
) -> Reply:
    free = places_free(event, counters)
    lines = [*event_lines(event), *([f"Places free: {free}"] if free is not None else [])]
    lines += [*description_lines(event), statistics_line(counters)]
    lines += proposal_lines(event, proposed[:shown], len(proposed), masked=masked)
    return Reply("\n".join(lines), found_event(event, counters, proposed[:shown], masked=masked))


def found_event(
    event: Event, counters: Statistics, proposed: Sequence[Proposal], *, masked: bool
) -> FoundEvent:
    """An event as data, with the first open proposals; `masked`: without the addresses of who proposes."""
    return FoundEvent(
        event=event_info(event),
        proposals=[proposal_info(event, one, masked=masked) for one in proposed[:SHOWN]],
        statistics=statistics_info(counters),
        free=places_free(event, counters),
    )


def _minutes(given: Sequence[int] | None) -> tuple[int, ...] | None:
    return None if given is None else tuple(given)


def _partstats(answers: Sequence[str] | None) -> frozenset[Partstat] | None:
    return None if answers is None else frozenset(map(Partstat, answers))


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


TOOLS = (
    Spec(create_event, "Create an event", CreateEventArguments, CreatedEvent, writes(), "create"),
    Spec(
        update_event,
        "Change an event",
        UpdateEventArguments,
        UpdatedEvent,
        writes(destructive=True, idempotent=True, mails=True),
        "update",
    ),
    Spec(
        cancel_event,
        "Cancel an event",
        CancelEventArguments,
        CancelledEvent,
        writes(destructive=True, idempotent=True, mails=True),
        "update",
    ),
    Spec(get_event, "Show an event", GetEventArguments, FoundEvent, reads()),
)
