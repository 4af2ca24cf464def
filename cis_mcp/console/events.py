"""The events of the marketing hub: search in words, list and month, create, change and cancel with a preview."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from cis_mcp.console import gathering, once, timing, unchanged
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.views.revisions import FieldChange, field_changes, notified_fields, update_sample
from engine.commands.approvals.undoing import UndoCommand
from engine.commands.events.events import CancelEvent, CreateEvent, EventDone, UpdateEvent
from engine.commands.events.timing import Timing
from engine.mail.locale.language import noop
from engine.mail.outgoing.words import month as month_of
from engine.model.events import Event
from engine.model.messages import Audience
from engine.model.queries import EventQuery
from engine.model.times import Span, is_day
from engine.model.verbs import Verb
from engine.refusals import Code, Refused
from engine.search.asking import Found

_SHOWN = 25
_MONTH_SHOWN = 100
_DAY = timedelta(days=1)
_YEARS = range(1970, 2201)
"""In which events are."""
_HUB = "/console/events"
FIELDS = [
    "summary",
    "start",
    "end",
    "timezone",
    "all_day",
    "location",
    "description",
    "url",
    "recurrence",
    "places",
    "organizer_name",
    "organizer",
]
ZONES = [
    "UTC",
    "Europe/London",
    "Europe/Dublin",
    "Europe/Lisbon",
    "Europe/Paris",
    "Europe/Berlin",
    "Europe/Madrid",
    "Europe/Rome",
    "Europe/Amsterdam",
    "Europe/Zurich",
    "Europe/Vienna",
    "Europe/Warsaw",
    "Europe/Stockholm",
    "Europe/Athens",
    "Europe/Helsinki",
    "Europe/Istanbul",
    "Europe/Moscow",
    "Africa/Cairo",
    "Africa/Lagos",
    "Africa/Johannesburg",
    "Asia/Dubai",
    "Asia/Karachi",
    "Asia/Kolkata",
    "Asia/Bangkok",
    "Asia/Singapore",
    "Asia/Shanghai",
    "Asia/Hong_Kong",
    "Asia/Seoul",
    "Asia/Tokyo",
    "Australia/Perth",
    "Australia/Sydney",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "America/Anchorage",
    "America/Los_Angeles",
    "America/Denver",
    "America/Phoenix",
    "America/Chicago",
    "America/New_York",
    "America/Halifax",
    "America/Toronto",
    "America/Mexico_City",
    "America/Bogota",
    "America/Sao_Paulo",
    "America/Argentina/Buenos_Aires",
]
"""Zones that the form proposes; any other IANA name may be typed."""
AUDIENCES = (
    (Audience.AUTO, noop("Whom it concerns")),
    (Audience.ALL, noop("All who are invited")),
    (Audience.NOT_DECLINED, noop("All but those who said No")),
    (Audience.ACCEPTED_OR_TENTATIVE, noop("Yes and Maybe")),
    (Audience.NONE, noop("Nobody")),
)


async def show(visit: Visit) -> Response:
    """GET /console/events: what words ask for, what comes next, or a month."""
    if visit.asked("view") == "month":
        return await _month(visit)
    words, past = visit.asked("q"), visit.asked("when") == "past"
    now = visit.engine.clock()
    limits = {} if words else {"before": now} if past else {"after": now}
    query = EventQuery(query=words, limit=_SHOWN, cursor=visit.asked("cursor") or None, named=False, **limits)
    found, rows = await gathering.events(visit, query)
    read = found.understood.words
    corrections = tuple(read.corrections.items())

    def values() -> dict[str, Any]:
        following = _following(words, found.next_cursor, past=past)
        return {
            "q": words,
            "past": past,
            "rows": rows,
            "following": following,
            "unknown": read.unknown,
            "corrections": dict(corrections),
        }

    of = (
        words,
        past,
        found.next_cursor,
        read.unknown,
        corrections,
        unchanged.Same(chain.from_iterable(rows)),
    )
    return unchanged.shown(visit, "events.html", visit.say("Events"), of, values)


def _following(words: str, cursor: str | None, *, past: bool) -> str:
    """The address of the next page; empty if there is none."""
    asked = {"q": words, "when": "past" if past else "", "cursor": cursor or ""}
    return f"{_HUB}?{urlencode({name: value for name, value in asked.items() if value})}" if cursor else ""


def _rows(found: Found) -> Sequence[tuple[Event, Span]]:
    return list(zip(found.events, found.occasions, strict=True))


async def _month(visit: Visit) -> Response:
    first = _first_of(visit.asked("month"), visit.engine.clock())
    following = (first + 31 * _DAY).replace(day=1)
    # A day of a zone begins up to 14 hours before it does in UTC, and ends up to 12 hours after.
    after, before = (datetime(d.year, d.month, 1, tzinfo=UTC) for d in (first, following))
    query = EventQuery(after=after - _DAY, before=before + _DAY, limit=_MONTH_SHOWN)
    found = await visit.engine.search(query, visit.actor)
    days: dict[date, list[tuple[Event, Span]]] = {}
    for event, span in _rows(found):
        start = span.local(span.start)
        days.setdefault(start.date() if isinstance(start, datetime) else start, []).append((event, span))
    return visit.show(
        "month.html",
        title=month_of(first, visit.language),
        names=[visit.say(day) for day in timing.DAYS],
        weeks=calendar.Calendar().monthdatescalendar(first.year, first.month),
        month=first.month,
        days=days,
        before=f"{first - _DAY:%Y-%m}",
        after=f"{following:%Y-%m}",
        more=found.next_cursor is not None,
    )


def _first_of(month: str, now: datetime) -> date:
    """The first day of a month such as 2027-05; of this one where none is named."""
    try:
        first = date.fromisoformat(f"{month}-01") if month else now.date().replace(day=1)
    except ValueError:
        first = date.min
    if first.year not in _YEARS:
        raise Refused(
            Code.INVALID_TIME, "This is no month.", "Write it as 2027-05, or go on from the current month."
        )
    return first


async def new(visit: Visit) -> Response:
    """GET /console/events/new."""
    return _form(visit, visit.say("New event"), dict.fromkeys(FIELDS, "") | {"timezone": "UTC"})


def _form(visit: Visit, title: str, values: Mapping[str, str], event: Event | None = None) -> Response:
    return visit.show(
        "event_form.html", title=title, values=values, event=event, zones=ZONES, audiences=AUDIENCES
    )


async def create(visit: Visit) -> Response:
    """POST /console/events: create an event; no one is notified before they are invited."""
    given = visit.given
    command = CreateEvent(
        summary=given("summary"),
        when=timing_of(visit),
        location=given("location"),
        description=given("description"),
        url=given("url"),
        recurrence=given("recurrence"),
        organizer=given("organizer") or None,
        organizer_name=given("organizer_name"),
        places=_places(given("places")),
    )
    return await once.made(visit, command, lambda done: f"{_HUB}/{done.event.id}", "created")


def timing_of(visit: Visit) -> Timing:
    """The times of a form; the last day of an all-day event is its own, not the one after."""
    start, end = visit.given("start"), visit.given("end")
    if not visit.given("all_day"):
        return Timing(start=start, end=end or None, timezone=visit.given("timezone") or None, all_day=False)
    last = _day_after(end[:10]) if end else None
    return Timing(start=start[:10], end=last, timezone=visit.given("timezone") or None, all_day=True)


def _day_after(day: str) -> str:
    try:
        return (date.fromisoformat(day) + _DAY).isoformat()
    except (ValueError, OverflowError):
        raise Refused(Code.INVALID_TIME, "The end is no day.", "Choose it again.") from None


async def edit(visit: Visit) -> Response:
    """GET /console/events/{uid}/edit."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    return _form(visit, visit.say("Change “{title}”", title=event.summary), _values(event), event)


def _values(event: Event) -> dict[str, str]:
    """What the form shows of an event."""
    span, all_day = event.span, is_day(event.span.start)
    start, end = span.local(span.start), span.local(span.end)
    last = end - _DAY if all_day else end
    return {
        **{name: str(getattr(event, name)) for name in FIELDS if hasattr(event, name)},
        "start": f"{start.isoformat()[:16]}{'T00:00' if all_day else ''}",
        "end": f"{last.isoformat()[:16]}{'T00:00' if all_day else ''}",
        "timezone": span.timezone,
        "all_day": "yes" if all_day else "",
        "places": str(event.places or ""),
    }


async def change(visit: Visit) -> Response:
    """POST /console/events/{uid}/edit: first a preview and who would be notified; then, by its button, the change."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    before = _values(event)
    changed = {name: visit.given(name) for name in FIELDS if name in visit.form or name == "all_day"}
    changed = {name: value for name, value in changed.items() if differs(value, before[name])}
    moved = {"start", "end", "timezone", "all_day"} & set(changed)
    others = {"start", "end", "timezone", "all_day", "organizer", "places"}
    words = {name: value for name, value in changed.items() if name not in others}
    # The form has shown the zone in which it repeats.
    shown = event.span if "recurrence" in changed else None
    command = UpdateEvent(
        uid=event.uid,
        when=timing_of(visit) if moved else shown,
        note=visit.given("note"),
        audience=audience_of(visit),
        expected_sequence=sequence_of(visit),
        dry_run=visit.given("do") != "save",
        places=_places(changed["places"]) if "places" in changed else None,
        **words,
    )
    done = await visit.apply(command)
    if command.dry_run:
        return preview_of(
            visit, done, f"{_HUB}/{event.id}/edit", visit.say("Change the event"), visit.say("Keep as it is")
        )
    return visit.go(f"{_HUB}/{event.id}", "changed" if done.changed else "unchanged", done.undo)


def _places(given: str) -> int:
    """How many people can have an event; an empty field is any number. Raises Refused: INVALID_ARGUMENT."""
    if given and not (given.isascii() and given.isdigit() and len(given) < 10):
        raise Refused(Code.INVALID_ARGUMENT, "Places is no number.", "Write it in digits, or leave it empty.")
    return int(given or 0)


def differs(given: str, shown: str) -> bool:
    """True if a field of a form was changed: blanks around it are none of its text, nor is how its lines end."""
    return given != shown.replace("\r\n", "\n").strip()


def audience_of(visit: Visit) -> Audience:
    """Who is notified of the change, as the form says. Raises Refused: INVALID_ARGUMENT."""
    try:
        return Audience(visit.given("audience") or Audience.AUTO)
    except ValueError:
        raise Refused(Code.INVALID_ARGUMENT, "That names no audience.", "Choose who is notified.") from None


def sequence_of(visit: Visit) -> int | None:
    """The revision that the form was made from; None if it names none."""
    given = visit.given("sequence")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None


def preview_of(
    visit: Visit,
    done: EventDone,
    action: str,
    label: str,
    back: str,
    changes: Sequence[FieldChange] | None = None,
) -> Response:
    """What a change would do; its button sends the same form once more. `changes`: None: those of the event."""
    kept: dict[str, Any] = {
        name: value for name, value in visit.form.items() if name not in {"token", "do", "sequence"}
    }
    assert done.old is not None or not done.changed
    sequence = done.old.sequence if done.old else done.event.sequence
    return visit.show(
        "preview.html",
        title=visit.say("What this would do"),
        event=done.old or done.event,
        changes=field_changes(done) if changes is None else changes,
        told=notified_fields(done),
        sample=update_sample(done),
        starts=done.event.span,
        action=action,
        label=label,
        back=back,
        values={**kept, "do": "save", "sequence": sequence},
        nothing=not done.changed,
    )


async def cancelling(visit: Visit) -> Response:
    """GET /console/events/{uid}/cancel."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    return visit.show(
        "cancel.html",
        title=visit.say("Cancel “{title}”", title=event.summary),
        event=event,
        audiences=AUDIENCES,
    )


async def cancel(visit: Visit) -> Response:
    """POST /console/events/{uid}/cancel: first who would be notified; then, by its button, cancel for good."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    command = CancelEvent(
        uid=event.uid,
        reason=visit.given("reason"),
        audience=audience_of(visit),
        dry_run=visit.given("do") != "save",
    )
    done = await visit.apply(command)
    if command.dry_run:
        return preview_of(
            visit,
            done,
            f"{_HUB}/{event.id}/cancel",
            visit.say("Cancel the event for good"),
            visit.say("Keep it"),
        )
    return visit.go(f"{_HUB}/{event.id}", "unchanged" if done.repeated else "cancelled", done.undo)


async def take_back(visit: Visit) -> Response:
    """POST /console/undo: undo a change before anyone is notified of it."""
    done = await visit.apply(UndoCommand(undo_id=visit.given("id")))
    uid = done.event.uid if done.event else done.undone.event_uid
    return visit.go(f"{_HUB}/{uid}" if uid else _HUB, "undone")


SCREENS = (
    Screen("POST", "/console/undo", take_back),
    Screen("GET", _HUB, show, of_one=True),
    Screen("POST", _HUB, create, Verb.CREATE),
    Screen("GET", f"{_HUB}/new", new, Verb.CREATE),
    Screen("GET", f"{_HUB}/{{uid:str}}/edit", edit, Verb.UPDATE),
    Screen("POST", f"{_HUB}/{{uid:str}}/edit", change, Verb.UPDATE),
    Screen("GET", f"{_HUB}/{{uid:str}}/cancel", cancelling, Verb.UPDATE),
    Screen("POST", f"{_HUB}/{{uid:str}}/cancel", cancel, Verb.UPDATE),
)
