"""The mails about held actions: asking for a decision, reporting it, and saying that an action waits."""

from __future__ import annotations

from collections.abc import Callable

from engine.commands import notices
from engine.commands.base import Work
from engine.mail.locale.language import ENGLISH, Language, noop
from engine.mail.outgoing import words
from engine.model.held import Difference, HeldAction, HeldPreview, HeldState, HoldReason, ShownTime
from engine.model.messages import Notice
from engine.settings import Settings

_KEEP = noop("Keep this mail: the head of the record below proves later that nothing before it was changed.")
_SUBJECT_MAX = 200
_SHOWN = 300
_SAMPLE_SHOWN = 4_000
REASONS = {
    HoldReason.ORGANIZER: noop("a change from the organizer's calendar"),
    HoldReason.MODE: noop("all its requests wait"),
    HoldReason.NO_KEY: noop("it came by mail, and of the keys for that address none is live"),
    HoldReason.EVERYTHING: noop("all its requests wait"),
    HoldReason.TRIGGER: noop("it makes a rule act by itself"),
    HoldReason.BULK: noop("it mails many people"),
    HoldReason.NEW_DOMAIN: noop("it mails a domain for the first time"),
    HoldReason.LINKS: noop("its texts have links"),
    HoldReason.OUTSIDE_HOURS: noop("it is outside its hours"),
    HoldReason.TIME_CHANGES: noop("it changes a time within a day of the start"),
    HoldReason.CHANGES: noop("it changes or cancels an event"),
    HoldReason.BOUNDS: noop(
        "it exceeds a bound of the key, and people already invited would not be notified"
    ),
}


async def ask(work: Work, held: HeldAction, head: str) -> None:
    """Owe whoever decides one mail with the preview, the link that leads to the decision, and the record's head."""
    language = await notices.language_of(work, held.address)
    notice = asking(held, work.settings, language)
    if head:
        text = f"{notice.text}\n{language.say(_KEEP)}\n\n{head.rstrip()}\n"
        notice = notice.model_copy(update={"text": text})
    uid = held.command.event_uid or None
    message = notices.message(work, held.address, held.organizer, notice, uid)
    await work.unit.add_messages([message], priority=0)


def asking(held: HeldAction, settings: Settings, language: Language = ENGLISH) -> Notice:
    """The mail that asks for a decision and shows what an approval would do."""
    say = language.say
    until = say(
        "Without a decision by {time} UTC, it counts as refused.", time=words.moment(held.expires, language)
    )
    text = (
        f"{why(held, language)} {say('Nothing was changed and no one was mailed.')}\n\n"
        f"{described(held.preview, language)}\n\n{_how(held, settings, language)}\n\n{until}\n"
    )
    subject = say("Approve? {action}: {title}", action=say(held.preview.action), title=held.preview.title)
    reply_to = settings.mailbox("confirm", held.code)
    return Notice(subject=subject[:_SUBJECT_MAX], text=text, reply_to=reply_to)


def why(held: HeldAction, language: Language) -> str:
    """Who asks for it, and why it needs an approval."""
    say = language.say
    if HoldReason.NO_KEY in held.reasons:
        return say(
            "A mail from {organizer} asks for something, and of the keys for that address none is live.",
            organizer=held.organizer,
        )
    if HoldReason.ORGANIZER not in held.reasons:
        reasons = ", ".join(say(REASONS[reason]) for reason in held.reasons)
        return say(
            "An agent's key{name}, acting for {organizer}, requests what needs your approval: {why}.",
            name=f" “{held.key_name}”" if held.key_name else "",
            organizer=held.organizer,
            why=reasons,
        )
    if held.address == held.organizer:
        return say("A change that came from your calendar needs your approval.")
    return say(
        "A change that came from the calendar of {organizer} needs your approval.", organizer=held.organizer
    )


def _how(held: HeldAction, settings: Settings, language: Language) -> str:
    say, page = language.say, settings.page(f"approve/{held.code}")
    stops = HoldReason.ORGANIZER not in held.reasons and bool(held.address)
    if page:
        answering = say("Replying to this mail decides nothing.")
        if stops:
            answering = say(
                "Replying to this mail decides nothing, but a reply that begins with STOP stops all your agents' keys."
            )
        return f"{say('To decide, open this page and press a button:')}\n{page}\n{answering}"
    told = say("To decide, use the command line at the server: {command}", command=f"approval show {held.id}")
    if stops:
        told += "\n" + say("A reply that begins with STOP stops all your agents' keys.")
    return told


def told_time(time: ShownTime, language: Language = ENGLISH) -> str:
    """When an event is, with its zone and how it repeats."""
    zone = words.zone(time.span)
    repeats = words.recurrence(time.recurrence, time.span, language)
    return (
        words.when(time.span, language) + (f" ({zone})" if zone else "") + (f", {repeats}" if repeats else "")
    )


def when(preview: HeldPreview, language: Language) -> str:
    """When the event of a preview is."""
    return told_time(preview.time, language) if preview.time else preview.when


def sides(difference: Difference, language: Language) -> tuple[str, str]:
    """The texts of a field before and after a change."""
    if difference.times is None:
        return difference.before, difference.after
    before, after = difference.times
    return told_time(before, language), told_time(after, language)


def described(preview: HeldPreview, language: Language = ENGLISH, mark: Callable[[str], str] = str) -> str:
    """The preview, as plain text; `mark`: what is put around words that people wrote."""
    say = language.say
    lines = [
        say("What: {text}", text=say(preview.action)),
        say("Event: {title}", title=mark(preview.title)),
        say("When: {time}", time=when(preview, language)),
    ]
    for difference in preview.differences:
        lines.append(say("Changes the {field}:", field=say(difference.field)))
        before, after = (_short(side, language, mark) for side in sides(difference, language))
        lines.append(f"  {say('from: {text}', text=before)}")
        lines.append(f"  {say('to: {text}', text=after)}")
    people = f"{language.number(preview.people)}{_first(preview)}"
    lines.append(say("People mailed, at least: {people}", people=people))
    if preview.left_out:
        left_out = ", ".join(f"{language.number(n)} {say(answer)}" for answer, n in preview.left_out.items())
        lines.append(say("Not mailed: {people}", people=left_out))
    if preview.sample:
        lines += [
            "",
            say("The mail to {email}:", email=preview.sample.to),
            say("Subject: {text}", text=mark(preview.sample.subject)),
            "",
        ]
        lines += [f"> {line}" for line in preview.sample.text[:_SAMPLE_SHOWN].splitlines()]
    return "\n".join(lines)


def _short(value: str, language: Language, mark: Callable[[str], str]) -> str:
    one_line = " ".join(value.split())
    return (
        mark(one_line if len(one_line) <= _SHOWN else f"{one_line[:_SHOWN]}…")
        if one_line
        else language.say("(nothing)")
    )


def _first(preview: HeldPreview) -> str:
    if not preview.first:
        return ""
    more = ", …" if preview.people > len(preview.first) else ""
    return f" ({', '.join(preview.first)}{more})"


def _named(held: HeldAction, language: Language) -> str:
    """What it is and of which event, in two lines."""
    what = language.say("What: {text}", text=language.say(held.preview.action))
    return f"{what}\n{language.say('Event: {title}', title=held.preview.title)}\n"


def waits(held: HeldAction, language: Language = ENGLISH) -> Notice:
    """The notice that a change of the organizer waits for somebody else."""
    say = language.say
    who = say("Your change needs the approval of the operator.")
    if held.address:
        who = say("Your change needs the approval of {address}.", address=held.address)
    nothing = say("Nothing was changed and no one was mailed.")
    text = f"{who} {nothing}\n\n{_named(held, language)}id: {held.id}\n"
    subject = say("Needs approval: {title}", title=held.preview.title)
    return Notice(subject=subject[:_SUBJECT_MAX], text=text)


def expired(held: HeldAction, language: Language = ENGLISH) -> Notice:
    """The notice that nobody decided in time, which counts as a refusal."""
    say = language.say
    late = say(
        "No one decided by {time} UTC, so this counts as refused. Nothing was changed and no one was mailed.",
        time=words.moment(held.expires, language),
    )
    text = f"{late}\n\n{_named(held, language)}id: {held.id}\n"
    subject = say("Not decided in time: {title}", title=held.preview.title)
    return Notice(subject=subject[:_SUBJECT_MAX], text=text)


_BECAME = {
    HeldState.APPROVED: (noop("Approved: {title}"), noop("Your change was approved and carried out.")),
    HeldState.REFUSED: (
        noop("Refused: {title}"),
        noop("Your change was refused; nothing was changed and no one was mailed."),
    ),
    HeldState.VOID: (
        noop("Void: {title}"),
        noop("Your change was approved too late: nothing was changed and no one was mailed."),
    ),
}


def decided(held: HeldAction, language: Language = ENGLISH) -> Notice:
    """The notice of what was decided about a change of the organizer."""
    say = language.say
    title, sentence = _BECAME[held.state]
    why = say("Why: {why}", why=held.why) + "\n" if held.why else ""
    notified = ""
    if held.state is HeldState.APPROVED:
        notified = say("People notified: {count}.", count=language.number(held.notified)) + "\n"
    text = f"{say(sentence)}\n\n{_named(held, language)}{why}{notified}"
    return Notice(subject=say(title, title=held.preview.title)[:_SUBJECT_MAX], text=text)
