"""Single dates of a series: which come next, and one of them moved, reworded or cancelled, with a preview first."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from starlette.responses import Response

from cis_mcp.console.events import AUDIENCES, audience_of, differs, preview_of, sequence_of, timing_of
from cis_mcp.console.guard import Screen, Visit
from cis_mcp.views.revisions import FieldChange
from engine.commands import series
from engine.commands.events.instances import CancelInstance, UpdateInstance
from engine.itip import recurrence
from engine.model.events import Event, Override
from engine.model.times import is_day
from engine.model.verbs import Verb

_PATH = "/console/events/{uid:str}/dates"
_SHOWN = 50
_AHEAD = timedelta(days=3_660)
_DAY = timedelta(days=1)
_TEXTS = ("summary", "location", "description", "url")


async def show(visit: Visit) -> Response:
    """GET: the next dates of a series."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    now = visit.engine.clock()
    changed = {one.span: one.recurrence_id for one in event.overrides}
    spans = recurrence.instances(event, now, now + _AHEAD, _SHOWN) if event.recurring else []
    return visit.show(
        "dates.html",
        title=visit.say("Dates of “{title}”", title=event.summary),
        event=event,
        dates=[(_named(event, changed.get(span, span.start)), span, span in changed) for span in spans],
        more=len(spans) == _SHOWN,
    )


def _named(event: Event, recurrence_id: date | datetime) -> str:
    """A date as a link names it: its day, or its local start in the series."""
    return event.span.local(recurrence_id).isoformat()[:19]


async def _one(visit: Visit) -> tuple[Event, date | datetime, Override]:
    """The series, which of its dates is meant, and how that is now. Raises Refused."""
    event = await visit.engine.event(visit.path("uid"), visit.actor)
    recurrence_id = series.own(event, series.read(event.span, visit.path("date")))
    return event, recurrence_id, recurrence.instance(event, recurrence_id)


async def edit(visit: Visit) -> Response:
    """GET: the form of one date."""
    event, recurrence_id, known = await _one(visit)
    return visit.show(
        "date_form.html",
        title=visit.say("“{title}” on {day}", title=event.summary, day=_named(event, recurrence_id)[:10]),
        event=event,
        date=_named(event, recurrence_id),
        values=_values(event, known),
        all_day=is_day(event.span.start),
        audiences=AUDIENCES,
    )


def _values(event: Event, known: Override) -> dict[str, str]:
    span, all_day = known.span, is_day(event.span.start)
    end = span.local(span.end)
    return {
        **{name: str(getattr(known, name)) for name in _TEXTS},
        "start": span.local(span.start).isoformat()[: 10 if all_day else 16],
        "end": (end - _DAY if all_day else end).isoformat()[: 10 if all_day else 16],
    }


async def change(visit: Visit) -> Response:
    """POST: first a preview and who would be notified; then, by its button, the change of this date."""
    event, recurrence_id, known = await _one(visit)
    before = _values(event, known)
    changed = {name: visit.given(name) for name in before if name in visit.form}
    changed = {name: value for name, value in changed.items() if differs(value, before[name])}
    command = UpdateInstance(
        uid=event.uid,
        recurrence_id=recurrence_id,
        when=timing_of(visit) if {"start", "end"} & set(changed) else None,
        note=visit.given("note"),
        audience=audience_of(visit),
        expected_sequence=sequence_of(visit),
        dry_run=visit.given("do") != "save",
        **{name: value for name, value in changed.items() if name in _TEXTS},
    )
    done = await visit.apply(command)
    here = f"/console/events/{event.id}/dates"
    if command.dry_run:
        changes = [FieldChange(field=name, old=before[name], new=value) for name, value in changed.items()]
        at = f"{here}/{visit.path('date')}"
        return preview_of(visit, done, at, visit.say("Change this date"), visit.say("Keep as it is"), changes)
    return visit.go(here, "changed" if done.changed else "unchanged", done.undo)


async def cancel(visit: Visit) -> Response:
    """POST: first who would be notified; then, by its button, cancel this date; the others stay."""
    event, recurrence_id, known = await _one(visit)
    command = CancelInstance(
        uid=event.uid,
        recurrence_id=recurrence_id,
        note=visit.given("note"),
        audience=audience_of(visit),
        dry_run=visit.given("do") != "save",
    )
    done = await visit.apply(command)
    here = f"/console/events/{event.id}/dates"
    if command.dry_run:
        old = _values(event, known)["start"]
        changes = [FieldChange(field="start", old=old, new=visit.say("does not take place"))]
        at = f"{here}/{visit.path('date')}/cancel"
        return preview_of(visit, done, at, visit.say("Cancel this date"), visit.say("Keep it"), changes)
    return visit.go(here, "cancelled" if done.changed else "unchanged", done.undo)


SCREENS = (
    Screen("GET", _PATH, show),
    Screen("GET", f"{_PATH}/{{date:str}}", edit, Verb.UPDATE),
    Screen("POST", f"{_PATH}/{{date:str}}", change, Verb.UPDATE),
    Screen("POST", f"{_PATH}/{{date:str}}/cancel", cancel, Verb.UPDATE),
)
