"""The mails about held actions: one asks for a decision, one says what it was, one says that it waits."""

from __future__ import annotations

from engine.commands import notices
from engine.commands.base import Work
from engine.mail.outgoing import words
from engine.model.held import HeldAction, HeldPreview, HeldState, HoldReason
from engine.model.messages import Notice
from engine.settings import Settings

_KEEP = "Keep this mail: the head of the record below proves later that nothing before it was changed."
_SUBJECT_MAX = 200
_SHOWN = 300
_SAMPLE_SHOWN = 4_000
REASONS = {
    HoldReason.ORGANIZER: "a change from the organizer's calendar",
    HoldReason.MODE: "all its requests wait",
    HoldReason.NO_KEY: "it came by mail, and of the keys for that address none is live",
    HoldReason.EVERYTHING: "all its requests wait",
    HoldReason.TRIGGER: "it makes a rule act by itself",
    HoldReason.BULK: "it mails many people",
    HoldReason.NEW_DOMAIN: "it mails a domain for the first time",
    HoldReason.LINKS: "its texts have links",
    HoldReason.OUTSIDE_HOURS: "it is outside its hours",
    HoldReason.TIME_CHANGES: "it changes a time within a day of the start",
    HoldReason.CHANGES: "it changes or cancels an event",
    HoldReason.BOUNDS: "it exceeds a bound of the key, and people already invited would not be notified",
}


async def ask(work: Work, held: HeldAction, head: str) -> None:
    """Owe whoever decides one mail with the preview, the link that leads to the decision, and the record's head."""
    notice = asking(held, work.settings)
    if head:
        notice = notice.model_copy(update={"text": f"{notice.text}\n{_KEEP}\n\n{head.rstrip()}\n"})
    uid = held.command.event_uid or None
    message = notices.message(work, held.address, held.organizer, notice, uid)
    await work.unit.add_messages([message], priority=0)


def asking(held: HeldAction, settings: Settings) -> Notice:
    """Asks for a Yes or a No, and shows what a Yes would do."""
    text = (
        f"{_why(held)} Nothing was changed and no one was mailed.\n\n{described(held.preview)}\n\n"
        f"{_how(held, settings)}\n\nWithout an answer until {words.day(held.expires)}, {held.expires:%H:%M} UTC, it "
        "counts as refused.\n"
    )
    subject = f"Approve? {held.preview.action}: {held.preview.title}"
    reply_to = settings.mailbox("confirm", held.code)
    return Notice(subject=subject[:_SUBJECT_MAX], text=text, reply_to=reply_to)


def _why(held: HeldAction) -> str:
    if HoldReason.NO_KEY in held.reasons:
        return (
            f"A mail from {held.organizer} asks for something, and of the keys for that address none is live."
        )
    if HoldReason.ORGANIZER not in held.reasons:
        named = f" “{held.key_name}”" if held.key_name else ""
        why = ", ".join(REASONS[reason] for reason in held.reasons)
        return (
            f"An agent's key{named}, acting for {held.organizer}, requests what needs your approval: {why}."
        )
    if held.address == held.organizer:
        return "A change that came from your calendar needs your approval."
    return f"A change that came from the calendar of {held.organizer} needs your approval."


def _how(held: HeldAction, settings: Settings) -> str:
    page = settings.page(f"approve/{held.code}")
    if page:
        answering = f"Replying to this mail decides nothing{_stop(held)}."
        return f"To decide, open this page and press a button:\n{page}\n{answering}"
    return f"To decide, use the command line at the server: approval show {held.id}{_stop(held)}"


def _stop(held: HeldAction) -> str:
    if HoldReason.ORGANIZER in held.reasons or not held.address:
        return ""
    return ", but a reply that begins with STOP stops all your agents' keys"


def described(preview: HeldPreview) -> str:
    """The preview, as plain text."""
    lines = [f"What: {preview.action}", f"Event: {preview.title}", f"When: {preview.when}"]
    for difference in preview.differences:
        lines.append(f"Changes the {difference.field}:")
        lines.append(f"  from: {_short(difference.before)}")
        lines.append(f"  to: {_short(difference.after)}")
    lines.append(f"People mailed, at least: {preview.people}{_first(preview)}")
    if preview.left_out:
        left_out = ", ".join(f"{count} {answer}" for answer, count in preview.left_out.items())
        lines.append(f"Not mailed: {left_out}")
    if preview.sample:
        lines += ["", f"The mail to {preview.sample.to}:", f"Subject: {preview.sample.subject}", ""]
        lines += [f"> {line}" for line in preview.sample.text[:_SAMPLE_SHOWN].splitlines()]
    return "\n".join(lines)


def _short(value: str) -> str:
    one_line = " ".join(value.split())
    return (one_line if len(one_line) <= _SHOWN else f"{one_line[:_SHOWN]}…") or "(nothing)"


def _first(preview: HeldPreview) -> str:
    if not preview.first:
        return ""
    more = ", …" if preview.people > len(preview.first) else ""
    return f" ({', '.join(preview.first)}{more})"


def waits(held: HeldAction) -> Notice:
    """Tells the organizer that a change of theirs waits for somebody else."""
    who = held.address or "the operator"
    text = (
        f"Your change needs the approval of {who}. Nothing was changed and no one was mailed.\n\n"
        f"What: {held.preview.action}\nEvent: {held.preview.title}\nid: {held.id}\n"
    )
    return Notice(subject=f"Needs approval: {held.preview.title}"[:_SUBJECT_MAX], text=text)


def expired(held: HeldAction) -> Notice:
    """Says that nobody decided in time, which counts as a No."""
    text = (
        f"Nobody decided until {words.day(held.expires)}, {held.expires:%H:%M} UTC, so this counts as refused. Nothing "
        f"was changed, and nobody was mailed.\n\nWhat: {held.preview.action}\nEvent: {held.preview.title}\n"
        f"id: {held.id}\n"
    )
    return Notice(subject=f"Not decided in time: {held.preview.title}"[:_SUBJECT_MAX], text=text)


_BECAME = {
    HeldState.APPROVED: ("Approved", "Your change was approved and carried out."),
    HeldState.REFUSED: ("Refused", "Your change was refused; nothing was changed and no one was mailed."),
    HeldState.VOID: (
        "Void",
        "Your change was approved too late: nothing was changed and no one was mailed.",
    ),
}


def decided(held: HeldAction) -> Notice:
    """Tells the organizer what became of a change of theirs."""
    word, sentence = _BECAME[held.state]
    why = f"Why: {held.why}\n" if held.why else ""
    notified = f"People notified: {held.notified}\n" if held.state is HeldState.APPROVED else ""
    text = f"{sentence}\n\nWhat: {held.preview.action}\nEvent: {held.preview.title}\n{why}{notified}"
    return Notice(subject=f"{word}: {held.preview.title}"[:_SUBJECT_MAX], text=text)
