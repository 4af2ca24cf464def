"""Pages of a list gathered, up to what a table that is sorted looks at: a question answers 100 at most.

Where a list holds more than that, what the store can find and order itself is asked of it: an answer, a whole domain,
events in words. So such a filter, and people by their answer, are of all rows and not of the first.
"""

from __future__ import annotations

from collections.abc import Sequence

from cis_mcp.console.guard import Visit
from engine.model.events import Event
from engine.model.people import Attendee, Partstat
from engine.model.queries import AttendeeQuery, EventQuery
from engine.model.times import Span
from engine.search.asking import Found

_AT_ONCE = 100
Events = list[tuple[Event, Span]]
Labels = Sequence[tuple[str, str]]


async def events(visit: Visit, query: EventQuery) -> tuple[Found, Events]:
    """The first answer to a search, and its events with when they are next; all that a sorted table looks at."""
    first, rows, more = await _events(visit, query)
    words = visit.asked("filter")
    if more and words and not query.query:
        _, rows, _ = await _events(visit, query.model_copy(update={"query": words}))
    return first, rows


async def _events(visit: Visit, query: EventQuery) -> tuple[Found, Events, bool]:
    most = visit.rows(query.limit)
    if query.limit != min(most, _AT_ONCE):
        query = query.model_copy(update={"limit": min(most, _AT_ONCE)})
    first = found = await visit.engine.search(query, visit.actor)
    rows = list(zip(found.events, found.occasions, strict=True))
    while found.next_cursor and len(rows) < most:
        found = await visit.engine.search(query.model_copy(update={"cursor": found.next_cursor}), visit.actor)
        rows += zip(found.events, found.occasions, strict=True)
    return first, rows, bool(found.next_cursor)


async def people(visit: Visit, query: AttendeeQuery, answers: Labels) -> tuple[list[Attendee], str | None]:
    """The people of an event, and where to go on; all that a sorted table looks at. `answers`: what each is called."""
    found, following = await _people(visit, query, visit.rows(query.limit))
    if following is None or not visit.asked("t"):
        return found, following
    narrowed = _narrowed(query, visit.asked("filter").lower(), answers)
    if visit.asked("sort") == "Answer" and narrowed.status is None:
        return await _by_answer(visit, narrowed, answers), following
    return (
        await _people(visit, narrowed, visit.rows(query.limit)) if narrowed != query else (found, following)
    )


async def _people(visit: Visit, query: AttendeeQuery, most: int) -> tuple[list[Attendee], str | None]:
    query = query.model_copy(update={"limit": min(most, _AT_ONCE)})
    page = await visit.engine.attendees(query, visit.actor)
    found = list(page.attendees)
    while page.next_cursor and len(found) < most:
        page = await visit.engine.attendees(
            query.model_copy(update={"cursor": page.next_cursor}), visit.actor
        )
        found += page.attendees
    return found, page.next_cursor


def _narrowed(query: AttendeeQuery, words: str, answers: Labels) -> AttendeeQuery:
    """The question with what of a filter's words the store knows: one answer as it is called, or one @domain."""
    called = {label.lower(): name for name, label in answers}
    status = next((one for one in Partstat if one.label == called.get(words)), None)
    if status and query.status is None:
        return query.model_copy(update={"status": status})
    domain = next((word[1:] for word in words.split() if word.startswith("@") and "." in word), "")
    return query.model_copy(update={"domain": domain}) if domain and not query.domain else query


async def _by_answer(visit: Visit, query: AttendeeQuery, answers: Labels) -> list[Attendee]:
    """The people by what their answers are called, as the table sorts them."""
    most, found = visit.rows(query.limit), list[Attendee]()
    named = {one.label: one for one in Partstat}
    in_order = sorted(answers, key=lambda answer: answer[1].lower(), reverse=bool(visit.asked("down")))
    for name, _ in in_order:
        if name in named and len(found) < most:
            asked = query.model_copy(update={"status": named[name], "cursor": None})
            found += (await _people(visit, asked, most - len(found)))[0]
    return found
