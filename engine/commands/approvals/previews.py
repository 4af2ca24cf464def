"""What an approval would carry out, as its decider reads it: who, how many, the difference, and a mail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from engine.commands import composing, series, text
from engine.commands.agents.messages import MessageDone
from engine.commands.answers.proposals import ProposalDone
from engine.commands.approvals.approval_mails import told_time
from engine.commands.approvals.holdable import people, subject
from engine.commands.base import Command, Done, Work
from engine.commands.campaigns.campaigns import CampaignDone, as_attendee
from engine.commands.campaigns.reports import ReportDone
from engine.commands.events.events import CancelEvent, EventDone
from engine.commands.events.instances import CancelInstance
from engine.commands.invites.invites import InviteDone
from engine.commands.invites.reminding import RemindDone
from engine.commands.invites.samples import TEXT_SHOWN, invite_sample, language_of
from engine.commands.invites.send_many import InvitesDone
from engine.commands.invites.withdrawing import WithdrawDone
from engine.commands.triggers.deliveries import DeliveryDone, HandleDelivery
from engine.commands.triggers.triggers import TriggerDone
from engine.itip import recurrence
from engine.mail.locale.language import noop
from engine.mail.outgoing import words
from engine.model.events import Event
from engine.model.held import Difference, HeldPreview, SampleMail, ShownTime
from engine.model.messages import Kind

_FIRST = 5
_ANSWERS = (noop("accepted"), noop("declined"), noop("tentative"), noop("noaction"), noop("delegated"))
"""What is told of those who hear nothing."""
_EMAIL_SHOWN = 100
_SHOWN = 1_000
_TITLE_SHOWN = 200
_LABELS = {
    "summary": noop("title"),
    "location": noop("place"),
    "url": noop("link"),
    "organizer_name": noop("your name"),
    "rsvp": noop("asks for an answer"),
    "places": noop("places"),
    "alarm_minutes": noop("alarms"),
    "reserved": noop("texts for some"),
}


async def preview(work: Work, command: Command[Done], done: Done) -> HeldPreview:
    """What `command` would do, after it was tried as `done` says."""
    if isinstance(done, EventDone):
        return await _of_change(work, command, done)
    event = await subject(work, done)
    if isinstance(done, DeliveryDone):
        event = await work.unit.event(done.delivery.event_uid)
    first, sample = await _of_invites(work, command, done)
    return HeldPreview(
        action=_ACTIONS.get(type(command).__name__, type(command).__name__),
        title=event.summary[:_TITLE_SHOWN] if event else _name(done),
        when=when(event) if event else "",
        time=_time(event) if event else None,
        people=people(done),
        first=first,
        differences=_rules(done),
        sample=sample,
    )


def _rules(done: Done) -> tuple[Difference, ...]:
    """The rules that a trigger would apply, each as it was written."""
    if not isinstance(done, TriggerDone):
        return ()
    said = [rule.model_dump_json(exclude_defaults=True) for rule in done.trigger.rules]
    return tuple(Difference(field=f"rule {n}", before="", after=one) for n, one in enumerate(said, 1))


def _name(done: Done) -> str:
    return done.trigger.name if isinstance(done, TriggerDone) else ""


_ACTIONS = {
    "SendInvite": noop("Invite one person"),
    "SendInvites": noop("Invite one person to several events"),
    "ControlCampaign": noop("Send to a list"),
    "Remind": noop("Remind people"),
    "WithdrawInvite": noop("Take one person out"),
    "DeclineProposal": noop("Decline another time that was proposed"),
    "SendReport": noop("Mail the report"),
    "HandleDelivery": noop("Carry out what a system of record posted"),
    "SetTriggerLive": noop("Make a trigger live"),
    "ReplyMessage": noop("Answer a message"),
}


async def _of_invites(
    work: Work, command: Command[Done], done: Done
) -> tuple[tuple[str, ...], SampleMail | None]:
    """The first of those who are mailed, and what they read, if it is an invite."""
    match done:
        case InviteDone():
            return (done.attendee.email,), await invite_sample(work, done.attendee, _note(command))
        case InvitesDone():
            found = next((one.done for one in done.invites if one.done), None)
            return (done.email,), await invite_sample(work, found.attendee, _note(command)) if found else None
        case CampaignDone():
            rows, _ = await work.unit.recipients(done.campaign.id, "", _FIRST)
            listed = [as_attendee(row, done.event, work.now, done.campaign.origin) for row in rows]
            sample = await invite_sample(work, listed[0], _note(command)) if listed else None
            return tuple(one.email for one in listed), sample
        case RemindDone():
            return done.emails[:_FIRST], None
        case WithdrawDone() | ProposalDone():
            return (done.attendee.email,), None
        case DeliveryDone() if isinstance(command, HandleDelivery):
            return tuple(one.email[:_EMAIL_SHOWN] for one in (command.mapped.people or ())[:_FIRST]), None
        case ReportDone():
            return (done.message.email,), None
        case MessageDone():
            return (done.message.sender,), _answer(command, done)
        case _:
            return (), None


def _answer(command: Command[Done], done: MessageDone) -> SampleMail:
    """The answer to a message of somebody's."""
    title = str(getattr(command, "title", "")) or f"Re: {done.message.subject[:190]}"
    return SampleMail(
        to=done.message.sender, subject=title, text=str(getattr(command, "body", ""))[:TEXT_SHOWN]
    )


async def _of_change(work: Work, command: Command[Done], done: EventDone) -> HeldPreview:
    event, preview = done.event, done.preview
    return HeldPreview(
        action=_action(command, done),
        title=event.summary[:_TITLE_SHOWN],
        when=when(done.old or event),
        time=_time(done.old or event),
        people=done.notified,
        first=tuple(a.email for a in preview.first[:_FIRST]) if preview else (),
        left_out=preview.left_out if preview else {},
        differences=tuple(differences(done)),
        sample=await _sample(work, command, done),
    )


def _action(command: Command[Done], done: EventDone) -> str:
    if isinstance(command, CancelInstance):
        return noop("Cancel one date of the series")
    if isinstance(command, CancelEvent):
        return noop("Cancel the event")
    if done.created:
        return noop("Create the event")
    if _instance(command, done.event):
        return noop("Change one date of the series")
    return noop("Change the event")


def when(event: Event) -> str:
    """When an event is, with its zone and how it repeats."""
    return told_time(_time(event))


def _time(event: Event) -> ShownTime:
    return ShownTime(span=event.span, recurrence=event.recurrence)


def differences(done: EventDone) -> Iterator[Difference]:
    """What changes, each field before and after."""
    old, new = done.old, done.event
    if old is None or new.cancelled:
        return
    if {"start", "end", "timezone", "recurrence"} & set(done.changed):
        yield Difference(
            field=noop("time"), before=when(old), after=when(new), times=(_time(old), _time(new))
        )
    for name in done.changed:
        if name == "overrides":
            yield from _dates(old, new)
        elif name not in {"start", "end", "timezone", "recurrence"}:
            before, after = (_shown(getattr(event, name)) for event in (old, new))
            yield Difference(field=_LABELS.get(name, name), before=before, after=after)


def _dates(old: Event, new: Event) -> Iterator[Difference]:
    """Dates of a series that become other than they were."""
    known = set(old.overrides)
    for override in [o for o in new.overrides if o not in known][:_FIRST]:
        before = recurrence.instance(old, override.recurrence_id)
        for field, first, second in (
            (noop("time of one date"), words.when(before.span), words.when(override.span)),
            (noop("title of one date"), before.summary, override.summary),
            (noop("place of one date"), before.location, override.location),
            (noop("description of one date"), before.description, override.description),
        ):
            if first != second:
                yield Difference(field=field, before=first[:_SHOWN], after=second[:_SHOWN])


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_shown, value))[:_SHOWN]
    if isinstance(value, datetime):
        return f"{words.day(value)}, {value:%H:%M}"
    if isinstance(value, date):
        return words.day(value)
    return "" if value is None else str(value)[:_SHOWN]


async def _sample(work: Work, command: Command[Done], done: EventDone) -> SampleMail | None:
    """The mail to the first person who hears of it."""
    if done.preview is None or done.preview.sample is None:
        return None
    event, first = done.preview.sample, done.preview.first[0]
    name = event.organizer_name or await work.unit.organizer_name(event.organizer) or event.organizer
    about, zone = _instance(command, event), composing.reader_zone(first)
    kind, note, language = _kind(command), _note(command), await language_of(work, event, first)
    said = composing.revision(event, kind, about, name, work.settings, note, zone, language)
    title, words_of_it = composing.plain_text(said, work.settings)
    return SampleMail(to=first.email, subject=title, text=words_of_it[:TEXT_SHOWN])


def _kind(command: Command[Done]) -> Kind:
    return Kind.CANCELLATION if isinstance(command, CancelEvent | CancelInstance) else Kind.UPDATE


def _note(command: Command[Done]) -> str:
    return text.note(str(getattr(command, "note", "")))


def _instance(command: Command[Done], event: Event) -> date | datetime | None:
    """Which date of a series the command speaks of."""
    override = getattr(command, "override", None)
    found = override.recurrence_id if override else getattr(command, "recurrence_id", None)
    return None if found is None else series.aligned(event.span, found)
