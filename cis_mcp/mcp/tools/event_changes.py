"""The result of a change of an event as text: old and new values, and who is notified of it and who is not."""

from __future__ import annotations

from cis_mcp.views.events import ANSWERS, quoted
from cis_mcp.views.revisions import TEXTS, FieldChange, field_changes, notified_fields
from engine.commands.events.events import EventDone
from engine.commands.invites.audience import MailsSoFar
from engine.engine import Engine
from engine.model.addresses import masked_address
from engine.model.campaigns import CampaignState


def updated_lines(done: EventDone, *, dry_run: bool) -> list[str]:
    """The result of update_event as lines of text."""
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
    """A line with the old and the new value; text that people wrote is in quotation marks."""
    if one.field not in TEXTS:
        return f"- {one.field}: {one.old} → {one.new}"
    old, new = (quoted(text) if text else "none" for text in (one.old, one.new))
    return f"- {one.field}: {old} → {new}"


def cancelled_lines(done: EventDone, *, dry_run: bool, instance: str | None) -> list[str]:
    """The result of cancel_event as lines of text."""
    what = f"the instance {instance}" if instance else "the event"
    if (instance and not done.changed) or done.repeated:
        return [_cancelled_before(done, what, dry_run=dry_run)]
    head = f"Dry run, nothing was done: {what} would be cancelled." if dry_run else f"Cancelled: {what}."
    return [head, *notified_lines(done, dry_run=dry_run)]


def _cancelled_before(done: EventDone, what: str, *, dry_run: bool) -> str:
    if dry_run:
        return f"Dry run, nothing was done: {what} was cancelled before, and no one would be mailed."
    then = f" {_told(done.told)} Campaign: {done.campaign_id}." if done.told else ""
    return f"Cancelled: {what} was cancelled before. No one more is mailed now.{then}"


def _told(told: MailsSoFar) -> str:
    """How far the mails of the cancellation that was asked for before have come."""
    if told.state in {CampaignState.CANCELLED, CampaignState.FINISHED}:
        return f"Of {told.total} people, {told.sent} were mailed; the mails are {told.state}, no more leave."
    paused = "; they are paused" if told.state is CampaignState.PAUSED else ""
    return f"Of {told.total} people, {told.sent} were mailed, and {told.owed} mails are still owed{paused}."


def notified_lines(done: EventDone, *, dry_run: bool) -> list[str]:
    """Lines on who is mailed, who is not, and how those could be."""
    shown = notified_fields(done)
    more = ", …" if done.notified > len(shown["first"]) else ""
    named = f" ({', '.join(shown['first'])}{more})" if shown["first"] else ""
    lines = [f"People who {'would be' if dry_run else 'are'} mailed: {done.notified}{named}."]
    left_out = [f"{n} {_answer(label)}" for label, n in shown["left_out"].items()]
    if left_out:
        then = "audience=“all” mails them too" if dry_run else "a repeated call mails them neither"
        lines.append(f"Not mailed: {', '.join(left_out)}; {then}.")
    if done.calendars is not None:
        lines.append(f"Calendars that hold the revision that stands: {done.calendars}, at most.")
    if done.campaign_id:
        lines.append(f"Follow it with get_campaign {done.campaign_id}.")
    return lines


async def barred_lines(engine: Engine, done: EventDone) -> list[str]:
    """Lines on people in a dry run who get no mail, since their messages are withdrawn before they leave."""
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
