"""What a change of an event came to: the old beside the new, who hears of it and who does not."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from cis_mcp.mcp.tools.base import Result
from cis_mcp.mcp.tools.campaign_results import Sample
from cis_mcp.mcp.tools.results import ANSWERS, TEXT_SHOWN, one_line, times
from engine.commands.events.events import EventDone
from engine.model.events import Event
from engine.report import masked_address

_SHOWN = 300
"""Characters of an old or a new value that are shown."""


class FieldChange(Result):
    """One field that changed."""

    field: str
    old: str
    new: str = Field(description="texts are cut after 300 characters")


def told(done: EventDone) -> dict[str, Any]:
    """Who hears of the change and who does not, for a result."""
    preview = done.preview
    return {
        "notified": done.notified,
        "first": [masked_address(a.email) for a in preview.first] if preview else [],
        "left_out": dict(preview.left_out) if preview else {},
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


def updated_lines(done: EventDone, *, dry_run: bool) -> list[str]:
    """What update_event did, in words."""
    if not done.changed:
        same = f"The event is so already, at sequence {done.event.sequence}"
        return [
            f"{same}: nothing would change." if dry_run else f"{same}: nothing changed, and no one is mailed."
        ]
    head = "Dry run, nothing was done: it would change" if dry_run else "Changed"
    lines = [f"{head}: {', '.join(done.changed)}."]
    lines += [f"- {one.field}: “{one.old}” → “{one.new}”" for one in field_changes(done)]
    return [*lines, *told_lines(done, dry_run=dry_run)]


def cancelled_lines(done: EventDone, *, dry_run: bool, instance: str | None) -> list[str]:
    """What cancel_event did, in words."""
    what = f"the instance {instance}" if instance else "the event"
    if instance and not done.changed:
        return [f"Cancelled: {what} was cancelled before. No one is mailed now."]
    head = f"Dry run, nothing was done: {what} would be cancelled." if dry_run else f"Cancelled: {what}."
    return [head, *told_lines(done, dry_run=dry_run)]


def told_lines(done: EventDone, *, dry_run: bool) -> list[str]:
    """Who is mailed, and who is not and how they would be."""
    shown = told(done)
    more = ", …" if done.notified > len(shown["first"]) else ""
    named = f" ({', '.join(shown['first'])}{more})" if shown["first"] else ""
    lines = [f"People who {'would be' if dry_run else 'are'} mailed: {done.notified}{named}."]
    left_out = [f"{n} {_answer(label)}" for label, n in shown["left_out"].items()]
    if left_out:
        lines.append(f"Not mailed: {', '.join(left_out)}; audience=“all” mails them too.")
    if done.campaign_id:
        lines.append(f"Follow it with get_campaign {done.campaign_id}.")
    return lines


def _answer(label: str) -> str:
    return (
        "others"
        if label == "others"
        else f"with {ANSWERS[label]}"
        if label != "noaction"
        else "without an answer"
    )


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
