"""Mail to create@: organizers make, change and cancel their events from their own calendar client."""

from __future__ import annotations

from collections.abc import Callable

from engine.commands import notices
from engine.commands.base import Command, Refusal
from engine.commands.events import CancelEvent, CreateEvent, EventDone, UpdateEvent
from engine.commands.instances import CancelInstance, ChangeInstance
from engine.commands.revisions import Source
from engine.engine import Engine
from engine.inbox import rsvp
from engine.inbox.once import apply_once
from engine.inbox.taken import Action, Outcome, Taken, ignored, quarantined, refused
from engine.itip import read as itip_read
from engine.itip.message import ItipEvent, ItipMessage
from engine.model import Event, Notice, Override
from engine.refusals import Code

_CREATING = {"REQUEST", "PUBLISH"}
_ANSWERING = {"REPLY", "COUNTER"}


async def take(engine: Engine, taken: Taken) -> Outcome:
    """Create, update or cancel what the mail's calendar says. Raises Refused where it cannot be read."""
    mail = taken.mail
    if not mail.calendars:
        return _without_calendar(taken)
    part = mail.calendars[0]
    message = itip_read.read(part.content, method_hint=part.method_hint)
    if message.method in _ANSWERING:
        return await rsvp.take_answers(engine, taken, message)
    if message.method not in {*_CREATING, "CANCEL"}:
        why = f"A calendar with METHOD:{message.method} is not understood; send an invitation or a cancellation."
        return refused(Code.UNSUPPORTED_METHOD, why)
    return stopped(engine, taken) or await _carry_out(engine, taken, message)


def stopped(engine: Engine, taken: Taken) -> Outcome | None:
    """Why this sender may not act as an organizer, if so (rule 9; B4)."""
    if not taken.trusted:
        return quarantined(
            Code.SENDER_UNAUTHENTICATED, f"The sender is not authenticated: {taken.verdict.reason}."
        )
    if not engine.settings.may_organize(taken.mail.from_address):
        return quarantined(
            Code.ORGANIZER_NOT_ALLOWED,
            "The operator has not allowed this address to make events; the mail waits for that.",
        )
    return None


def _without_calendar(taken: Taken) -> Outcome:
    if taken.mail.report or taken.mail.automatic:
        return ignored(Code.AUTOMATIC_MAIL, "An automatic mail without a calendar.")
    if taken.mail.has_tnef:
        why = "The calendar came as winmail.dat (TNEF), which is not read. Send it as iCalendar (in Outlook: HTML)."
        return refused(Code.NO_CALENDAR, why)
    return refused(Code.NO_CALENDAR, "The mail has no calendar. Invite this address to your event instead.")


async def _carry_out(engine: Engine, taken: Taken, message: ItipMessage) -> Outcome:
    """Every event of the calendar, its series before its instances; the last outcome stands for them all."""
    series = [e for e in message.events if e.recurrence_id is None]
    instances = [e for e in message.events if e.recurrence_id is not None]
    outcome = refused(Code.NOT_AN_EVENT, "The calendar holds no event.")
    for event in series:
        own = [i for i in instances if i.uid == event.uid]
        outcome = await _series(engine, taken, message.method, event, own)
    alone = [i for i in instances if i.uid not in {e.uid for e in series}]
    for event in alone:
        outcome = await _instance(engine, taken, message.method, event)
    return outcome


async def _series(
    engine: Engine, taken: Taken, method: str, event: ItipEvent, instances: list[ItipEvent]
) -> Outcome:
    known = await _known(engine, taken, event)
    source = _source(event)
    if method == "CANCEL" or event.status == "CANCELLED":
        if known is None:
            return refused(Code.UNKNOWN_EVENT, "No event of yours has the UID that this mail cancels.")
        cancel = CancelEvent(uid=known.uid, reason=event.comment, source=source)
        return await _apply(engine, taken, cancel, Action.CANCELLED, event)
    if known is None:
        create = _creation(taken, event, instances, source)
        return await _apply(engine, taken, create, Action.CREATED, event)
    return await _apply(engine, taken, _change(known, event, instances, source), Action.UPDATED, event)


def _creation(taken: Taken, event: ItipEvent, instances: list[ItipEvent], source: Source) -> CreateEvent:
    assert event.span is not None, "reading refuses a REQUEST without times"
    return CreateEvent(
        summary=event.summary.strip() or taken.mail.subject.strip() or "Untitled event",
        when=event.span,
        location=event.location,
        description=_description(event),
        url=event.url if event.url.lower().startswith(("http://", "https://")) else "",
        recurrence=event.recurrence,
        rdates=event.rdates,
        exdates=_exdates(event, instances),
        overrides=_overrides(event, instances),
        organizer_name=_organizer_name(taken, event),
        source=source,
    )


def _change(known: Event, event: ItipEvent, instances: list[ItipEvent], source: Source) -> UpdateEvent:
    return UpdateEvent(
        uid=known.uid,
        summary=event.summary.strip() or known.summary,
        when=event.span,
        location=event.location,
        description=_description(event),
        url=event.url if event.url.lower().startswith(("http://", "https://")) else "",
        recurrence=event.recurrence,
        rdates=event.rdates,
        exdates=_exdates(event, instances),
        overrides=_overrides(event, instances),
        source=source,
    )


def _description(event: ItipEvent) -> str:
    """The description, with the link to join where only the client's own property has it (cis-reference 7)."""
    link = event.conference
    if not link or link in event.description or link in event.location:
        return event.description
    return f"{event.description}\n\nJoin: {link}".strip()


def _organizer_name(taken: Taken, event: ItipEvent) -> str:
    """The name the organizer's client gives, else the one in From (B12)."""
    organizer = event.organizer
    if organizer and organizer.name and organizer.address == taken.mail.from_address:
        return organizer.name
    return taken.mail.from_name


def _cancelled(instance: ItipEvent) -> bool:
    return instance.status == "CANCELLED"


def _exdates(event: ItipEvent, instances: list[ItipEvent]) -> tuple[object, ...]:
    gone = [i.recurrence_id for i in instances if _cancelled(i) and i.recurrence_id is not None]
    return tuple(dict.fromkeys([*event.exdates, *gone]))


def _overrides(event: ItipEvent, instances: list[ItipEvent]) -> tuple[Override, ...]:
    found = [_override(i, event.summary) for i in instances if not _cancelled(i)]
    return tuple(o for o in found if o is not None)


def _override(instance: ItipEvent, summary: str) -> Override | None:
    if instance.span is None or instance.recurrence_id is None:
        return None
    return Override(
        recurrence_id=instance.recurrence_id,
        span=instance.span,
        summary=instance.summary.strip() or summary,
        location=instance.location,
        description=_description(instance),
        url=instance.url if instance.url.lower().startswith(("http://", "https://")) else "",
    )


async def _instance(engine: Engine, taken: Taken, method: str, event: ItipEvent) -> Outcome:
    """One instance alone: changed or cancelled, while its series stands (B9)."""
    known = await _known(engine, taken, event)
    assert event.recurrence_id is not None
    if known is None:
        return refused(Code.UNKNOWN_EVENT, "No event of yours has the UID whose instance this mail changes.")
    if method == "CANCEL" or _cancelled(event):
        gone = CancelInstance(uid=known.uid, recurrence_id=event.recurrence_id, source=_source(event))
        return await _apply(engine, taken, gone, Action.CANCELLED, event)
    override = _override(event, known.summary)
    if override is None:
        return refused(Code.INVALID_TIME, "The instance has no readable time.", known.uid)
    change = ChangeInstance(uid=known.uid, override=override, source=_source(event))
    return await _apply(engine, taken, change, Action.UPDATED, event)


async def _known(engine: Engine, taken: Taken, event: ItipEvent) -> Event | None:
    return await engine.store.event_by_source(taken.mail.from_address, event.uid)


def _source(event: ItipEvent) -> Source:
    return Source(uid=event.uid, sequence=event.sequence or 0, dtstamp=event.dtstamp)


async def _apply(
    engine: Engine, taken: Taken, command: Command[EventDone], action: Action, event: ItipEvent
) -> Outcome:
    def outcome(done: EventDone) -> Outcome:
        if done.changed or done.created:
            return Outcome(action=action, uid=done.event.uid)
        return Outcome(action=Action.IGNORED, uid=done.event.uid, code=Code.NO_CHANGE.value)

    part = f"{event.uid[:200]}:{event.recurrence_id or ''}"
    became = await apply_once(
        engine, taken, command, taken.actor, outcome=outcome, notice=_NOTICES[action], part=part
    )
    return refused(became.code, str(became)) if isinstance(became, Refusal) else became


_NOTICES: dict[Action, Callable[[EventDone], Notice]] = {
    Action.CREATED: lambda done: notices.created(done.event),
    Action.UPDATED: lambda done: notices.updated(done.event, done.changed, done.notified),
    Action.CANCELLED: lambda done: notices.cancelled(done.event, done.notified),
}
