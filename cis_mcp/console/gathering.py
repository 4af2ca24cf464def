"""Pages of a list gathered, up to what a table that is sorted looks at: a question answers 100 at most."""

from __future__ import annotations

from cis_mcp.console.guard import Visit
from engine.model.events import Event
from engine.model.people import Attendee
from engine.model.queries import AttendeeQuery, EventQuery
from engine.model.times import Span
from engine.search.asking import Found

_AT_ONCE = 100


async def events(visit: Visit, query: EventQuery) -> tuple[Found, list[tuple[Event, Span]]]:
    """The first answer to a search, and its events with when they are next; all that a sorted table looks at."""
    most = visit.rows(query.limit)
    query = query.model_copy(update={"limit": min(most, _AT_ONCE)})
    first = found = await visit.engine.search(query, visit.actor)
    rows = list(zip(found.events, found.occasions, strict=True))
    while found.next_cursor and len(rows) < most:
        found = await visit.engine.search(query.model_copy(update={"cursor": found.next_cursor}), visit.actor)
        rows += zip(found.events, found.occasions, strict=True)
    return first, rows


async def people(visit: Visit, query: AttendeeQuery) -> tuple[list[Attendee], str | None]:
    """The people of an event, and where to go on; all that a sorted table looks at."""
    most = visit.rows(query.limit)
    query = query.model_copy(update={"limit": min(most, _AT_ONCE)})
    page = await visit.engine.attendees(query, visit.actor)
    found = list(page.attendees)
    while page.next_cursor and len(found) < most:
        page = await visit.engine.attendees(
            query.model_copy(update={"cursor": page.next_cursor}), visit.actor
        )
        found += page.attendees
    return found, page.next_cursor
