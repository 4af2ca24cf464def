"""What a delivery does to its event and to the people whom its object names; part of one unit of work."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.commands import notices, text
from engine.commands.base import Work
from engine.commands.events import linking
from engine.commands.events.events import CancelEvent, CreateEvent, UpdateEvent
from engine.commands.events.timing import Timing
from engine.commands.invites.invites import SendInvite
from engine.commands.invites.reminding import Remind
from engine.commands.invites.withdrawing import WithdrawInvite
from engine.commands.reasons import reason
from engine.model.events import Event
from engine.model.held import LeftOutTexts
from engine.model.messages import Chosen, Notice
from engine.model.rules import Deed, Settable
from engine.model.triggers import DeliveryState, RefusedPerson, Trigger, TriggerObject
from engine.refusals import Code, Refused
from engine.rules.mapping import NO_TIME, Mapped, MappedPerson

EFFECTS_MAX = 20
"""Effects on one object in a minute; more are a loop."""
DEPTH_MAX = 4
"""Triggers that one thing that happened may go through, one after another; more are a loop."""
_CHAIN = re.compile(r"[0-9]{1,18}\.[0-9]{1,2}", re.ASCII)
_WINDOW = timedelta(minutes=1)
_TEXTS = (Settable.SUMMARY, Settable.LOCATION, Settable.DESCRIPTION, Settable.URL)


@dataclass(frozen=True)
class CameTo:
    """What a delivery came to; `known`: what is known of its object from now on, None: as before."""

    state: DeliveryState
    known: TriggerObject | None = None
    event_uid: str = ""
    """The event that it was carried out on; empty: the object's."""
    invited: int = 0
    withdrawn: int = 0
    refused: tuple[RefusedPerson, ...] = ()
    effect: bool = False
    code: str = ""
    """Why something of it was left out; empty: nothing was."""
    detail: str = ""
    to_come: int = 0
    """People beyond what a unit of work takes: the same again goes on with them."""


async def carried_out(
    work: Work, asked: Mapped, known: TriggerObject, until_now: Sequence[RefusedPerson] | None = None
) -> CameTo:
    """Carry out what is asked of an object, as far as a unit of work takes it.

    `until_now`: whom it refused so far, where it goes on; None: it begins. Raises Refused: LOOP, OUT_OF_BOUNDS, …
    """
    event = await _event(work, asked, known)
    seen = known.model_copy(update={"version": greatest(asked.version, known.version)})
    if unchanged(asked, known, event):
        return CameTo(DeliveryState.UNCHANGED, seen, event.uid if event else "")
    event = _open(work, asked, event)
    if asked.do is Deed.CANCEL:
        return await _cancelled(work, seen, event)
    if asked.do is Deed.UPDATE and event is None:
        return CameTo(DeliveryState.NOTHING)
    if asked.do is Deed.REMIND and event is not None:
        return await _reminded(work, asked, seen.model_copy(update={"reminded": asked.digest}), event)
    recent = _recent(work, known)
    before = event
    event, lacks = await _made(work, asked, event)
    room = max(1, work.unit.items_per_unit // 2)
    moving = await _moved(work, asked, known, before, room)
    if until_now is None and not (asked.stay and event == before):
        # Whoever only adds a person does so once for each, so that the answers of many are no loop.
        recent = (*recent, work.now)
    # While something is left out, the same content is worth another try.
    digest = "" if lacks.again else asked.digest
    if staying := moving[room:]:
        known = seen.model_copy(update={"digest": "", "effects": recent, "people": staying})
        return _moved_in_part(asked, known, event, until_now or (), room)
    seen = beside(seen, event, asked)
    known = seen.model_copy(update={"digest": digest, "effects": recent})
    came_to = CameTo(DeliveryState.DONE, known, event.uid, effect=True)
    if asked.people is not None:
        came_to = await _people(work, asked, known, until_now or (), room - len(moving))
    came_to = replace(came_to, withdrawn=came_to.withdrawn + len(moving))
    if not lacks.code:
        return came_to
    return replace(came_to, state=DeliveryState.PARTIAL, code=lacks.code, detail=lacks.detail)


def unchanged(asked: Mapped, known: TriggerObject, event: Event | None) -> bool:
    """True if the object has this very content already, in an event that was not cancelled since.

    A reminder is one more each time, but for one and the same version.
    """
    if asked.do is Deed.REMIND:
        return asked.version is not None and (asked.version, asked.digest) == (known.version, known.reminded)
    return event is not None and not event.cancelled and asked.digest == known.digest


def beside(known: TriggerObject, event: Event, asked: Mapped) -> TriggerObject:
    """What is known of an object whose event this is from now on: of another event nobody has heard yet.

    An event that is named to be changed alone takes nobody out of the one that the object has.
    """
    if event.uid == known.event_uid or (asked.uid and asked.people is None and known.people):
        return known
    return known.model_copy(update={"event_uid": event.uid, "people": (), "digest": ""})


async def _moved(
    work: Work, asked: Mapped, known: TriggerObject, event: Event | None, most: int
) -> tuple[str, ...]:
    """Who leaves the event that the object had, if it has another one now and they do not stay.

    The first of them, `most`, are taken out.
    """
    moved = event is not None and event.uid != known.event_uid
    if not moved or not known.event_uid or asked.people is None or asked.stay:
        return ()
    old = await work.unit.event(known.event_uid)
    if old is None or old.cancelled or old.closed(work.now) or not work.actor.owns(old.organizer):
        return ()
    for email in known.people[:most]:
        await _take_out(work, old.uid, email)
    return known.people


def _moved_in_part(
    asked: Mapped, known: TriggerObject, event: Event, until_now: Sequence[RefusedPerson], gone: int
) -> CameTo:
    """Some have left the event that the object had; the others do before it has the new one."""
    named, _ = named_people(asked.people or ())
    return CameTo(
        DeliveryState.DONE,
        known,
        event.uid,
        withdrawn=gone,
        refused=tuple(until_now),
        effect=True,
        to_come=len(known.people) + len(named),
    )


def _open(work: Work, asked: Mapped, event: Event | None) -> Event | None:
    """The event, unless it is the object's own and over: that one can be neither changed nor cancelled."""
    return None if event and not asked.uid and event.closed(work.now) else event


async def at_event(work: Work, asked: Mapped, known: TriggerObject) -> Lacking:
    """Of `carried_out` the event alone: make or change it, and what is left out. Raises Refused."""
    event = _open(work, asked, await _event(work, asked, known))
    _recent(work, known)
    if event is None and asked.do is Deed.UPDATE:
        return Lacking()
    return (await _made(work, asked, event))[1]


async def _made(work: Work, asked: Mapped, event: Event | None) -> tuple[Event, Lacking]:
    if event is None:
        return await _created(work, asked)
    if asked.values or asked.no_time:
        return await _changed(work, asked, event)
    return event, Lacking()


@dataclass(frozen=True)
class Lacking:
    """What of the fields of an event could not be used: the code and the words of it."""

    code: str = ""
    detail: str = ""
    again: bool = False
    """The same content may be used another time."""


def greatest(version: float | None, known: float | None) -> float | None:
    """The greater of two versions of an object, of those that there are."""
    return version if known is None or (version is not None and version > known) else known


def _recent(work: Work, known: TriggerObject) -> tuple[datetime, ...]:
    """The effects within the last minute. Raises Refused: LOOP."""
    recent = tuple(at for at in known.effects if at > work.now - _WINDOW)
    if len(recent) >= EFFECTS_MAX:
        raise Refused(
            Code.LOOP,
            f"One object had {EFFECTS_MAX} effects within a minute, which looks like a loop.",
        )
    return recent


def chain_in(payload: Any) -> str:
    """The chain named by one of our own webhooks, if the sender passed it on; empty otherwise."""
    chain = payload.get("cis_chain") if isinstance(payload, dict) else None
    return chain if isinstance(chain, str) and _CHAIN.fullmatch(chain) else ""


def next_link(chain: str) -> str:
    """What an effect adds to a chain. Raises Refused: LOOP."""
    began, _, passed = chain.partition(".")
    depth = int(passed or 0) + 1
    if depth > DEPTH_MAX:
        raise Refused(Code.LOOP, f"It went through {DEPTH_MAX} triggers, which looks like a loop.")
    return f"{began or 0}.{depth}"


async def _event(work: Work, asked: Mapped, known: TriggerObject) -> Event | None:
    """The event that is named, or else the object's, if it stands."""
    if asked.uid:
        return await work.standing_event(asked.uid)
    event = await work.unit.event(known.event_uid) if known.event_uid else None
    return None if event is None or event.cancelled else event


async def _cancelled(work: Work, known: TriggerObject, event: Event | None) -> CameTo:
    """The version is kept even if there is no event, so that an older delivery does not make one."""
    if event is None:
        return CameTo(DeliveryState.NOTHING, known)
    recent = _recent(work, known)
    await CancelEvent(uid=event.uid).carry_out(work)
    gone = {"digest": "", "people": ()} if event.uid == known.event_uid else {}
    known = known.model_copy(update={**gone, "effects": (*recent, work.now)})
    return CameTo(DeliveryState.DONE, known, event.uid, effect=True)


async def _created(work: Work, asked: Mapped) -> tuple[Event, Lacking]:
    """A new event; without a time there is none. Raises Refused: INVALID_TIME, UNKNOWN_TIMEZONE, …"""
    if asked.no_time:
        raise Refused(Code.INVALID_TIME, asked.no_time)
    texts = {name.value: asked.values[name] for name in _TEXTS if name in asked.values}
    command = CreateEvent(**{"summary": "", "when": _timing(asked), "verbatim": True, **texts})
    command, left = linking.permitted(work, command, work.bounds)
    event = (await command.carry_out(work)).event
    return event, _noted(work, left, event, "")


async def _changed(work: Work, asked: Mapped, event: Event) -> tuple[Event, Lacking]:
    """The event as it is now; a time that cannot be used leaves it when it was, and the rest is changed."""
    texts = {name.value: asked.values[name] for name in _TEXTS if name in asked.values}
    command = UpdateEvent(**{"uid": event.uid, "verbatim": True, **texts})
    command, left = linking.permitted(work, command, work.bounds, event)
    no_time = asked.no_time
    try:
        timing = _timing(asked)
        timed = command if timing.empty else command.model_copy(update={"when": timing})
        event = (await timed.carry_out(work)).event
    except Refused as refused:
        if refused.code not in NO_TIME:
            raise
        # A command refuses before it writes.
        no_time = str(refused)
        event = (await command.carry_out(work)).event
    return event, _noted(work, left, event, no_time)


def _noted(work: Work, left: LeftOutTexts | None, event: Event, no_time: str) -> Lacking:
    """What was left out of an event, for its delivery; texts that link elsewhere wait for approval."""
    if left:
        work.left_out.append(left.model_copy(update={"event_uid": event.uid}))
    if no_time:
        return Lacking(Code.INVALID_TIME.value, no_time, again=True)
    return Lacking(Code.OUT_OF_BOUNDS.value, linking.told(left)) if left else Lacking()


def _timing(asked: Mapped) -> Timing:
    values = asked.values
    minutes = values.get(Settable.DURATION_MINUTES, "")
    if minutes and not (minutes.isascii() and minutes.isdigit() and len(minutes) <= 6):
        raise Refused(
            Code.INVALID_TIME, f"duration_minutes came to “{minutes[:40]}”, which is not a number of minutes."
        )
    return Timing(
        start=values.get(Settable.START),
        end=values.get(Settable.END),
        duration=f"PT{minutes}M" if minutes else None,
        timezone=values.get(Settable.TIMEZONE),
    ).literal()


async def _reminded(work: Work, asked: Mapped, known: TriggerObject, event: Event) -> CameTo:
    """Whoever is named and not invited is left out. The object keeps its own event."""
    recent = _recent(work, known)
    named, refused = named_people(asked.people or ())
    there = [email for email in named if await _invited(work, event, email)]
    unknown = Code.UNKNOWN_ATTENDEE.value
    refused += [RefusedPerson(email=email, code=unknown) for email in named if email not in there]
    who = {"who": Chosen(emails=frozenset(there))} if asked.people is not None else {}
    await Remind(uid=event.uid, **who).carry_out(work)
    known = known.model_copy(update={"effects": (*recent, work.now)})
    state = DeliveryState.PARTIAL if refused else DeliveryState.DONE
    return CameTo(state, known, event.uid, refused=tuple(refused), effect=True)


async def _invited(work: Work, event: Event, email: str) -> bool:
    known = await work.unit.attendee(event.uid, email)
    return known is not None and known.withdrawn is None


async def _people(
    work: Work, asked: Mapped, known: TriggerObject, until_now: Sequence[RefusedPerson], most: int
) -> CameTo:
    """Who joined is invited, who left is taken out, `most` of them, and no one else hears of it."""
    named, no_address = named_people(asked.people or ())
    refused = list({one.email: one for one in (*until_now, *no_address)}.values())
    passed = {*known.people, *(one.email for one in refused)}
    leaving = [] if asked.stay else [email for email in known.people if email not in named]
    left = leaving[:most]
    for email in left:
        await _take_out(work, known.event_uid, email)
    joining = [email for email in named if email not in passed]
    some = joining[: most - len(left)]
    invited = []
    for email in some:
        if why := await _invite(work, known.event_uid, email, named[email]):
            refused.append(RefusedPerson(email=email, code=why.code.value, bound=why.bound))
        else:
            invited.append(email)
    to_come = len(leaving) - len(left) + len(joining) - len(some)
    stay = [email for email in known.people if email not in set(left)]
    return CameTo(
        DeliveryState.PARTIAL if refused else DeliveryState.DONE,
        # While somebody is refused or still to come, the same content is worth another try.
        known.model_copy(
            update={"people": (*stay, *invited), "digest": "" if refused or to_come else known.digest}
        ),
        known.event_uid,
        len(invited),
        len(left),
        tuple(refused),
        effect=True,
        to_come=to_come,
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
        raise Refused(Code.INVALID_ADDRESS, "A field for one address contains more than one.")
    return text.address(email)


async def _take_out(work: Work, uid: str, email: str) -> None:
    try:
        await WithdrawInvite(uid=uid, email=email).carry_out(work)
    except Refused as refused:
        if refused.code is not Code.UNKNOWN_ATTENDEE:
            raise


async def _invite(work: Work, uid: str, email: str, person: MappedPerson) -> Refused | None:
    """Invite one person; the refusal if there is one, which concerns only them."""
    try:
        command = SendInvite(
            uid=uid, email=email, name=person.name[:200], fields=person.fields, prompted=True
        )
        await command.carry_out(work)
    except Refused as refused:
        return refused
    return None


async def report_loop(work: Work, trigger: Trigger, why: str) -> None:
    """Tell whoever answers for the trigger's key that it was stopped."""
    key = await work.unit.key(trigger.key)
    to = (key.owner if key else "") or trigger.organizer
    language = await notices.language_of(work, to)
    say = language.say
    notice = Notice(
        subject=say("Stopped: the trigger {name}", name=trigger.name),
        text=say(
            "{why} So it was stopped. What is delivered meanwhile is kept. Once the cause is gone, make it live again; "
            "at the server's command line, “trigger replay {name} --kept” then carries out what was kept.",
            why=reason(Code.LOOP, why, language),
            name=trigger.name,
        ),
    )
    await work.unit.add_messages([notices.message(work, to, trigger.organizer, notice, None)], priority=0)
