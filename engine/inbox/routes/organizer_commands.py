"""What an organizer's mail asks for, as commands (RFC 5546, 3.2)."""

from __future__ import annotations

from engine.commands import series, text
from engine.commands.events import calendars
from engine.commands.events.calendars import gone, override
from engine.commands.events.events import CancelEvent, CreateEvent, UpdateEvent
from engine.commands.events.instances import AddInstance
from engine.commands.revisions import RevisionSource
from engine.inbox.handling.received import ReceivedMail
from engine.inbox.routes.respondent import mailbox
from engine.itip.message import ItipEvent
from engine.model.events import Event
from engine.model.times import Instant
from engine.refusals import Code, Refused

__all__ = ["addition", "change", "creation", "gone", "override", "reason", "source"]


def creation(received: ReceivedMail, event: ItipEvent, instances: list[ItipEvent]) -> CreateEvent:
    """The command that makes the event with its instances that differ."""
    return calendars.creation(
        event,
        instances,
        source=source(received, event),
        title=received.mail.subject,
        organizer_name=_organizer_name(received, event),
    )


def change(received: ReceivedMail, known: Event, event: ItipEvent, instances: list[ItipEvent]) -> UpdateEvent:
    """The command that makes the known event what its organizer's client says it is now."""
    return calendars.change(known, event, instances, source=source(received, event))


def addition(received: ReceivedMail, known: Event, event: ItipEvent) -> AddInstance:
    """The command that adds an instance to the known event (ADD). Raises Refused(INVALID_RECURRENCE)."""
    if event.recurrence or event.rdates:
        raise Refused(
            Code.INVALID_RECURRENCE,
            "METHOD:ADD adds single instances, not another recurrence rule.",
            "Send each instance separately, or the whole event again.",
        )
    return AddInstance(
        uid=known.uid,
        span=calendars.span(event),
        summary=calendars.summary(event),
        location=calendars.location(event),
        description=calendars.description(event),
        url=calendars.url(event),
        source=source(received, event),
    )


def following(received: ReceivedMail, known: Event, event: ItipEvent) -> UpdateEvent:
    """The command that changes one instance and all that follow. Raises Refused(INVALID_RECURRENCE)."""
    changed = calendars.following(known, event, known.summary)
    if not changed:
        why = calendars.NO_END if changed is None else "the series has no date that the change could reach"
        raise Refused(
            Code.INVALID_RECURRENCE, f"Not understood: {why}.", "Change the whole series, or single dates."
        )
    own = {o.recurrence_id: o for o in (*known.overrides, *changed)}
    overrides = tuple(sorted(own.values(), key=lambda o: known.span.moment(o.recurrence_id)))
    since = _since(received, event, changed[0].recurrence_id)
    return UpdateEvent(uid=known.uid, overrides=overrides, source=since, verbatim=True)


def ending(received: ReceivedMail, known: Event, event: ItipEvent) -> UpdateEvent | CancelEvent:
    """The command that cancels one instance and all that follow."""
    assert event.recurrence_id is not None
    span, first = known.span, series.aligned(known.span, event.recurrence_id)
    since = _since(received, event, first)
    if span.moment(first) <= span.start_utc:
        return CancelEvent(uid=known.uid, reason=reason(event), source=since)
    return UpdateEvent(
        uid=known.uid,
        recurrence=series.ended_before(known, first) if known.recurrence else None,
        rdates=tuple(d for d in known.rdates if span.moment(d) < span.moment(first)),
        overrides=tuple(o for o in known.overrides if span.moment(o.recurrence_id) < span.moment(first)),
        source=since,
    )


def reason(event: ItipEvent) -> str:
    """Why the event is cancelled, as far as it fits."""
    return text.cut(event.comment, text.LOCATION_MAX)


def source(received: ReceivedMail, event: ItipEvent) -> RevisionSource:
    """The revision in the organizer's client that it comes from."""
    return RevisionSource(
        uid=event.uid,
        sequence=event.sequence or 0,
        dtstamp=event.dtstamp,
        vague=event.vague_stamp,
        addressed=any(mailbox(a.address) in received.own for a in event.attendees),
    )


def _since(received: ReceivedMail, event: ItipEvent, first: Instant) -> RevisionSource:
    """The revision of an instance that changes what follows as well."""
    return source(received, event).model_copy(update={"since": first})


def _organizer_name(received: ReceivedMail, event: ItipEvent) -> str:
    """The name the organizer's client gives, else the one in From."""
    organizer = event.organizer
    if organizer and organizer.name and organizer.address == received.mail.from_address:
        return organizer.name
    return received.mail.from_name
