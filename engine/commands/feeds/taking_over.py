"""Import the data of another Calendar Invite Server: no one is mailed, and what is already known stays.

What is newer over there replaces what came from there before; what was changed here since stays.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic import Field

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.commands.invites.invites import invite_message, new_attendee
from engine.commands.operators.operators import may_administer
from engine.commands.operators.registration import register
from engine.commands.randomness import short_id
from engine.itip import zones
from engine.model.base import Value
from engine.model.events import Event, EventStatus
from engine.model.people import Attendee, Origin, Partstat
from engine.model.suppressions import Suppression
from engine.model.times import Span
from engine.refusals import Code, Refused

ATTENDEES_MAX = 200
"""Of one unit of work."""
_UID_MAX = 255
_SHORT_TRIES = 20


class TakenEvent(Value):
    """An event as the other server has it; moments in UTC."""

    uid: str
    organizer: str
    organizer_name: str = ""
    summary: str
    location: str = ""
    description: str = ""
    start: datetime
    end: datetime
    created: datetime
    modified: datetime
    sequence: int = 0
    cancelled: bool = False
    source_uid: str = ""


class TakenAttendee(Value):
    """An attendee as the other server has it; `answered`: when they last answered."""

    event_uid: str
    email: str
    name: str = ""
    partstat: Partstat = Partstat.NEEDS_ACTION
    origin: Origin = Origin.API
    prodid: str = ""
    created: datetime | None = None
    answered: datetime | None = None


class TakenBlock(Value):
    """A person who takes no mail of an organizer."""

    email: str
    organizer: str


class TakenOrganizer(Value):
    """An organizer; `lists`: with the right to send to lists."""

    address: str
    suspended: bool = False
    lists: bool = False


class TakenDone(Done):
    """How many were new, newer than before, or known already; `problems`: what was left out, and why."""

    new: int = 0
    newer: int = 0
    known: int = 0
    problems: tuple[str, ...] = ()


class TakeOverEvent(Command[TakenDone]):
    """Take over one event with its own uid, so that answers to old invites find it."""

    event: TakenEvent
    timezone: str = "UTC"

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return self.event.uid

    async def carry_out(self, work: Work) -> TakenDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS, INVALID_ARGUMENT, TOO_LARGE, UNKNOWN_TIMEZONE."""
        may_administer(work.actor)
        known = await work.unit.event(self.event.uid)
        if known is None:
            made = await self._made(work)
            await work.unit.ensure_organizer(made.organizer, made.organizer_name, work.now)
            await work.unit.add_event(made)
            return TakenDone(new=1)
        if self.event.sequence <= known.sequence:
            return TakenDone(known=1)
        await work.unit.save_event(known.model_copy(update={**self._values(known.dtstamp), "earlier": ()}))
        return TakenDone(newer=1)

    async def _made(self, work: Work) -> Event:
        given = self.event
        if not given.uid or len(given.uid) > _UID_MAX or not given.uid.isprintable():
            raise Refused(Code.INVALID_ARGUMENT, "The event has no uid that can be kept.")
        organizer = text.address(given.organizer)
        source = given.source_uid if len(given.source_uid) <= _UID_MAX else ""
        taken = source and await work.unit.event_by_source(organizer, source)
        return Event(
            uid=given.uid,
            id=await _free(work),
            organizer=organizer,
            created=given.created,
            source_uid=None if taken or not source else source,
            verbatim=True,
            **self._values(None),
        )

    def _values(self, before: datetime | None) -> dict[str, object]:
        """What a revision may change; its DTSTAMP is later than the one before."""
        given = self.event
        end = given.end if given.end > given.start else given.start + timedelta(minutes=1)
        span = Span(start=given.start, end=end, timezone=zones.require(self.timezone))
        dtstamp = given.modified.astimezone(UTC).replace(microsecond=0)
        if before and dtstamp <= before:
            dtstamp = before + timedelta(seconds=1)
        return {
            "organizer_name": text.name(given.organizer_name),
            "summary": text.summary(given.summary),
            "location": text.bounded(given.location, "location", text.LOCATION_MAX),
            "description": text.bounded(given.description, "description", text.DESCRIPTION_MAX),
            "span": span,
            "ends_at": span.end_utc,
            "sequence": given.sequence,
            "dtstamp": dtstamp,
            "last_modified": dtstamp,
            "status": EventStatus.CANCELLED if given.cancelled else EventStatus.CONFIRMED,
        }


async def _free(work: Work) -> str:
    for _ in range(_SHORT_TRIES):
        short = short_id(work.randomness)
        if not await work.unit.events_named(short, ""):
            return short
    raise AssertionError("no short name is free")


class TakeOverAttendees(Command[TakenDone]):
    """Take over attendees of one event: their invites count as sent, and their answers as counted."""

    event_uid: str
    attendees: tuple[TakenAttendee, ...] = Field(max_length=ATTENDEES_MAX)

    def subject(self) -> str:
        """What the record names it by, without secrets."""
        return self.event_uid

    async def carry_out(self, work: Work) -> TakenDone:
        """Raises Refused: NOT_ALLOWED."""
        may_administer(work.actor)
        event = await work.unit.event(self.event_uid)
        if event is None:
            why = f"event {self.event_uid[:60]} is not there: {len(self.attendees)} attendees"
            return TakenDone(problems=(why,))
        given, problems = _readable(self.attendees)
        new, newer = [], 0
        for email, one in given.items():
            before = await work.unit.attendee(event.uid, email)
            if before is None:
                new.append(_attendee(work, event, email, one))
            elif _is_newer(one, before):
                await work.unit.change_attendee(before, before.model_copy(update=_answer(one)))
                newer += 1
        await self._add(work, event, new)
        return TakenDone(
            new=len(new), newer=newer, known=len(given) - len(new) - newer, problems=tuple(problems)
        )

    async def _add(self, work: Work, event: Event, new: list[Attendee]) -> None:
        """Whoever was invited has the event, and so hears of changes; who merely answered had no mail."""
        await work.unit.add_attendees(new)
        invited = [one for one in new if one.origin is not Origin.SHARED]
        messages = [
            invite_message(work, event, one).model_copy(
                update={"key": "", "created": one.created, "due": one.created}
            )
            for one in invited
        ]
        await work.unit.add_sent(messages, work.now)


def _readable(attendees: tuple[TakenAttendee, ...]) -> tuple[dict[str, TakenAttendee], list[str]]:
    found: dict[str, TakenAttendee] = {}
    problems = []
    for one in attendees:
        try:
            found.setdefault(text.address(one.email), one)
        except Refused as refused:
            problems.append(f"an attendee of {one.event_uid[:60]}: {refused.code}")
    return found, problems


def _attendee(work: Work, event: Event, email: str, one: TakenAttendee) -> Attendee:
    name = one.name if one.name != "customer" else ""
    made = new_attendee(work, event, email, text.name(name[: text.NAME_MAX]), one.origin, {})
    return made.model_copy(update={**_answer(one), "created": one.created or event.created})


def _answer(one: TakenAttendee) -> dict[str, object]:
    """What was answered; the revision that it was for is not known there, so that any later answer counts."""
    if one.partstat is Partstat.NEEDS_ACTION:
        return {}
    at = one.answered or one.created
    return {
        "partstat": one.partstat,
        "prodid": one.prodid,
        "receipt_sequence": 0,
        "receipt_dtstamp": at,
        "receipt_arrived": at,
    }


def _is_newer(one: TakenAttendee, before: Attendee) -> bool:
    """True for an answer that was given over there after the one that is known here."""
    if one.partstat in {Partstat.NEEDS_ACTION, before.partstat} or before.withdrawn is not None:
        return False
    at, known = one.answered or one.created, before.receipt_dtstamp
    return known is None or (at is not None and at > known)


class TakeOverOrganizers(Command[TakenDone]):
    """Take over organizers with their rights, and who takes no mail of them."""

    organizers: tuple[TakenOrganizer, ...] = Field((), max_length=ATTENDEES_MAX)
    blocks: tuple[TakenBlock, ...] = Field((), max_length=ATTENDEES_MAX)

    async def carry_out(self, work: Work) -> TakenDone:
        """Raises Refused: NOT_ALLOWED."""
        may_administer(work.actor)
        new, problems = 0, list[str]()
        for one in self.organizers:
            try:
                new += await _take_organizer(work, one)
            except Refused as refused:
                problems.append(f"an organizer: {refused.code}")
        entries, wrong = _entries(self.blocks, work.now)
        new += await work.unit.add_suppressions(entries)
        known = len(self.organizers) + len(self.blocks) - new - len(problems) - len(wrong)
        return TakenDone(new=new, known=known, problems=(*problems, *wrong))


async def _take_organizer(work: Work, one: TakenOrganizer) -> bool:
    """True for one who is new; for others what was settled here stays."""
    address = text.address(one.address)
    if await work.unit.registered(address):
        return False
    await register(work, address)
    profile = await work.unit.organizer_profile(address)
    assert profile is not None, "it was registered"
    await work.unit.save_organizer(profile.model_copy(update={"lists": one.lists}))
    if one.suspended:
        await work.unit.set_suspended(address, suspended=True)
    return True


def _entries(blocks: tuple[TakenBlock, ...], now: datetime) -> tuple[list[Suppression], list[str]]:
    entries, problems = [], []
    for block in blocks:
        try:
            target, organizer = text.address(block.email), text.address(block.organizer)
        except Refused as refused:
            problems.append(f"a block: {refused.code}")
        else:
            entries.append(Suppression(target=target, organizer=organizer, reason="", at=now))
    return entries, problems
