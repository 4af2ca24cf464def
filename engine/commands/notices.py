"""The short mails that tell an organizer what became of a mail of theirs (cis-reference 11, 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.commands.base import Work
from engine.commands.invites import new_message_id
from engine.model import (
    Attendee,
    Campaign,
    CampaignState,
    Confirmation,
    Event,
    Kind,
    Message,
    Notice,
    Recipient,
    Span,
)
from engine.settings import Settings

SKIPPED_SHOWN = 200
"""Rows named in a report by mail; the count covers them all."""


def message(
    work: Work, to: str, organizer: str, notice: Notice, event_uid: str | None, kind: Kind = Kind.NOTICE
) -> Message:
    """The ledger row that owes `to` the notice."""
    return Message(
        kind=kind,
        email=to,
        organizer=organizer,
        message_id=new_message_id(work),
        event_uid=event_uid,
        notice=notice,
        created=work.now,
        due=work.now,
        repeat=work.randomness.word(8),
    )


def created(event: Event) -> Notice:
    return _notice(f"Created: {event.summary}", event, "Your event was created. Nobody is invited yet.")


def updated(event: Event, changed: Sequence[str], notified: int) -> Notice:
    if not changed:
        return _notice(f"No change: {event.summary}", event, "Your mail changed nothing; nobody was told.")
    words = f"Your event was updated ({', '.join(changed)}). People told: {notified}."
    return _notice(f"Updated: {event.summary}", event, words)


def cancelled(event: Event, notified: int) -> Notice:
    words = f"Your event was cancelled. People told: {notified}."
    return _notice(f"Cancelled: {event.summary}", event, words)


def several(subject: str, what: str, why: Sequence[str]) -> Notice:
    """What became of a calendar with several events."""
    lines = [f"Your mail “{subject}” brought {what}", *why[:SKIPPED_SHOWN]]
    return Notice(subject=f"Done: {subject}"[:200], text="\n".join(lines) + "\n")


def declined(event: Event, attendee: Attendee) -> Notice:
    return _notice(
        f"Proposal declined: {event.summary}", event, f"{attendee.email} hears that the time stays as it is."
    )


def refused(subject: str, why: str, code: str) -> Notice:
    """A mail that was not understood, or not allowed, and why."""
    text = f"Your mail “{subject}” changed nothing.\n\nWhy: {why}\nCode: {code}\n"
    return Notice(subject=f"Not done: {subject}"[:200], text=text)


def _notice(subject: str, event: Event, words: str) -> Notice:
    when = event.span.local(event.span.start)
    stamp = when.strftime("%A, %d %B %Y" if event.span.all_day else "%A, %d %B %Y, %H:%M")
    text = (
        f"{words}\n\nEvent: {event.summary}\nWhen: {stamp} ({event.span.timezone})\n"
        f"uid: {event.uid}\nRevision: {event.sequence}\n"
    )
    return Notice(subject=subject[:200], text=text)


def campaign_report(campaign: Campaign, counts: Mapping[str, int], skipped: Sequence[Recipient]) -> Notice:
    """What was sent of a list, what was not, and why: “sent” means that a mail server took it (B24)."""
    sent = counts.get("accepted", 0)
    lines = [
        f"{campaign.event_uid}: {sent} invites sent",
        f"{campaign.event_uid}: {campaign.total - sent} not sent.",
    ]
    if campaign.state is CampaignState.CANCELLED:
        lines.append(f"The campaign stopped: {campaign.note or 'it was cancelled.'}")
    if counts.get("failed"):
        lines.append(f"{counts['failed']} were refused by a mail server.")
    lines += [f"row {r.row}: {r.email}: {r.code}" for r in skipped]
    return Notice(subject="Bulk Invite Status", text="\n".join(lines) + "\n")


def batch_done(counts: str, problems: Sequence[str], outcomes: str) -> Notice:
    """What became of a table of commands: the counts, what went wrong, and every row as CSV (B24)."""
    shown = list(problems[:SKIPPED_SHOWN])
    if len(problems) > SKIPPED_SHOWN:
        shown.append(f"… and {len(problems) - SKIPPED_SHOWN} more; the attached table has them all.")
    advice = "The other rows were carried out. Correct these and send the file again: no row is done twice."
    text = "\n".join([counts, *(["", *shown, "", advice] if shown else [])])
    return Notice(subject=f"Batch: {counts}"[:200], text=f"{text}\n", outcomes=outcomes)


def list_refused(problems: Sequence[str]) -> Notice:
    """The rows of a mailed list that belong to no event that could be sent."""
    return Notice(subject="Bulk Invite Status", text="\n".join(problems) + "\n")


def proposal(event: Event, attendee: Attendee, span: Span | None, comment: str) -> Notice:
    """An attendee would rather come at another time; their words are marked as theirs (rule 14)."""
    when = "they did not say when"
    if span:
        start = span.start_utc.astimezone(event.span.zone)
        when = f"{start:%A, %d %B %Y, %H:%M} ({event.span.timezone})"
    text = (
        f"{attendee.name or attendee.email} proposes another time for “{event.summary}”: {when}.\n"
        "Nothing was changed. To agree, update the event.\n\n"
    )
    words = " ".join(comment.split())[:500]
    return Notice(
        subject=f"New time proposed: {event.summary}"[:200],
        text=text + (f"They wrote: > {words}\n" if words else "") + f"uid: {event.uid}\n",
    )


def confirm(confirmation: Confirmation, settings: Settings) -> Notice:
    """Asks the owner of an address whether a mail in their name is theirs; it quotes next to nothing of it."""
    page = settings.page(f"confirm/{confirmation.code}")
    by_page = f", or open this page and press its button:\n{page}\n" if page else ".\n"
    text = (
        f"A mail in your name, {confirmation.address}, reached {settings.domain}. Nothing in it proves that you "
        f"sent it, so it waits and has changed nothing.\n\n{confirmation.what}\n\n"
        f"Did you send it? Then answer this mail, in whatever words{by_page}\n"
        "You did not? Then do nothing: nothing will happen.\n\n"
        f"This works once, until {confirmation.expires:%A, %d %B %Y, %H:%M} UTC.\n"
    )
    return Notice(
        subject="Did you send this? Please confirm",
        text=text,
        reply_to=settings.mailbox("confirm", confirmation.code),
    )
