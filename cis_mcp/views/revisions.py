"""The result of a change of an event, as data: old and new values, and who is notified of it and who is not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from pydantic import Field

from cis_mcp.views.base import Data
from cis_mcp.views.campaigns import Sample
from cis_mcp.views.events import (
    TEXT_SHOWN,
    EventInfo,
    event_info,
    one_line,
    quoted,
    reserved_line,
    times,
)
from engine.commands.events.events import EventDone
from engine.model.addresses import masked_address
from engine.model.events import Event, Override
from engine.model.times import Span, is_day

_SHOWN = 300
"""The most characters shown of an old or a new value."""
_BEFORE = 60
"""The characters shown before the place where two long texts differ."""
_DAYS_SHOWN = 8
_NONE = "none"
TEXTS = frozenset({"summary", "location", "description", "url", "organizer_name"})
"""Fields whose values people wrote; the values of the others are our own text."""


class FieldChange(Data):
    """One field that changed."""

    field: str
    old: str
    new: str = Field(description="texts are cut after 300 characters")


class Revision(Data):
    """What a change of an event did, or would do."""

    event: EventInfo
    changed: list[str] = Field(description="fields that changed; empty: none, and no one is mailed")
    changes: list[FieldChange] = Field(description="old and new value of each")
    notified: int = Field(description="people who are mailed, or would be")
    first: list[str] = Field(description="the first 20 of them, masked")
    left_out: dict[str, int] = Field(description="people who are not, by their answer")
    calendars: int = Field(description="of a dry run: people who were sent the revision that stands")
    sample: Sample | None = Field(description="of a dry run: the event as the first of them would see it")
    campaign_id: str = Field(description="the campaign that mails them; empty: no one is mailed")
    dry_run: bool


def revision_fields(done: EventDone, *, dry_run: bool) -> dict[str, Any]:
    """The fields of a `Revision`."""
    return {
        "event": event_info(as_shown(done, dry_run=dry_run)),
        "changed": list(done.changed),
        "changes": field_changes(done),
        **notified_fields(done),
        "sample": update_sample(done) if dry_run else None,
        "campaign_id": done.campaign_id,
        "dry_run": dry_run,
    }


def as_shown(done: EventDone, *, dry_run: bool) -> Event:
    """The event as it is or would be. Of a dry run with the revision that stands, which is the one to expect next."""
    if not dry_run or done.old is None:
        return done.event
    return done.event.model_copy(update={"sequence": done.old.sequence})


def notified_fields(done: EventDone) -> dict[str, Any]:
    """Who is notified of the change and who is not, for a result."""
    preview = done.preview
    return {
        "notified": done.notified,
        "first": [masked_address(a.email) for a in preview.first] if preview else [],
        "left_out": dict(preview.left_out) if preview else {},
        "calendars": done.calendars or 0,
    }


def field_changes(done: EventDone) -> list[FieldChange]:
    """Each changed field with its old and new value, for a reader."""
    if done.old is None:
        return []
    return [_change(name, done.old, done.event) for name in done.changed]


def _change(name: str, before: Event, now: Event) -> FieldChange:
    old, new = _value(before, name), _value(now, name)
    if name in TEXTS:
        old, new = _around(old, new)
    return FieldChange(field=name, old=old[:_SHOWN], new=new[:_SHOWN])


def _around(old: str, new: str) -> tuple[str, str]:
    """Two texts from shortly before the place where they differ, if that is far from the start."""
    parts = (n for n, (was, now) in enumerate(zip(old, new, strict=False)) if was != now)
    same = next(parts, min(len(old), len(new)))
    begin = max(0, same - _BEFORE) if same > _SHOWN - _BEFORE else 0
    return (f"…{old[begin:]}", f"…{new[begin:]}") if begin else (old, new)


def _value(event: Event, name: str) -> str:
    """A field as text; empty if it has no value."""
    if name in TEXTS:
        return " ".join(str(getattr(event, name)).split())
    return _WORDS[name](event)


def _day(span: Span, value: date | datetime) -> str:
    return span.local(value).isoformat()


def _end(event: Event) -> str:
    """The end; for all-day events, the first day after it."""
    end = event.span.end
    return f"before {end.isoformat()}" if is_day(end) else _day(event.span, end)


def _days(span: Span, values: Sequence[date | datetime]) -> str:
    more = f" and {len(values) - _DAYS_SHOWN} more" if len(values) > _DAYS_SHOWN else ""
    return ", ".join(_day(span, value) for value in values[:_DAYS_SHOWN]) + more or _NONE


def _alarms(event: Event) -> str:
    from engine.itip.write import alarms_of

    return " and ".join(_before(n) for n in alarms_of(event)) or _NONE


def _before(minutes: int) -> str:
    """The time of a reminder as text, in hours or days if it is a whole number of them."""
    for name, length in (("day", 1_440), ("hour", 60), ("minute", 1)):
        if minutes and minutes % length == 0:
            n = minutes // length
            return f"{n} {name}{'s' if n != 1 else ''} before"
    return "at the start"


def _overrides(event: Event) -> str:
    shown = [_override(event, one) for one in event.overrides[:_DAYS_SHOWN]]
    more = f" and {len(event.overrides) - len(shown)} more" if len(event.overrides) > len(shown) else ""
    return "; ".join(shown) + more or _NONE


def _override(event: Event, one: Override) -> str:
    """How an instance differs from its series."""
    own = [f"on {times(one.span)}"] if one.span.start != one.recurrence_id else []
    own += [
        f"{name} {quoted(one_line(value, 80)) if value else _NONE}"
        for name in ("summary", "location", "description", "url")
        if (value := getattr(one, name)) != getattr(event, name)
    ]
    return f"{_day(event.span, one.recurrence_id)}: {', '.join(own) or times(one.span)}"


def _reserved(event: Event) -> str:
    return "; ".join(reserved_line(event)) or _NONE


_WORDS: Mapping[str, Callable[[Event], str]] = {
    "start": lambda event: _day(event.span, event.span.start),
    "end": _end,
    "timezone": lambda event: event.span.timezone,
    "recurrence": lambda event: event.recurrence or _NONE,
    "rdates": lambda event: _days(event.span, event.rdates),
    "exdates": lambda event: _days(event.span, event.exdates),
    "overrides": _overrides,
    "rsvp": lambda event: "asks for an answer" if event.rsvp else "asks for no answer",
    "places": lambda event: str(event.places or "any number"),
    "alarm_minutes": _alarms,
    "reserved": _reserved,
    "status": lambda event: event.status.value,
}


def update_sample(done: EventDone) -> Sample | None:
    """The event as the first person notified of the change would read it."""
    preview = done.preview
    if not done.changed or preview is None or preview.sample is None:
        return None
    event, first = preview.sample, preview.first[0]
    more = " […]" if len(event.description) > TEXT_SHOWN else ""
    return Sample(
        to=masked_address(first.email),
        subject=one_line(event.summary, 500),
        start=times(event.span),
        location=one_line(event.location),
        description=event.description[:TEXT_SHOWN] + more,
    )
