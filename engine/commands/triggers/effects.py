"""What a delivery does to its event and to the people whom its object names; part of one unit of work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.commands import notices, text
from engine.commands.agents.bounds import out_of_bounds
from engine.commands.base import Work
from engine.commands.events.events import CancelEvent, CreateEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.model.events import Event
from engine.model.messages import Notice
from engine.model.rules import Deed, Settable
from engine.model.triggers import Delivery, DeliveryState, RefusedPerson, Trigger, TriggerObject
from engine.refusals import Code, Refused
from engine.rules.mapping import Mapped, MappedPerson

EFFECTS_MAX = 20
"""Effects on one object in a minute; more are a loop."""
_WINDOW = timedelta(minutes=1)
_TEXTS = (Settable.SUMMARY, Settable.LOCATION, Settable.DESCRIPTION, Settable.URL)


@dataclass(frozen=True)
class CameTo:
    """What a delivery came to; `known`: what is known of its object from now on, None: as before."""

    state: DeliveryState
    known: TriggerObject | None = None
    invited: int = 0
    withdrawn: int = 0
    refused: tuple[RefusedPerson, ...] = ()
    effect: bool = False


async def carried_out(work: Work, asked: Mapped, known: TriggerObject) -> CameTo:
    """Carry out what is asked of an object. Raises Refused: LOOP, OUT_OF_BOUNDS, …"""
    _refuse_waiting(work)
    event = await _event(work, known)
    seen = known.model_copy(update={"version": _greatest(asked.version, known.version)})
    if asked.do is Deed.CANCEL:
        return await _cancelled(work, seen, event)
    if asked.do is Deed.UPDATE and event is None:
        return CameTo(DeliveryState.NOTHING)
    if event is not None and asked.digest == known.digest:
        return CameTo(DeliveryState.UNCHANGED, seen)
    recent = _recent(work, known)
    event = await _changed(work, asked, event) if event else await _created(work, asked)
    known = seen.model_copy(
        update={"digest": asked.digest, "event_uid": event.uid, "effects": (*recent, work.now)}
    )
    if asked.people is None:
        return CameTo(DeliveryState.DONE, known, effect=True)
    return await _people(work, asked.people, known)


def _refuse_waiting(work: Work) -> None:
    """What may have to wait for a yes cannot be half of a delivery."""
    if work.bounds.approval:
        raise out_of_bounds("approval", "What this key asks may wait for a yes, and a delivery cannot wait.")


def _greatest(version: float | None, known: float | None) -> float | None:
    return version if known is None or (version is not None and version > known) else known


def _recent(work: Work, known: TriggerObject) -> tuple[datetime, ...]:
    """The effects within the last minute. Raises Refused: LOOP."""
    recent = tuple(at for at in known.effects if at > work.now - _WINDOW)
    if len(recent) >= EFFECTS_MAX:
        raise Refused(
            Code.LOOP,
            f"One object had {EFFECTS_MAX} effects within a minute: what it causes seems to cause it again.",
        )
    return recent


async def _event(work: Work, known: TriggerObject) -> Event | None:
    """The object's event, if it stands."""
    event = await work.unit.event(known.event_uid) if known.event_uid else None
    return None if event is None or event.cancelled else event


async def _cancelled(work: Work, known: TriggerObject, event: Event | None) -> CameTo:
    """The version is kept even if there is no event, so that an older delivery does not make one."""
    if event is None:
        return CameTo(DeliveryState.NOTHING, known)
    recent = _recent(work, known)
    await CancelEvent(uid=event.uid).carry_out(work)
    gone = {"digest": "", "people": (), "effects": (*recent, work.now)}
    return CameTo(DeliveryState.DONE, known.model_copy(update=gone), effect=True)


async def _created(work: Work, asked: Mapped) -> Event:
    texts = {name.value: asked.values[name] for name in _TEXTS if name in asked.values}
    command = CreateEvent(**{"summary": "", "when": _timing(asked), "verbatim": True, **texts})
    return (await command.carry_out(work)).event


async def _changed(work: Work, asked: Mapped, event: Event) -> Event:
    texts = {name.value: asked.values[name] for name in _TEXTS if name in asked.values}
    timing = _timing(asked)
    when = {} if timing.empty else {"when": timing}
    command = UpdateEvent(**{"uid": event.uid, "verbatim": True, **texts, **when})
    return (await command.carry_out(work)).event


def _timing(asked: Mapped) -> Timing:
    values = asked.values
    minutes = values.get(Settable.DURATION_MINUTES, "")
    if minutes and not (minutes.isascii() and minutes.isdigit() and len(minutes) <= 6):
        raise Refused(
            Code.INVALID_TIME, f"duration_minutes came to “{minutes[:40]}”, which is no number of minutes."
        )
    return Timing(
        start=values.get(Settable.START),
        end=values.get(Settable.END),
        duration=f"PT{minutes}M" if minutes else None,
        timezone=values.get(Settable.TIMEZONE),
    )


async def _people(work: Work, people: tuple[MappedPerson, ...], known: TriggerObject) -> CameTo:
    """Who joined is invited, who left is taken out, and no one else hears of it."""
    named, refused = named_people(people)
    before = set(known.people)
    left = [email for email in known.people if email not in named]
    for email in left:
        await _take_out(work, known.event_uid, email)
    invited = []
    for email, person in named.items():
        if email in before:
            continue
        if why := await _invite(work, known.event_uid, email, person):
            refused.append(RefusedPerson(email=email, code=why.value))
        else:
            invited.append(email)
    stay = [email for email in known.people if email in named]
    return CameTo(
        DeliveryState.PARTIAL if refused else DeliveryState.DONE,
        # While somebody is refused, the same content is worth another try.
        known.model_copy(update={"people": (*stay, *invited), "digest": "" if refused else known.digest}),
        len(invited),
        len(left),
        tuple(refused),
        effect=True,
    )


def named_people(people: Iterable[MappedPerson]) -> tuple[dict[str, MappedPerson], list[RefusedPerson]]:
    """Who is named, by address, the first mention of each; and those whose address is none."""
    named: dict[str, MappedPerson] = {}
    refused: list[RefusedPerson] = []
    for person in people:
        try:
            named.setdefault(_address(person.email), person)
        except Refused as no_address:
            refused.append(RefusedPerson(email=person.email[:100], code=no_address.code.value))
    return named, refused


def _address(email: str) -> str:
    """One address and nothing beside it."""
    if any(ord(sign) < 33 for sign in email) or "," in email or ";" in email:
        raise Refused(Code.INVALID_ADDRESS, "A field for one address holds more than that.")
    return text.address(email)


async def _take_out(work: Work, uid: str, email: str) -> None:
    try:
        await WithdrawInvite(uid=uid, email=email).carry_out(work)
    except Refused as refused:
        if refused.code is not Code.UNKNOWN_ATTENDEE:
            raise


async def _invite(work: Work, uid: str, email: str, person: MappedPerson) -> Code | None:
    """Invite one person; the code of a refusal that concerns only them."""
    try:
        command = SendInvite(
            uid=uid, email=email, name=person.name[:200], fields=person.fields, prompted=True
        )
        await command.carry_out(work)
    except Refused as refused:
        return refused.code
    return None


async def report_loop(work: Work, trigger: Trigger, delivery: Delivery) -> None:
    """Tell whoever answers for the trigger's key that it was stopped."""
    key = await work.unit.key(trigger.key)
    to = (key.owner if key else "") or trigger.organizer
    notice = Notice(
        subject=f"Stopped: the trigger {trigger.name}",
        text=(
            f"One object had {EFFECTS_MAX} effects within a minute. What this trigger does seems to cause it again, so "
            "it was stopped. What is delivered meanwhile is kept. Once the cause is gone, make it live again."
        ),
    )
    await work.unit.add_messages([notices.message(work, to, trigger.organizer, notice, None)], priority=0)
