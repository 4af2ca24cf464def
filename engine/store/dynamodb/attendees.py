"""Attendees and their receipts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import date, datetime

from engine.model.answers import Receipt
from engine.model.base import Value
from engine.model.changes import ChangeKind
from engine.model.people import Attendee, Origin, Partstat
from engine.store.dynamodb.changes import Noting
from engine.store.dynamodb.events import EventQuestions
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.owed import INVITEES, Invitee
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.table import Index
from engine.store.dynamodb.tallies import Counting
from engine.store.dynamodb.touched import PEOPLED
from engine.store.rules import RECEIPTS_MAX, attendee_counters

PLACES = {"attendees": 1, **{f"rsvp.{p.label}": -1 for p in Partstat if not p.holds_place}}
"""The counters whose sum is the number of places taken, each with its sign."""
_KEPT = (
    "partstat",
    "prodid",
    "receipt_sequence",
    "receipt_dtstamp",
    "receipt_arrived",
    "proven",
    "withdrawn",
    "zone",
    "name",
    "fields",
)
"""The fields of an attendee that an answer or a withdrawal changes."""


class KeptReceipt(Value):
    """A receipt with its place in the history."""

    id: str
    receipt: Receipt


class LastZone(Value):
    """The zone of a person's last answer to any event of an organizer."""

    organizer: str
    email: str
    zone: str
    arrived: datetime


class Mailed(Value):
    """When an organizer first invited someone at a domain."""

    organizer: str
    domain: str
    first: datetime


class Places(Value):
    """A counter that changes with every unit that assigns places of an event, so that two such units conflict."""

    event_uid: str
    given: int


PLACES_GIVEN = KindTable[Places]("event", Places, key=lambda one: (one.event_uid, "places"), checked=False)
RECEIPTS = KindTable[KeptReceipt](
    "event", KeptReceipt, key=lambda kept: (kept.receipt.event_uid, "receipt", kept.receipt.email, kept.id)
)
MAILED = KindTable[Mailed]("mailed-domain", Mailed, key=lambda m: (m.organizer, m.domain), checked=False)
ZONES = KindTable[LastZone]("zone", LastZone, key=lambda zone: (zone.organizer, zone.email), checked=False)


class AttendeeQuestions(EventQuestions):
    """Questions about attendees."""

    async def attendee(self, event_uid: str, email: str) -> Attendee | None:
        """The attendee of an event with this address, or None."""
        found = await self.rows.get(INVITEES, event_uid, "attendee", email)
        return found.attendee if found else None

    async def known_attendees(self, event_uid: str, emails: Collection[str]) -> list[Attendee]:
        """Those with these addresses who are attendees of an event, withdrawn or not."""
        return [i.attendee for i in await self.invitees(event_uid, emails)]

    async def attendee_by_token(self, token: str) -> Attendee | None:
        """The attendee with this receipt token, or None."""
        found = await self.items.indexed(Index.TOKEN, token, limit=1) if token else []
        return INVITEES.value(found[0]).attendee if found else None

    async def invitees(self, event_uid: str, emails: Collection[str]) -> list[Invitee]:
        """The attendees of an event with these addresses, with their messages."""
        return await self.rows.many(INVITEES, [(event_uid, "attendee", email) for email in emails])


class Attendees(AttendeeQuestions, Counting, Noting):
    """Changes of attendees in a unit of work."""

    _tokens: frozenset[str] = frozenset()
    """The tokens of attendees that this unit adds; tokens of different units differ only by chance."""

    _placed: frozenset[str] = frozenset()
    """Events whose places were counted for this unit."""

    async def flush(self) -> None:
        await super().flush()
        for uid in self._placed if self.writes else ():
            known = await self.rows.get(PLACES_GIVEN, uid, "places")
            given = known.given + 1 if known else 1
            await self.rows.put(PLACES_GIVEN, Places(event_uid=uid, given=given))
        self._placed = frozenset()

    async def attendee_count(self, event_uid: str) -> int:
        """How many attendees an event had before this unit, by its counter."""
        return (await self.event_tally(event_uid, own=False)).get("attendees", 0)

    async def answers(self, event_uid: str) -> dict[Partstat, int]:
        """How many attendees of an event gave each answer, by its counters."""
        counted = await self.event_tally(event_uid, own=False)
        return {p: counted.get(f"rsvp.{p.label}", 0) for p in Partstat}

    async def limited_invites(self, event_uid: str) -> int:
        """How many attendees counted towards the event's limit of invites."""
        counted = await self.event_tally(event_uid, own=False)
        return sum(counted.get(f"origin.{o}", 0) for o in Origin if o.limited)

    async def places_taken(self, event_uid: str) -> int:
        """How many attendees have a place at the event, including this unit's changes.

        If two units ask and write at the same time, one is run again, since otherwise both would assign the last place.
        """
        await self.rows.get(
            PLACES_GIVEN, event_uid, "places"
        )  # before the counters, which are read as they are then
        self._placed |= {event_uid}
        counted = await self.event_tally(event_uid)
        return sum(sign * counted.get(name, 0) for name, sign in PLACES.items())

    async def add_attendees(self, attendees: Sequence[Attendee]) -> None:
        """Add attendees, all of one event. Known ones stay as they are, but become proven if added as proven."""
        if not attendees:
            return
        uid = attendees[0].event_uid
        known = {i.attendee.email: i for i in await self.invitees(uid, [a.email for a in attendees])}
        for attendee in attendees:
            old = known.get(attendee.email)
            if old and attendee.proven and not old.attendee.proven:
                proven = old.attendee.model_copy(update={"proven": True})
                await self.rows.put(INVITEES, old.model_copy(update={"attendee": proven}))
        new = list({a.email: a for a in reversed(attendees) if a.email not in known}.values())[::-1]
        if len({a.token for a in new} | self._tokens) < len(new) + len(self._tokens):
            raise ValueError("receipt tokens belong to one attendee each")
        self._tokens = self._tokens | {a.token for a in new}
        organizer = await self._organizer(uid)
        await self._look_at_once(new, organizer)
        for attendee in await self._with_zones(new, organizer):
            await self.rows.put(INVITEES, Invitee(attendee=attendee))
        for name, n in Counter(name for a in new for name in attendee_counters(a)).items():
            self.count(uid, organizer, name, n)
        if new:
            await self.say_peopled(organizer, uid)
        await self._note_domains(new, organizer)

    async def _look_at_once(self, new: Sequence[Attendee], organizer: str) -> None:
        """Read in one request what is checked later for each new attendee."""
        zones = [ZONES.at(organizer, a.email) for a in new if not a.zone]
        domains = [MAILED.at(organizer, _domain(a)) for a in new]
        peopled = [PEOPLED.at(organizer, a.event_uid) for a in new]
        await self.items.get_many([*zones, *domains, *peopled])

    async def _note_domains(self, attendees: Sequence[Attendee], organizer: str) -> None:
        """Record at which domains the organizer has invited people, and since when."""
        first: dict[str, datetime] = {}
        for a in attendees:
            domain = _domain(a)
            first[domain] = min(first.get(domain, a.created), a.created)
        known = {m.domain: m for m in await self.rows.many(MAILED, [(organizer, one) for one in first])}
        for domain, at in first.items():
            if domain not in known or at < known[domain].first:
                await self.rows.put(MAILED, Mailed(organizer=organizer, domain=domain, first=at))

    async def _with_zones(self, attendees: Sequence[Attendee], organizer: str) -> list[Attendee]:
        """The attendees, each with the zone of their last answer to any event of this organizer."""
        found = await self.rows.many(ZONES, [(organizer, a.email) for a in attendees if not a.zone])
        known = {zone.email: zone.zone for zone in found}
        return [
            a.model_copy(update={"zone": known[a.email]}) if not a.zone and a.email in known else a
            for a in attendees
        ]

    async def _organizer(self, event_uid: str) -> str:
        found = await self.event(event_uid)
        assert found is not None, "attendees belong to an event"
        return found.organizer

    async def change_attendee(self, old: Attendee, new: Attendee) -> None:
        """Store an answer, a withdrawal or personal values, and move the counters from the old state."""
        known = await self.rows.get(INVITEES, new.event_uid, "attendee", new.email)
        assert known is not None, "who is changed is an attendee"
        changed = known.attendee.model_copy(update={name: getattr(new, name) for name in _KEPT})
        await self.rows.put(INVITEES, known.model_copy(update={"attendee": changed}))
        organizer = await self._organizer(new.event_uid)
        for name in attendee_counters(old):
            self.count(new.event_uid, organizer, name, -1)
        for name in attendee_counters(new):
            self.count(new.event_uid, organizer, name)
        if new.withdrawn and not old.withdrawn:
            counted = await self.event_tally(new.event_uid)
            if not counted.get("attendees", 0):
                await self.say_empty(organizer, new.event_uid)
        if new.zone and new.receipt_arrived and new.zone != old.zone:
            await self._note_zone(organizer, new, new.receipt_arrived)

    async def _note_zone(self, organizer: str, attendee: Attendee, arrived: datetime) -> None:
        known = await self.rows.get(ZONES, organizer, attendee.email)
        if known is None or known.arrived <= arrived:
            zone = LastZone(organizer=organizer, email=attendee.email, zone=attendee.zone, arrived=arrived)
            await self.rows.put(ZONES, zone)

    async def lacking(self, event_uid: str, field: str) -> int:
        """How many invited attendees have no value for this personal field."""
        found = 0
        async for invitee in self.rows.each_under(INVITEES, event_uid, "attendee"):
            a = invitee.attendee
            counts = a.origin is not Origin.SHARED and a.withdrawn is None
            found += counts and not (a.name if field == "name" else a.fields.get(field))
        return found

    async def invited(self, event_uid: str, emails: Collection[str]) -> set[str]:
        """Those of `emails` who got the invite, will get it, or are proven without one."""
        return {i.attendee.email for i in await self.invitees(event_uid, emails) if _invited(i)}

    async def counted_receipt(
        self, event_uid: str, email: str, recurrence_id: date | datetime | None = None
    ) -> Receipt | None:
        """The last answer of an attendee that counted, for the whole event or for one instance."""
        found = await self.rows.under(
            RECEIPTS, event_uid, "receipt", email, limit=RECEIPTS_MAX, backwards=True
        )
        given = (kept.receipt for kept in found)
        return next((one for one in given if one.counted and one.recurrence_id == recurrence_id), None)

    async def record_receipt(self, receipt: Receipt) -> None:
        """Store an answer in the history, whether it counts or not."""
        await self.rows.put(RECEIPTS, KeptReceipt(id=new_id(), receipt=receipt))
        self.note(
            ChangeKind.RECEIPT,
            at=receipt.arrived,
            organizer=await self._organizer(receipt.event_uid),
            event_uid=receipt.event_uid,
            email=receipt.email,
            sequence=receipt.sequence,
            status=receipt.partstat.label,
            code=receipt.code,
            words=receipt.comment,
            chain=await self.chain_of(receipt.event_uid, receipt.email, receipt.arrived),
        )

    async def note_complaint(
        self, email: str, organizer: str, event_uid: str | None, words: str, now: datetime
    ) -> None:
        """Log that a person reported mail of an organizer as spam."""
        self.note(
            ChangeKind.COMPLAINT, at=now, organizer=organizer, event_uid=event_uid, email=email, words=words
        )


def _invited(invitee: Invitee) -> bool:
    a = invitee.attendee
    came = a.origin is Origin.SHARED and a.proven and a.withdrawn is None
    return a.withdrawn is not None or came or any(not m.ended for m in invitee.messages)


def _domain(attendee: Attendee) -> str:
    return attendee.email.rpartition("@")[2]
