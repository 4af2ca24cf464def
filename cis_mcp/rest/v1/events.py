"""Events: create, read, change, cancel, search."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from starlette.responses import Response

from cis_mcp.rest.endpoint import TAGS, Call, DataResponse, Endpoint
from cis_mcp.rest.models import Body, Cursor, DryRun, Limit, Note, OfEvent, Query
from cis_mcp.views.base import Data
from cis_mcp.views.chosen import Told, chosen
from cis_mcp.views.event_fields import AlarmMinutes, Day, Duration, End, Instance, OnlyFor, Start, Zone
from cis_mcp.views.events import EventInfo, clock_time, event_info
from cis_mcp.views.found import EventBrief, UnderstoodInfo, brief_info, understood_info
from cis_mcp.views.revisions import Revision, as_shown, revision_fields
from cis_mcp.views.suppressions import Entry, entry_info
from engine.commands import series
from engine.commands.events.events import CancelEvent, CreateEvent, UpdateEvent
from engine.commands.events.instances import CancelInstance, UpdateInstance
from engine.commands.events.timing import Timing
from engine.commands.text import PLACES_MAX
from engine.model.events import Event, EventStatus
from engine.model.people import Partstat
from engine.model.queries import EventQuery
from engine.model.verbs import Verb
from engine.refusals import Code, Refused
from engine.search.asking import QUERY_MAX

_WHOLE = ("recurrence", "exclude_dates", "organizer_name", "all_day", "alarm_minutes", "places", "only_for")

Moment = Annotated[str | None, Field(max_length=40, examples=["2027-05-02T19:00:00"])]


class NewEvent(Body):
    """An event to be created."""

    summary: str = Field(description="title, one line", max_length=2_000, examples=["Spring concert"])
    start: Start
    end: End = None
    duration: Duration = None
    timezone: Zone = None
    all_day: bool | None = None
    location: str = ""
    description: str = Field("", description="may hold {{name}}, {{email}} or other personal fields")
    url: str = Field("", description="web page")
    recurrence: str = Field("", description="RRULE value (RFC 5545)", max_length=500)
    exclude_dates: list[Day] = Field(
        [], description="instances to leave out: days, or local starts", max_length=5_000
    )
    alarm_minutes: AlarmMinutes = None
    rsvp: bool = Field(True, description="false: for information; asks for no answer")
    places: int = Field(0, description="how many people can have it; 0: any number", ge=0, le=PLACES_MAX)
    organizer: str | None = Field(None, description="address of the owner; left out: yourself")
    organizer_name: str = Field("", description="shown as sender")


class EventChange(Body):
    """What is to change; what is left out stays, and an empty text empties a field."""

    instance: Instance = None
    summary: str | None = Field(None, max_length=2_000)
    start: Moment = Field(
        None,
        description="as for a new event, but a timed event is given a date alone only with `all_day`; "
        "the length stays unless end or duration is given",
    )
    end: Moment = None
    duration: Duration = None
    timezone: str | None = Field(None, description="alone, it keeps the wall-clock time", max_length=100)
    all_day: bool | None = Field(None, description="only with start")
    location: str | None = None
    description: str | None = None
    url: str | None = None
    recurrence: str | None = Field(None, max_length=500)
    exclude_dates: list[Day] | None = Field(
        None, description="further instances to leave out", max_length=5_000
    )
    alarm_minutes: AlarmMinutes = None
    places: int | None = Field(None, description="0: any number of people", ge=0, le=PLACES_MAX)
    organizer_name: str | None = None
    only_for: OnlyFor = None
    note: Note = ""
    audience: Told = None


class Cancellation(Body):
    """What to cancel, and who is notified."""

    instance: Instance = None
    note: Note = ""
    audience: Told = None


class Changing(OfEvent):
    """An event that is changed."""

    dry_run: DryRun = False


class SearchParameters(Query):
    """What is looked for."""

    query: str = Field(
        "", description="words, places, days and times, as a person says them", max_length=QUERY_MAX
    )
    timezone: str | None = Field(
        None, description="zone of all days and times; left out: each event's own", max_length=100
    )
    location: str | None = Field(None, description="text that the place must contain", max_length=200)
    organizer: str | None = Field(None, description="address of the owner", max_length=1_000)
    after: Moment = Field(None, description="events that end after it; without an offset, by `timezone`")
    before: Moment = Field(None, description="events that start before it; without an offset, by `timezone`")
    status: Literal["confirmed", "cancelled"] | None = None
    has_attendees: bool | None = Field(None, description="false: no one is invited")
    limit: Limit = 20
    cursor: Cursor = None


class EventList(Data):
    """A page of events in order of their start."""

    events: list[EventBrief]
    next_cursor: str | None
    do_not_mail: list[Entry] = Field(description="entries of the do-not-mail list for addresses in query")
    understood: UnderstoodInfo


async def create_event(call: Call[Query, NewEvent]) -> DataResponse:
    """Create an event. No one is notified. The same Idempotency-Key makes the same event once: a repetition answers
    200 with the event that was made."""
    body = call.body
    command = CreateEvent(
        summary=body.summary,
        when=_timing(body),
        location=body.location,
        description=body.description,
        url=body.url,
        recurrence=body.recurrence,
        exclude_dates=tuple(body.exclude_dates),
        alarm_minutes=_minutes(body.alarm_minutes),
        rsvp=body.rsvp,
        places=body.places,
        organizer=body.organizer,
        organizer_name=body.organizer_name,
        idempotency_key=call.idempotency_key,
    )
    done = await call.apply(command)
    headers = {"Location": f"/v1/events/{done.event.uid}", "ETag": etag(done.event)}
    return DataResponse(event_info(done.event), 201 if done.created else 200, headers)


async def get_event(call: Call[OfEvent, Body]) -> DataResponse | Response:
    """Show an event. Its ETag is its revision."""
    event = await call.engine.event(call.query.uid, call.actor)
    tag = etag(event)
    if tag.strip('"') in TAGS.findall(call.headers.get("if-none-match", "")):
        return Response(status_code=304, headers={"ETag": tag})
    return DataResponse(event_info(event), headers={"ETag": tag})


async def change_event(call: Call[Changing, EventChange]) -> DataResponse:
    """Change an event, or one instance of a series, and mail the attendees it affects. A repetition changes nothing
    and mails no one. If-Match with the event's ETag refuses a change of a revision that you have not seen."""
    command = await _change(call)
    done = await call.apply(command)
    revision = Revision(**revision_fields(done, dry_run=call.query.dry_run))
    return DataResponse(revision, headers={"ETag": etag(as_shown(done, dry_run=call.query.dry_run))})


async def _change(call: Call[Changing, EventChange]) -> UpdateEvent | UpdateInstance:
    body, timing = call.body, _timing(call.body)
    shared: dict[str, Any] = {
        "summary": body.summary,
        "when": None if timing.empty else timing,
        "location": body.location,
        "description": body.description,
        "url": body.url,
        "audience": chosen(body.audience),
        "note": body.note,
        "expected_sequence": await call.expected_sequence(call.query.uid),
        "dry_run": call.query.dry_run,
    }
    if body.instance is None:
        return UpdateEvent(
            uid=call.query.uid,
            organizer_name=body.organizer_name,
            recurrence=body.recurrence,
            exclude_dates=tuple(body.exclude_dates or ()),
            alarm_minutes=_minutes(body.alarm_minutes),
            places=body.places,
            only_for=None if body.only_for is None else frozenset(map(Partstat, body.only_for)),
            **shared,
        )
    if wrong := next((name for name in _WHOLE if getattr(body, name) is not None), None):
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"{wrong} belongs to the whole series, not to one instance.",
            "Leave out either instance or that field.",
        )
    event = await call.engine.event(call.query.uid, call.actor)
    return UpdateInstance(uid=event.uid, recurrence_id=series.read(event.span, body.instance), **shared)


async def cancel_event(call: Call[Changing, Cancellation]) -> DataResponse:
    """Cancel an event, or one instance of a series, permanently: attendees are mailed and their entries are
    cancelled. It cannot be undone: use dry_run first. A repetition mails no one."""
    done = await call.apply(await _cancellation(call))
    fields = revision_fields(done, dry_run=call.query.dry_run)
    revision = Revision(**{**fields, "sample": None})
    return DataResponse(revision, headers={"ETag": etag(as_shown(done, dry_run=call.query.dry_run))})


async def _cancellation(call: Call[Changing, Cancellation]) -> CancelEvent | CancelInstance:
    body = call.body
    shared: dict[str, Any] = {
        "audience": chosen(body.audience),
        "expected_sequence": await call.expected_sequence(call.query.uid),
        "dry_run": call.query.dry_run,
    }
    if body.instance is None:
        return CancelEvent(uid=call.query.uid, reason=body.note, **shared)
    event = await call.engine.event(call.query.uid, call.actor)
    at = series.read(event.span, body.instance)
    return CancelInstance(uid=event.uid, recurrence_id=at, note=body.note, **shared)


async def search_events(call: Call[SearchParameters, Body]) -> EventList:
    """Find events by what a person says, in order of their start; without parameters list all. `understood` tells how
    the words were read."""
    asked = call.query
    query = EventQuery(
        query=asked.query,
        location=asked.location,
        organizer=asked.organizer,
        after=clock_time(asked.after, "after"),
        before=clock_time(asked.before, "before"),
        status=EventStatus(asked.status) if asked.status else None,
        has_attendees=asked.has_attendees,
        limit=asked.limit,
        cursor=asked.cursor,
    )
    page = await call.engine.search(query, call.actor, asked.timezone)
    taken = await call.engine.places_taken(page.events)
    found = zip(page.events, page.occasions, strict=True)
    kept = await call.engine.suppressions_named(call.actor, asked.query, asked.organizer or "")
    return EventList(
        events=[brief_info(event, span, taken.get(event.uid, 0)) for event, span in found],
        next_cursor=page.next_cursor,
        do_not_mail=[entry_info(entry) for entry in kept],
        understood=understood_info(page.understood),
    )


def etag(event: Event) -> str:
    """The revision of an event as an entity tag."""
    return f'"{event.sequence}"'


def _minutes(given: list[int] | None) -> tuple[int, ...] | None:
    return None if given is None else tuple(given)


def _timing(body: NewEvent | EventChange) -> Timing:
    return Timing(
        start=body.start, end=body.end, duration=body.duration, timezone=body.timezone, all_day=body.all_day
    )


class _All(Query):
    """Nothing in the path."""


_EVENT, _EVENTS = "/v1/events/{uid}", "/v1/events"
ENDPOINTS = (
    Endpoint(
        "POST",
        _EVENTS,
        create_event,
        EventInfo,
        Verb.CREATE,
        "events",
        _All,
        NewEvent,
        201,
        tool="create_event",
        repeatable=True,
        etag=True,
    ),
    Endpoint(
        "GET", _EVENTS, search_events, EventList, Verb.READ, "events", SearchParameters, tool="search_events"
    ),
    Endpoint("GET", _EVENT, get_event, EventInfo, Verb.READ, "events", OfEvent, tool="get_event", etag=True),
    Endpoint(
        "PATCH",
        _EVENT,
        change_event,
        Revision,
        Verb.UPDATE,
        "events",
        Changing,
        EventChange,
        tool="update_event",
        etag=True,
        undoable=True,
    ),
    Endpoint(
        "POST",
        f"{_EVENT}/cancel",
        cancel_event,
        Revision,
        Verb.UPDATE,
        "events",
        Changing,
        Cancellation,
        tool="cancel_event",
        etag=True,
        undoable=True,
    ),
)
