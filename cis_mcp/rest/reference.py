"""The published Calendar Invite Server's own paths and fields, so that what was written for it runs against ours."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from heapq import nlargest
from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, Field, RootModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from cis_mcp.rest.endpoint import Call, DataResponse, Endpoint
from cis_mcp.rest.landing import landing
from cis_mcp.rest.models import Body, Loose
from cis_mcp.rest.problems import problem, status_of
from cis_mcp.views.base import Data
from engine.attendee_report import masked_name
from engine.commands.campaigns.reports import SendReport
from engine.commands.invites.invites import SendInvite
from engine.engine import SYSTEM, Engine
from engine.model.addresses import masked_address
from engine.model.counters import Statistics
from engine.model.events import Event
from engine.model.pages import PageKind
from engine.model.people import Attendee, Origin
from engine.model.queries import AttendeeQuery, EventQuery
from engine.model.verbs import Verb
from engine.refusals import Code, Refused

ORGANIZER_MAX, SYSTEM_PAGE = 2_500, 500
_AT_ONCE = 100
_WHOLE_UID = re.compile(r"[a-z0-9]{40}")
_TOLD = frozenset({429, 500, 503, 507})
"""Statuses of refusals that are nobody's mistake: a program asks again."""


class OfEvent(Loose):
    """The event in the path."""

    uid: str


class Inviting(OfEvent):
    """Whom to invite, and where to lead them then."""

    email: str = ""
    name: str = ""
    origin: str = Field("api", description="in upper or lower case")
    landing: str = Field(
        "", description="address to go to then; only hosts that operator or organizer allowed"
    )


class Paged(Loose):
    """From where on."""

    cursor: Annotated[str | None, Field(description="of the Link header of the page before")] = None


class PagedEvent(Paged):
    """The event in the path, and from where on."""

    uid: str


class OfOrganizer(Loose):
    """The organizer in the path."""

    email: str = Field(max_length=1_000)


class NoParameters(Loose):
    """Nothing."""


class EventRow(Data):
    """An event in a list; times are seconds since 1970 in UTC."""

    uid: str
    mailto: str
    organizer: str
    status: str
    created: int
    dtstart: int
    dtend: int
    summary_html: str
    description_html: str
    location_html: str


class WholeEvent(EventRow):
    """One event; times are seconds since 1970 in UTC."""

    last_modified: int
    original_organizer: str
    prodid: str
    sequence: int


class AttendeeRow(Data):
    """One attendee, masked."""

    attendee: str
    name: str
    status: str
    origin: str
    prodid: str


class Rsvp(Data):
    """Answers by kind."""

    accepted: int
    declined: int
    noaction: int
    tentative: int


class Counts(Data):
    """Counters of an event, an organizer or the system."""

    attendees: int
    origin: dict[str, int]
    prodid: dict[str, int]
    rsvp: Rsvp


class EventRows(RootModel[list[EventRow]]):
    """Events."""


class AttendeeRows(RootModel[list[AttendeeRow]]):
    """Attendees."""


async def api_event(call: Call[OfEvent, Body]) -> WholeEvent:
    """Show an event."""
    return _whole(await call.engine.event(call.query.uid, call.actor))


async def api_event_statistics(call: Call[OfEvent, Body]) -> Counts:
    """Count an event's attendees and answers."""
    _, counted = await call.engine.event_with_statistics(call.query.uid, call.actor)
    return _counts(counted)


async def api_event_attendees(call: Call[PagedEvent, Body]) -> DataResponse:
    """List an event's attendees, masked, 100 at a time; the Link header leads to the next."""
    query = AttendeeQuery(uid=call.query.uid, limit=_AT_ONCE, cursor=call.query.cursor)
    page = await call.engine.attendees(query, call.actor)
    rows = AttendeeRows([_attendee(one) for one in page.attendees])
    return DataResponse(
        rows, headers=_next(f"/event/{quote(call.query.uid, safe='')}/attendees", page.next_cursor)
    )


async def api_invite(call: Call[Inviting, Body]) -> Response:
    """Invite one person and lead on to `landing`: 302 with “Acknowledged”, or 400 with “Failed”. It acts only with a
    key in a header; without one it leads to the event's public page, which has a button."""
    asked = call.query
    try:
        command = SendInvite(
            uid=_uid(asked.uid), email=asked.email, name=asked.name, origin=_origin(asked.origin)
        )
        done = await call.apply(command)
    except Refused as refused:
        status = status_of(refused.code)
        if status in _TOLD:
            raise
        return PlainTextResponse("Failed", 400, headers={"CIS-Code": refused.code.value})
    # Not as the caller: a key that may send but not read has sent the invite by now.
    event = await call.engine.event(done.attendee.event_uid, SYSTEM)
    own = await call.engine.landing_hosts(event.organizer)
    headers = {"Location": landing(call.engine.settings, asked.landing, own), "Cache-Control": "no-store"}
    return PlainTextResponse("Acknowledged", 302, headers=headers)


async def api_report(call: Call[OfEvent, Body]) -> Response:
    """Mail the organizer the CSV report. It acts only with a key in a header."""
    await call.apply(SendReport(uid=call.query.uid))
    return PlainTextResponse("Acknowledged", headers={"Cache-Control": "no-store"})


async def api_organizer_events(call: Call[OfOrganizer, Body]) -> EventRows:
    """List an organizer's events, at most 2,500, the one that changed last first."""
    return await _of_organizer(call)


async def api_shadow_events(call: Call[OfOrganizer, Body]) -> EventRows:
    """List the events of the organizer with this address in their own client."""
    return await _of_organizer(call)


async def api_shadow_statistics(call: Call[OfOrganizer, Body]) -> Counts:
    """Count an organizer's attendees and answers."""
    return _counts(await call.engine.statistics("organizer", call.query.email, call.actor))


async def api_shadow_statistic(call: Call[OfOrganizer, Body]) -> Counts:
    """The same, under the misspelt name under which it was published."""
    return await api_shadow_statistics(call)


async def api_system_events(call: Call[Paged, Body]) -> DataResponse:
    """List all events, 500 at a time in order of their start; the Link header leads to the next."""
    found, following = await _events(call, None, SYSTEM_PAGE, call.query.cursor)
    return DataResponse(
        EventRows([_row(event) for event in found]), headers=_next("/system/events", following)
    )


async def api_system_statistics(call: Call[NoParameters, Body]) -> Counts:
    """Count all attendees and answers."""
    return _counts(await call.engine.statistics("system", None, call.actor))


async def without_key(engine: Engine, request: Request) -> Response:
    """API 7 without a key sends nothing: an event that a public page lists has a page with a button for it."""
    uid = request.path_params["uid"]
    if _WHOLE_UID.fullmatch(uid):
        try:
            event = await engine.event(uid, SYSTEM)
        except Refused:
            event = None
        if event and event.id and await _listed(engine, event):
            return RedirectResponse(f"/e/{event.id}", 303, headers={"Cache-Control": "no-store"})
    return problem(404, Code.UNKNOWN_EVENT, "Nothing is shown here without a key.", "Send a key in a header.")


async def _listed(engine: Engine, event: Event) -> bool:
    """True if a published page has the event; where only unlisted ones do, its uid leads to none of them."""
    for page in await engine.pages_of(event.organizer):
        if page.kind is not PageKind.EVENTS and await engine.on_page(page, event):
            return True
    return False


def _uid(text: str) -> str:
    if not _WHOLE_UID.fullmatch(text):
        raise Refused(Code.UNKNOWN_EVENT, "That is not a uid.")
    return text


def _origin(text: str) -> Origin:
    try:
        return Origin(text.strip().lower())
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "That is not an origin.") from None


async def _of_organizer(call: Call[OfOrganizer, Body]) -> EventRows:
    newest: list[Event] = []
    cursor: str | None = None
    while True:
        # All are read, since they come in order of their start.
        found, cursor = await _events(call, call.query.email, SYSTEM_PAGE, cursor)
        newest = nlargest(ORGANIZER_MAX, [*newest, *found], key=lambda event: event.dtstamp)
        if cursor is None:
            return EventRows([_row(event) for event in newest])


async def _events(
    call: Call[Any, Body], organizer: str | None, most: int, cursor: str | None
) -> tuple[Sequence[Event], str | None]:
    """Events in order of their start, and where to go on."""
    found: list[Event] = []
    while len(found) < most:
        query = EventQuery(organizer=organizer, limit=_AT_ONCE, cursor=cursor)
        page = await call.engine.search(query, call.actor)
        found += page.events
        cursor = page.next_cursor
        if cursor is None:
            break
    return found, cursor


def _next(path: str, cursor: str | None) -> dict[str, str]:
    return {"Link": f'<{path}?cursor={quote(cursor, safe="")}>; rel="next"'} if cursor else {}


def _row(event: Event) -> EventRow:
    return EventRow(**_shared(event))


def _whole(event: Event) -> WholeEvent:
    return WholeEvent(
        **_shared(event),
        last_modified=int(event.modified.timestamp()),
        original_organizer=event.organizer,
        prodid="",
        sequence=event.sequence,
    )


def _shared(event: Event) -> dict[str, str | int]:
    span = event.span
    return {
        "uid": event.uid,
        "mailto": event.organizer,
        "organizer": event.organizer_name or event.organizer,
        "status": event.status.value,
        "created": int(event.created.timestamp()),
        "dtstart": int(span.moment(span.start).timestamp()),
        "dtend": int(span.moment(span.end).timestamp()),
        "summary_html": _html(event.summary),
        "description_html": _html(event.description),
        "location_html": _html(event.location),
    }


def _html(text: str) -> str:
    return html.escape(text).replace("\n", "<br>")


def _attendee(attendee: Attendee) -> AttendeeRow:
    return AttendeeRow(
        attendee=masked_address(attendee.email),
        name=masked_name(attendee.name),
        status=attendee.partstat.label,
        origin=attendee.origin.value,
        prodid=attendee.prodid,
    )


def _counts(counted: Statistics) -> Counts:
    rsvp = Rsvp(**{name: counted.rsvp.get(name, 0) for name in Rsvp.model_fields})
    return Counts(attendees=counted.attendees, origin=counted.origin, prodid=counted.prodid, rsvp=rsvp)


def _shown(
    path: str,
    handler: object,
    answer: type[BaseModel],
    query: type[Loose],
    verb: Verb = Verb.READ,
    tool: str = "",
) -> Endpoint:
    return Endpoint(
        "GET",
        path,
        handler,  # type: ignore[arg-type]
        answer,
        verb,
        "reference",
        query,
        tool=tool,
        reference=True,
    )


ENDPOINTS = (
    _shown("/event/{uid}", api_event, WholeEvent, OfEvent, tool="get_event"),
    _shown("/event/{uid}/statistics", api_event_statistics, Counts, OfEvent, tool="get_stats"),
    _shown("/event/{uid}/attendees", api_event_attendees, AttendeeRows, PagedEvent, tool="list_attendees"),
    Endpoint(
        "GET",
        "/event/{uid}/invite",
        api_invite,
        None,
        Verb.SEND,
        "reference",
        Inviting,
        status=302,
        tool="send_invite",
        media="text/plain",
        reference=True,
        acts=True,
        unkeyed=without_key,
    ),
    Endpoint(
        "GET",
        "/event/{uid}/report",
        api_report,
        None,
        Verb.REPORT,
        "reference",
        OfEvent,
        tool="send_report",
        media="text/plain",
        reference=True,
        acts=True,
    ),
    _shown("/organizer/{email}/events", api_organizer_events, EventRows, OfOrganizer, tool="search_events"),
    _shown(
        "/organizer/shadow/{email}/events", api_shadow_events, EventRows, OfOrganizer, tool="search_events"
    ),
    _shown(
        "/organizer/shadow/{email}/statistics", api_shadow_statistics, Counts, OfOrganizer, tool="get_stats"
    ),
    _shown(
        "/organizer/shadow/{email}/statistic", api_shadow_statistic, Counts, OfOrganizer, tool="get_stats"
    ),
    _shown("/system/events", api_system_events, EventRows, Paged, Verb.ADMIN, "search_events"),
    _shown("/system/statistics", api_system_statistics, Counts, NoParameters, Verb.ADMIN, "get_stats"),
)
