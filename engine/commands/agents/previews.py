"""What an approval would carry out, as its decider reads it: who, how many, the difference, and a mail."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from engine.commands import composing, text
from engine.commands.base import Command, Done, Work
from engine.commands.events import series
from engine.commands.events.events import CancelEvent, EventDone
from engine.commands.events.instances import CancelInstance
from engine.itip import write
from engine.mail.outgoing import words
from engine.model.events import Event
from engine.model.held import Difference, HeldPreview, SampleMail
from engine.model.messages import Kind

_FIRST = 5
_SHOWN = 1_000
_TITLE_SHOWN = 200
_TEXT_SHOWN = 20_000
_LABELS = {
    "summary": "title",
    "location": "place",
    "url": "link",
    "organizer_name": "your name",
    "rsvp": "asks for an answer",
    "alarm_minutes": "alarms",
    "reserved": "texts for some",
}


async def preview(work: Work, command: Command[Done], done: Done) -> HeldPreview:
    """What `command` would do, after it was tried as `done` says."""
    if isinstance(done, EventDone):
        return await _of_change(work, command, done)
    return HeldPreview(action=type(command).__name__)


async def _of_change(work: Work, command: Command[Done], done: EventDone) -> HeldPreview:
    event, people = done.event, done.preview
    return HeldPreview(
        action=_action(command, done),
        title=event.summary[:_TITLE_SHOWN],
        when=when(done.old or event),
        people=done.notified,
        first=tuple(a.email for a in people.first[:_FIRST]) if people else (),
        left_out=people.left_out if people else {},
        differences=tuple(differences(done)),
        sample=await _sample(work, command, done),
    )


def _action(command: Command[Done], done: EventDone) -> str:
    if isinstance(command, CancelInstance):
        return "Cancel one date of the series"
    if isinstance(command, CancelEvent):
        return "Cancel the event"
    if done.created:
        return "Create the event"
    return "Change one date of the series" if _instance(command, done.event) else "Change the event"


def when(event: Event) -> str:
    """When an event is, with its zone and how it repeats."""
    zone = words.zone(event.span)
    repeats = words.recurrence(event.recurrence, event.span)
    return words.when(event.span) + (f" ({zone})" if zone else "") + (f", {repeats}" if repeats else "")


def differences(done: EventDone) -> Iterator[Difference]:
    """What changes, each field before and after."""
    old, new = done.old, done.event
    if old is None or new.cancelled:
        return
    if {"start", "end", "timezone", "recurrence"} & set(done.changed):
        yield Difference(field="time", before=when(old), after=when(new))
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
        before = write.instance(old, override.recurrence_id)
        for field, first, second in (
            ("time", words.when(before.span), words.when(override.span)),
            ("title", before.summary, override.summary),
            ("place", before.location, override.location),
            ("description", before.description, override.description),
        ):
            if first != second:
                yield Difference(field=f"{field} of one date", before=first[:_SHOWN], after=second[:_SHOWN])


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
    said = composing.revision(
        event, _kind(command), _instance(command, event), name, work.settings, _note(command)
    )
    subject, words_of_it = composing.plain_text(said, work.settings)
    return SampleMail(to=first.email, subject=subject, text=words_of_it[:_TEXT_SHOWN])


def _kind(command: Command[Done]) -> Kind:
    return Kind.CANCELLATION if isinstance(command, CancelEvent | CancelInstance) else Kind.UPDATE


def _note(command: Command[Done]) -> str:
    return text.note(str(getattr(command, "note", "")))


def _instance(command: Command[Done], event: Event) -> date | datetime | None:
    """Which date of a series the command speaks of."""
    override = getattr(command, "override", None)
    found = override.recurrence_id if override else getattr(command, "recurrence_id", None)
    return None if found is None else series.aligned(event.span, found)
