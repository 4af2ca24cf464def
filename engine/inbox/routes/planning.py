"""What the calendars of a mail ask for, event by event, and which events of the sender's they speak of."""

from __future__ import annotations

from dataclasses import dataclass

from engine.engine import Engine
from engine.inbox.handling.received import ReceivedMail
from engine.inbox.routes import organizer_commands
from engine.itip.message import ItipEvent, ItipMessage, told_apart
from engine.model.events import Event

_DATES_MAX = 500
"""Single dates of one series that a cancellation of the series reaches."""


@dataclass(frozen=True)
class MailPlan:
    """What one calendar asks for: its events, and by UID their instances that differ."""

    method: str
    events: list[ItipEvent]
    own: dict[str, list[ItipEvent]]


async def planned(engine: Engine, received: ReceivedMail, message: ItipMessage) -> MailPlan:
    """Series come before instances."""
    series = told_apart([e for e in message.events if e.recurrence_id is None])
    series = [one for event in series for one in await _with_dates(engine, received, message.method, event)]
    masters = {e.uid for e in series}
    own: dict[str, list[ItipEvent]] = {}
    for instance in (e for e in message.events if e.recurrence_id is not None):
        own.setdefault(instance.uid, []).append(instance)
    others = [one for uid, instances in own.items() if uid not in masters for one in instances]
    for uid, instances in own.items() if message.method != "ADD" else ():
        also = await _of_their_own(engine, received, instances, beside=uid in masters)
        others += [one for one in also if one.uid not in masters]
    return MailPlan(message.method, [*series, *others], own)


async def _of_their_own(
    engine: Engine, received: ReceivedMail, instances: list[ItipEvent], *, beside: bool
) -> list[ItipEvent]:
    """The instances that are events of their own as well, since they were mailed before their series was.

    `beside`: their series is in the mail.
    """
    dates = await engine.store.single_dates(received.mail.from_address, instances[0].uid, _DATES_MAX)
    if not dates or not (beside or await known_event(engine, received, instances[0])):
        return []
    own = {date.source_uid for date in dates}
    newest = {one.occurrence_uid: one for one in sorted(instances, key=lambda one: one.sequence or 0)}
    return [
        one.model_copy(update={"uid": uid, "recurrence_id": None, "following": False})
        for uid, one in newest.items()
        if uid in own
    ]


async def _with_dates(
    engine: Engine, received: ReceivedMail, method: str, event: ItipEvent
) -> list[ItipEvent]:
    """The event; one that is cancelled takes with it the single dates of it that are events of their own."""
    if method != "CANCEL" and not organizer_commands.gone(event):
        return [event]
    dates = await engine.store.single_dates(received.mail.from_address, event.uid, _DATES_MAX)
    single = [_for_date(event, date) for date in dates]
    return [event, *single] if not single or await known_event(engine, received, event) else single


def _for_date(cancelled: ItipEvent, date: Event) -> ItipEvent:
    """The cancellation of a series as one of the date, which was made from an instance of it.

    Clients count the revisions of an instance by themselves; so DTSTAMP tells which is newer.
    """
    stamped = cancelled.dtstamp and date.source_dtstamp
    sequence = date.source_sequence if stamped else cancelled.sequence
    return cancelled.model_copy(update={"uid": date.source_uid, "sequence": sequence})


async def known_event(engine: Engine, received: ReceivedMail, event: ItipEvent) -> Event | None:
    """The sender's event that the mail speaks of, by the UID of their client or by ours."""
    sender = received.mail.from_address
    known = await engine.store.event_by_source(sender, event.uid)
    if known is None and (ours := await engine.store.event(event.uid)) and ours.organizer == sender:
        known = ours
    return known


async def alone(engine: Engine, received: ReceivedMail, event: ItipEvent) -> Event | None:
    """The sender's event that is an instance of a series which is not known here."""
    return await engine.store.event_by_source(received.mail.from_address, event.occurrence_uid)
