"""The tools that make, change, cancel and find events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field

from cis_mcp.tools.arguments import Arguments
from cis_mcp.tools.base import Desk, Reply, Result, Spec, reads, writes
from cis_mcp.tools.results import (
    EventBrief,
    EventInfo,
    StatisticsInfo,
    brief_line,
    description_lines,
    event_brief,
    event_info,
    event_lines,
    statistics_info,
    statistics_line,
)
from engine.commands.events import CancelEvent, CreateEvent, EventDone, UpdateEvent
from engine.commands.timing import Timing
from engine.model import Audience, EventStatus
from engine.refusals import Code, Refused
from engine.store.protocol import EventQuery

_UID_EXAMPLE = "k3v9x0c2m7q1w8e5r4t6y2u1i0o9p8a7s6d5f4g3"

Uid = Annotated[
    str,
    Field(
        description="uid of the event, from create_event or search_events",
        min_length=1,
        max_length=200,
        examples=[_UID_EXAMPLE],
    ),
]
Start = Annotated[
    str,
    Field(
        description="ISO 8601. Local time in `timezone`, or with an offset; a date alone is an all-day event",
        max_length=40,
        examples=["2027-05-02T19:00:00"],
    ),
]
End = Annotated[
    str | None,
    Field(
        description="ISO 8601, like start; exclusive, so an all-day event ends the day after its last",
        max_length=40,
        examples=["2027-05-02T21:00:00"],
    ),
]
Duration = Annotated[
    str | None,
    Field(description="ISO 8601, instead of end", max_length=40, examples=["PT2H"]),
]
Zone = Annotated[
    str | None,
    Field(
        description="IANA name; required unless start carries an offset",
        max_length=100,
        examples=["America/New_York"],
    ),
]
Recurrence = Annotated[
    str | None,
    Field(description="RRULE value (RFC 5545)", max_length=500, examples=["FREQ=WEEKLY;BYDAY=TU;COUNT=10"]),
]
Told = Annotated[
    Audience | None,
    Field(
        description="who is told: auto (default) tells Yes and Maybe, and if time or place changes or the event "
        "is cancelled also those who have not answered",
        examples=["not-declined"],
    ),
]
Words = Annotated[
    str | None,
    Field(description="may hold {{name}}, {{email}} or other personal fields", examples=["Hello {{name}}"]),
]


class CreateEventArguments(Arguments):
    """Arguments of create_event."""

    summary: str = Field(description="title, one line", max_length=2_000, examples=["Spring concert"])
    start: Start
    end: End = None
    duration: Duration = None
    timezone: Zone = None
    location: Words = None
    description: Words = None
    all_day: bool | None = Field(None, description="true: start and end are days", examples=[True])
    recurrence: Recurrence = None
    organizer: str | None = Field(
        None, description="address of the owner; leave out to act for yourself", examples=["ann@example.com"]
    )
    organizer_name: str | None = Field(None, description="shown as sender", examples=["Ann Example"])
    url: str | None = Field(None, description="web page of the event", examples=["https://example.com/e"])
    idempotency_key: str | None = Field(
        None,
        description="any text of yours; the same key makes the same event once",
        max_length=200,
        examples=["spring-concert-2027"],
    )


class UpdateEventArguments(Arguments):
    """Arguments of update_event."""

    uid: Uid
    summary: str | None = Field(None, description="new title", max_length=2_000, examples=["Concert"])
    start: Start | None = Field(
        None, description="new start, as in create_event; the length stays unless end or duration is given"
    )
    end: End = None
    duration: Duration = None
    timezone: Zone = Field(None, description="IANA name; alone, it keeps the wall-clock time")
    location: Words = None
    description: Words = None
    all_day: bool | None = Field(None, description="only together with start", examples=[False])
    recurrence: Recurrence = Field(None, description="new RRULE value; empty text: no longer repeats")
    organizer_name: str | None = Field(None, description="shown as sender", examples=["Ann Example"])
    url: str | None = Field(None, description="web page of the event", examples=["https://example.com/e"])
    audience: Told = None
    expected_sequence: int | None = Field(
        None, description="refuse if the event is at another revision", ge=0, examples=[0]
    )
    dry_run: bool = Field(False, description="true: only say what would change and how many would be told")


class CancelEventArguments(Arguments):
    """Arguments of cancel_event."""

    uid: Uid
    reason: str | None = Field(None, description="shown to attendees", examples=["The hall is closed"])
    audience: Told = None
    dry_run: bool = Field(False, description="true: only say how many would be told")


class GetEventArguments(Arguments):
    """Arguments of get_event."""

    uid: Uid


class SearchEventsArguments(Arguments):
    """Arguments of search_events."""

    query: str = Field("", description="words in title, place or description", max_length=500)
    organizer: str | None = Field(None, description="address of the owner", examples=["ann@example.com"])
    after: str | None = Field(
        None, description="ISO 8601: events that end after it", max_length=40, examples=["2027-05-01"]
    )
    before: str | None = Field(
        None, description="ISO 8601: events that start before it", max_length=40, examples=["2027-06-01"]
    )
    status: Literal["confirmed", "cancelled"] | None = Field(None, description="only those")
    limit: int = Field(20, ge=1, le=100)
    cursor: str | None = Field(None, description="next_cursor of the page before", max_length=1_000)


class CreatedEvent(Result):
    """What create_event did."""

    event: EventInfo
    created: bool = Field(description="false: this idempotency_key had made the event before")


class UpdatedEvent(Result):
    """What update_event did, or would do."""

    event: EventInfo
    changed: list[str] = Field(description="fields that changed; empty: nothing did, and nobody is told")
    notified: int = Field(description="people who are told, or would be")
    dry_run: bool


class CancelledEvent(Result):
    """What cancel_event did, or would do."""

    event: EventInfo
    notified: int = Field(description="people who are told, or would be")
    dry_run: bool


class FoundEvent(Result):
    """An event and its counters."""

    event: EventInfo
    statistics: StatisticsInfo


class FoundEvents(Result):
    """A page of events in order of their start."""

    events: list[EventBrief]
    next_cursor: str | None


async def create_event(desk: Desk, arguments: CreateEventArguments) -> Reply:
    """Create an event. Nobody is told of it: invite people with send_invite or bulk_send and the uid you get.
    Give local times with their zone; the answer shows weekday and UTC, so check them."""
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
    done = await desk.apply(command)
    head = "Created" if done.created else "This idempotency_key made it before; nothing new was created"
    lines = [f"{head}: {_first(done)}", "Nobody is invited by this; use send_invite or bulk_send."]
    return Reply("\n".join(lines), CreatedEvent(event=event_info(done.event), created=done.created))


async def update_event(desk: Desk, arguments: UpdateEventArguments) -> Reply:
    """Change fields of an event, and mail the change to those whom it concerns. What you leave out stays.
    With dry_run you see first what would change and how many people would be told."""
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
        audience=arguments.audience,
        expected_sequence=arguments.expected_sequence,
        dry_run=arguments.dry_run,
    )
    done = await desk.apply(command)
    data = UpdatedEvent(
        event=event_info(done.event),
        changed=list(done.changed),
        notified=done.notified,
        dry_run=arguments.dry_run,
    )
    return Reply("\n".join([_updated(done, dry_run=arguments.dry_run), _first(done)]), data)


async def cancel_event(desk: Desk, arguments: CancelEventArguments) -> Reply:
    """Cancel an event for good, and take it out of the calendars it is in. It cannot be undone."""
    command = CancelEvent(
        uid=arguments.uid,
        reason=arguments.reason or "",
        audience=arguments.audience,
        dry_run=arguments.dry_run,
    )
    done = await desk.apply(command)
    head = "Dry run, nothing was done: it would be cancelled" if arguments.dry_run else "Cancelled"
    words = f"{head}. {_told(done.notified, dry_run=arguments.dry_run)}\n{_first(done)}"
    info = event_info(done.event)
    return Reply(words, CancelledEvent(event=info, notified=done.notified, dry_run=arguments.dry_run))


async def get_event(desk: Desk, arguments: GetEventArguments) -> Reply:
    """Show one event with its revision, times, words and the counters of its answers."""
    event = await desk.engine.event(arguments.uid, desk.actor)
    counters = await desk.engine.statistics("event", event.uid, desk.actor)
    lines = [*event_lines(event), *description_lines(event), statistics_line(counters)]
    data = FoundEvent(event=event_info(event), statistics=statistics_info(counters))
    return Reply("\n".join(lines), data)


async def search_events(desk: Desk, arguments: SearchEventsArguments) -> Reply:
    """Find events by words, owner, time or status, in order of their start; without arguments, list all."""
    query = EventQuery(
        query=arguments.query,
        organizer=arguments.organizer,
        after=_moment(arguments.after, "after"),
        before=_moment(arguments.before, "before"),
        status=EventStatus(arguments.status) if arguments.status else None,
        limit=arguments.limit,
        cursor=arguments.cursor,
    )
    page = await desk.engine.search(query, desk.actor)
    lines = [brief_line(event) for event in page.events] or ["No event was found."]
    if page.next_cursor:
        lines.append(f"There are more; go on with cursor {page.next_cursor}")
    events = [event_brief(event) for event in page.events]
    return Reply("\n".join(lines), FoundEvents(events=events, next_cursor=page.next_cursor))


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
    return f"{head}: {', '.join(done.changed)}. {_told(done.notified, dry_run=dry_run)}"


def _told(count: int, *, dry_run: bool) -> str:
    return f"People who {'would be' if dry_run else 'are'} told: {count}."


def _moment(text: str | None, what: str) -> datetime | None:
    """An ISO time; without an offset it is UTC."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(
            Code.INVALID_TIME,
            f"{what} is not an ISO 8601 date or time.",
            "Give it as “2027-05-02” or “2027-05-02T19:00:00Z”.",
        ) from None


TOOLS = (
    Spec(create_event, "Create an event", CreateEventArguments, CreatedEvent, writes()),
    Spec(
        update_event,
        "Change an event",
        UpdateEventArguments,
        UpdatedEvent,
        writes(destructive=True, idempotent=True, mails=True),
    ),
    Spec(
        cancel_event,
        "Cancel an event",
        CancelEventArguments,
        CancelledEvent,
        writes(destructive=True, idempotent=True, mails=True),
    ),
    Spec(get_event, "Show an event", GetEventArguments, FoundEvent, reads()),
    Spec(search_events, "Find events", SearchEventsArguments, FoundEvents, reads()),
)
