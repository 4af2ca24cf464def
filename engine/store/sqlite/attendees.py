"""Attendees, their receipts, and addresses that must not be mailed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

from engine.model.answers import Receipt
from engine.model.forgetting import target
from engine.model.people import Attendee, Origin, Partstat
from engine.refusals import Code
from engine.store.rules import RECEIPTS_MAX, attendee_counters
from engine.store.sqlite import changes, rows
from engine.store.sqlite.session import IN_LIST, Session, as_list, in_list_if, values_if
from engine.store.sqlite.suppressions import ANY_DOMAIN, by_domain

_ANY = "''"
_COMPLAINT_COUNTS = (
    "ON CONFLICT DO UPDATE SET reason = excluded.reason "
    "WHERE excluded.reason GLOB 'complained*' AND reason <> '' AND reason NOT GLOB 'complained*'"
)
"""A complaint takes the place of every cause but the person's own wish; nothing else replaces an entry."""
_ANYBODY = "SELECT 1 FROM attendee WHERE event_uid = ?"
_SUPPRESSED, _BLOCKED = "SELECT 1 FROM suppression", "SELECT 1 FROM block WHERE organizer = ?"
PLACES = {"attendees": 1, **{f"rsvp.{p.label}": -1 for p in Partstat if not p.holds_place}}
"""The counters whose sum is the number of places taken, each with its sign."""


class Attendees(Session):
    """The part of a unit of work for attendees."""

    async def attendee(self, event_uid: str, email: str) -> Attendee | None:
        row = await self.one(
            f"SELECT {rows.ATTENDEE} FROM attendee WHERE event_uid = ? AND email = ?", [event_uid, email]
        )
        return rows.attendee(row) if row else None

    async def known_attendees(self, event_uid: str, emails: Collection[str]) -> list[Attendee]:
        found = await self.all(
            f"SELECT {rows.ATTENDEE} FROM attendee WHERE event_uid = ? AND email {in_list_if(_ANYBODY)}",
            [event_uid, event_uid, as_list(emails)],
        )
        return [rows.attendee(row) for row in found]

    async def attendee_by_token(self, token: str) -> Attendee | None:
        row = await self.one(f"SELECT {rows.ATTENDEE} FROM attendee WHERE token = ?", [token])
        return rows.attendee(row) if row else None

    async def attendee_count(self, event_uid: str) -> int:
        sql = "SELECT n FROM tally WHERE scope = 'event' AND key = ? AND name = 'attendees'"
        row = await self.one(sql, [event_uid])
        return int(row["n"]) if row else 0

    async def answers(self, event_uid: str) -> dict[Partstat, int]:
        """How many attendees of an event gave each answer, by its counters."""
        found = await self.all(
            "SELECT name, n FROM tally WHERE scope = 'event' AND key = ? AND name LIKE 'rsvp.%'", [event_uid]
        )
        counted = {row["name"]: int(row["n"]) for row in found}
        return {p: counted.get(f"rsvp.{p.label}", 0) for p in Partstat}

    async def limited_invites(self, event_uid: str) -> int:
        names = as_list([f"origin.{o}" for o in Origin if o.limited])
        row = await self.one(
            f"SELECT coalesce(sum(n), 0) AS n FROM tally WHERE scope = 'event' AND key = ? AND name {IN_LIST}",
            [event_uid, names],
        )
        return int(row["n"]) if row else 0

    async def places_taken(self, event_uid: str) -> int:
        found = await self.all(
            f"SELECT name, n FROM tally WHERE scope = 'event' AND key = ? AND name {IN_LIST}",
            [event_uid, as_list(PLACES)],
        )
        moved = self.tally.changes
        counted = {row["name"]: int(row["n"]) for row in found}
        return sum(
            sign * (counted.get(name, 0) + moved["event", event_uid, name]) for name, sign in PLACES.items()
        )

    async def add_attendees(self, attendees: Sequence[Attendee]) -> None:
        """Add attendees, all of one event; existing ones stay unchanged.

        Attendees added as proven, as invited ones are, receive changes from then on, even if they existed before.
        """
        attendees = await self._new(attendees)
        if not attendees:
            return
        event_uid = attendees[0].event_uid
        organizer = await self._organizer(event_uid)
        attendees = await self._with_zones(attendees, organizer)
        await self.insert("attendee", rows.ATTENDEE_COLUMNS, [rows.attendee_values(a) for a in attendees])
        alike: dict[tuple[object, ...], list[Attendee]] = {}
        for a in attendees:
            alike.setdefault((a.partstat, a.origin, a.prodid, a.withdrawn), []).append(a)
        for same in alike.values():
            for name in attendee_counters(same[0]):
                self.tally.add(event_uid, organizer, name, len(same))

    async def _new(self, attendees: Sequence[Attendee]) -> list[Attendee]:
        """The attendees that are not stored yet; stored ones become proven if they are proven now."""
        if not attendees:
            return []
        held = await self.all(
            f"SELECT email, proven FROM attendee WHERE event_uid = ? AND email {IN_LIST}",
            [attendees[0].event_uid, as_list([a.email for a in attendees])],
        )
        known = {row["email"]: row["proven"] for row in held}
        await self._prove([a for a in attendees if a.proven and not known.get(a.email, 1)])
        return [a for a in attendees if a.email not in known]

    async def _prove(self, attendees: Sequence[Attendee]) -> None:
        if attendees:
            await self.run(
                f"UPDATE attendee SET proven = 1 WHERE event_uid = ? AND email {IN_LIST}",
                [attendees[0].event_uid, as_list([a.email for a in attendees])],
            )

    async def _with_zones(self, attendees: Sequence[Attendee], organizer: str) -> list[Attendee]:
        """The attendees, each with the zone of their last answer to any event of this organizer."""
        found = await self.all(
            "SELECT a.email, a.zone FROM attendee a JOIN event e ON e.uid = a.event_uid "
            f"WHERE a.email {IN_LIST} AND a.zone <> '' AND e.organizer = ? ORDER BY a.receipt_arrived",
            [as_list([a.email for a in attendees]), organizer],
        )
        known = {row["email"]: row["zone"] for row in found}
        return [
            a.model_copy(update={"zone": known[a.email]}) if a.email in known and not a.zone else a
            for a in attendees
        ]

    async def lacking(self, event_uid: str, field: str) -> int:
        """How many invited attendees have no value for a personal field."""
        value = "nullif(name, '')" if field == "name" else "nullif(json_extract(fields, ?), '')"
        path = [] if field == "name" else [f'$."{field}"']
        row = await self.one(
            "SELECT count(*) AS n FROM attendee WHERE event_uid = ? AND origin <> 'shared' AND withdrawn IS NULL "
            f"AND {value} IS NULL",
            [event_uid, *path],
        )
        return int(row["n"]) if row else 0

    async def change_attendee(self, old: Attendee, new: Attendee) -> None:
        """Store an answer, a withdrawal or personal values, and move the counters from the old state."""
        found = await self.all(
            "UPDATE attendee SET partstat = ?, prodid = ?, receipt_sequence = ?, receipt_dtstamp = ?, "
            "receipt_arrived = ?, proven = ?, withdrawn = ?, zone = ?, name = ?, fields = ? "
            "WHERE event_uid = ? AND email = ? "
            "RETURNING (SELECT organizer FROM event WHERE uid = event_uid) AS organizer",
            [
                new.partstat.value,
                new.prodid,
                new.receipt_sequence,
                rows.seconds(new.receipt_dtstamp),
                rows.seconds(new.receipt_arrived),
                int(new.proven),
                rows.seconds(new.withdrawn),
                new.zone,
                new.name,
                rows.personal(new.fields),
                new.event_uid,
                new.email,
            ],
        )
        self.writes += len(found)
        organizer = found[0]["organizer"] if found else await self._organizer(new.event_uid)
        for name in attendee_counters(old):
            self.tally.add(new.event_uid, organizer, name, -1)
        for name in attendee_counters(new):
            self.tally.add(new.event_uid, organizer, name)

    async def _organizer(self, event_uid: str) -> str:
        row = await self.one("SELECT organizer FROM event WHERE uid = ?", [event_uid])
        assert row is not None, "attendees belong to an event"
        return str(row["organizer"])

    async def invited(self, event_uid: str, emails: Collection[str]) -> set[str]:
        """Those of `emails` who got the invite, will get it, or are proven without one."""
        found = await self.all(
            f"SELECT email FROM attendee a WHERE event_uid = ? AND email {in_list_if(_ANYBODY)} "
            "AND (withdrawn IS NOT NULL OR origin = 'shared' AND proven = 1 OR EXISTS (SELECT 1 FROM message m "
            "WHERE m.event_uid = a.event_uid AND m.email = a.email "
            "AND m.method IS NOT NULL AND (m.state NOT IN ('failed','withdrawn') OR m.in_doubt = 1)))",
            [event_uid, event_uid, as_list(emails)],
        )
        return {row["email"] for row in found}

    async def record_receipt(self, receipt: Receipt) -> None:
        await self.run(
            "INSERT INTO receipt(event_uid, email, arrived, counted, body) VALUES (?,?,?,?,?)",
            [
                receipt.event_uid,
                receipt.email,
                receipt.arrived.timestamp(),
                int(receipt.counted),
                receipt.model_dump_json(),
            ],
        )
        await changes.note_receipt(self, receipt)

    async def counted_receipt(
        self, event_uid: str, email: str, recurrence_id: date | datetime | None = None
    ) -> Receipt | None:
        """The last answer of an attendee that counted, for the whole event or for one instance."""
        found = await self.all(
            "SELECT body FROM receipt WHERE event_uid = ? AND email = ? AND counted = 1 ORDER BY id DESC LIMIT ?",
            [event_uid, email, RECEIPTS_MAX],
        )
        given = (Receipt.model_validate_json(row["body"]) for row in found)
        return next((one for one in given if one.recurrence_id == recurrence_id), None)

    async def note_complaint(
        self, email: str, organizer: str, event_uid: str | None, words: str, now: datetime
    ) -> None:
        await changes.note_complaint(self, email, organizer, event_uid, words, now.timestamp())

    async def note_automatic_reply(
        self, event_uid: str, email: str, words: str, now: datetime, most: int
    ) -> bool:
        return await changes.note_automatic_reply(self, event_uid, email, words, now.timestamp(), most)

    async def barred(self, organizer: str, emails: Collection[str]) -> dict[str, Code]:
        """Those of `emails` that `organizer` must not mail, and why."""
        hashed = await self.hashed(emails)
        listed = as_list([*emails, *hashed])
        suppressed = await self.all(
            f"SELECT email FROM suppression WHERE email {in_list_if(_SUPPRESSED)}", [listed]
        )
        blocked = await self.all(
            f"SELECT email, reason FROM block WHERE organizer = ? AND email {in_list_if(_BLOCKED)}",
            [organizer, organizer, listed],
        )
        domains = await self.all(
            f"SELECT value AS email FROM {values_if(ANY_DOMAIN)} WHERE {by_domain('value', _ANY)} "
            f"OR {by_domain('value', '?')}",
            [listed, organizer],
        )
        found = {row["email"]: Code.ADDRESS_SUPPRESSED for row in (*suppressed, *blocked, *domains)}
        found |= {row["email"]: Code.ATTENDEE_BLOCKED for row in blocked if not row["reason"]}
        return {hashed.get(email, email): code for email, code in found.items()}

    async def hashed(self, emails: Collection[str]) -> dict[str, str]:
        """The addresses by the hashes that the do-not-mail list keeps of forgotten ones; empty without any."""
        row = await self.one("SELECT key FROM forgetting_key")
        return {target(email, row["key"]): email for email in emails} if row else {}

    async def block(self, email: str, organizer: str, now: datetime) -> None:
        """Record that a person wants no more mail from one organizer."""
        changed = await self.run(
            "INSERT INTO block(email, organizer, at) VALUES (?,?,?) ON CONFLICT DO UPDATE SET reason = '' "
            "WHERE reason <> ''",
            [email, organizer, now.timestamp()],
        )
        if changed:
            await changes.note_unsubscribed(self, email, organizer, now.timestamp())

    async def suppress_for(self, email: str, organizer: str, reason: str, now: datetime) -> None:
        """Record that mail from one organizer to `email` bounced, or a complaint; an earlier unsubscription is kept."""
        await self.run(
            f"INSERT INTO block(email, organizer, at, reason) VALUES (?,?,?,?) {_COMPLAINT_COUNTS}",
            [email, organizer, now.timestamp(), reason or "bounced"],
        )

    async def suppress(self, email: str, reason: str, now: datetime) -> None:
        """Record that `email` accepts no mail from any organizer."""
        await self.run(
            f"INSERT INTO suppression(email, reason, at) VALUES (?,?,?) {_COMPLAINT_COUNTS}",
            [email, reason or "bounced", now.timestamp()],
        )
