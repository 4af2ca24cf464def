"""What a change of an event came to, as data: the old beside the new, who hears of it and who does not."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cis_mcp.views.base import Data
from cis_mcp.views.campaigns import Sample
from cis_mcp.views.events import TEXT_SHOWN, EventInfo, event_info, one_line, times
from engine.commands.events.events import EventDone
from engine.model.addresses import masked_address
from engine.model.events import Event

_SHOWN = 300
"""Characters of an old or a new value that are shown."""


class FieldChange(Data):
    """One field that changed."""

    field: str
    old: str
    new: str = Field(description="texts are cut after 300 characters")


class Revision(Data):
    """What a change of an event did, or would do."""

    event: EventInfo
    changed: list[str] = Field(description="fields that changed; empty: nothing did, and no one is mailed")
    changes: list[FieldChange] = Field(description="each of them, the old beside the new")
    notified: int = Field(description="people who are mailed, or would be")
    first: list[str] = Field(description="the first 20 of them, masked")
    left_out: dict[str, int] = Field(description="people who are not, by their answer")
    calendars: int = Field(description="of a dry run: people who were sent the revision that stands")
    sample: Sample | None = Field(description="of a dry run: the event as the first of them would read it")
    campaign_id: str = Field(description="the campaign that mails them; empty: no one is mailed")
    dry_run: bool


def revision_fields(done: EventDone, *, dry_run: bool) -> dict[str, Any]:
    """The fields of a `Revision`."""
    return {
        "event": event_info(done.event),
        "changed": list(done.changed),
        "changes": field_changes(done),
        **notified_fields(done),
        "sample": update_sample(done) if dry_run else None,
        "campaign_id": done.campaign_id,
        "dry_run": dry_run,
    }


def notified_fields(done: EventDone) -> dict[str, Any]:
    """Who hears of the change and who does not, for a result."""
    preview = done.preview
    return {
        "notified": done.notified,
        "first": [masked_address(a.email) for a in preview.first] if preview else [],
        "left_out": dict(preview.left_out) if preview else {},
        "calendars": done.calendars or 0,
    }


def field_changes(done: EventDone) -> list[FieldChange]:
    """Each field that changed, the old beside the new."""
    if done.old is None:
        return []
    return [
        FieldChange(field=name, old=_value(done.old, name), new=_value(done.event, name))
        for name in done.changed
    ]


def _value(event: Event, name: str) -> str:
    span = event.span
    if name in {"start", "end"}:
        return span.local(getattr(span, name)).isoformat()
    if name == "timezone":
        return span.timezone
    if name in {"rdates", "exdates"}:
        return ", ".join(span.local(value).isoformat() for value in getattr(event, name))[:_SHOWN]
    if name == "reserved":
        return one_line(
            str(event.reserved.model_dump(mode="json", exclude_none=True)) if event.reserved else "", _SHOWN
        )
    if name == "overrides":
        return ", ".join(span.local(o.recurrence_id).isoformat() for o in event.overrides)[:_SHOWN]
    return one_line(str(getattr(event, name)), _SHOWN)


def update_sample(done: EventDone) -> Sample | None:
    """The event as the first of those who hear of it would read it."""
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
