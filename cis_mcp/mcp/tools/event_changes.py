"""What a change of an event came to: the old beside the new, who hears of it and who does not."""

from __future__ import annotations

from cis_mcp.views.events import ANSWERS, quoted
from cis_mcp.views.revisions import TEXTS, FieldChange, field_changes, notified_fields
from engine.commands.events.events import EventDone
from engine.engine import Engine
from engine.model.addresses import masked_address


def updated_lines(done: EventDone, *, dry_run: bool) -> list[str]:
    """What update_event did, in words."""
    if not done.changed:
        same = f"The event is so already, at sequence {done.event.sequence}"
        return [
            f"{same}: nothing would change." if dry_run else f"{same}: nothing changed, and no one is mailed."
        ]
    head = "Dry run, nothing was done: it would change" if dry_run else "Changed"
    lines = [f"{head}: {', '.join(done.changed)}."]
    lines += [_changed_line(one) for one in field_changes(done)]
    return [*lines, *notified_lines(done, dry_run=dry_run)]


def _changed_line(one: FieldChange) -> str:
    """The old beside the new; what somebody wrote stands between marks."""
    if one.field not in TEXTS:
        return f"- {one.field}: {one.old} → {one.new}"
    old, new = (quoted(text) if text else "none" for text in (one.old, one.new))
    return f"- {one.field}: {old} → {new}"


def cancelled_lines(done: EventDone, *, dry_run: bool, instance: str | None) -> list[str]:
    """What cancel_event did, in words."""
    what = f"the instance {instance}" if instance else "the event"
    if instance and not done.changed:
        return [f"Cancelled: {what} was cancelled before. No one is mailed now."]
    head = f"Dry run, nothing was done: {what} would be cancelled." if dry_run else f"Cancelled: {what}."
    return [head, *notified_lines(done, dry_run=dry_run)]


def notified_lines(done: EventDone, *, dry_run: bool) -> list[str]:
    """Who is mailed, and who is not and how they would be."""
    shown = notified_fields(done)
    more = ", …" if done.notified > len(shown["first"]) else ""
    named = f" ({', '.join(shown['first'])}{more})" if shown["first"] else ""
    lines = [f"People who {'would be' if dry_run else 'are'} mailed: {done.notified}{named}."]
    left_out = [f"{n} {_answer(label)}" for label, n in shown["left_out"].items()]
    if left_out:
        lines.append(f"Not mailed: {', '.join(left_out)}; audience=“all” mails them too.")
    if done.calendars is not None:
        lines.append(f"Calendars that hold the revision that stands: {done.calendars}, at most.")
    if done.campaign_id:
        lines.append(f"Follow it with get_campaign {done.campaign_id}.")
    return lines


async def barred_lines(engine: Engine, done: EventDone) -> list[str]:
    """Who of those that a dry run names gets none: what is owed to them is withdrawn before it leaves."""
    first = [person.email for person in done.preview.first] if done.preview else []
    barred = await engine.takes_no_mail(done.event.organizer, first)
    named = ", ".join(map(masked_address, barred))
    return [f"Of these, no mail leaves to those who take none: {named}."] if barred else []


def _answer(label: str) -> str:
    return (
        "others"
        if label == "others"
        else f"with {ANSWERS[label]}"
        if label != "noaction"
        else "without an answer"
    )
