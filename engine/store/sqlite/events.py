"""Events and their organizers."""

from __future__ import annotations

from datetime import datetime

from engine.model.events import Event, EventStatus
from engine.store.sqlite import changes, rows
from engine.store.sqlite.revisions import Revisions
from engine.store.sqlite.search_index import SearchIndex

NAMED = (
    "uid = ?1 OR (short_id = ?1 AND short_id <> '') "
    "OR uid IN (SELECT uid FROM remembered WHERE actor = ?3 AND key = ?2)"
)
"""The condition for events that a name, in lower case and as given, can mean for an actor's address."""


class Events(SearchIndex, Revisions):
    """The part of a unit of work for events."""

    async def event(self, uid: str) -> Event | None:
        row = await self.one("SELECT body FROM event WHERE uid = ?", [uid])
        return rows.event(row) if row else None

    async def events_named(self, name: str, actor: str) -> list[Event]:
        found = await self.all(f"SELECT body FROM event WHERE {NAMED}", [name.lower(), name, actor])
        return [rows.event(row) for row in found]

    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None:
        row = await self.one(
            "SELECT body FROM event WHERE organizer = ? AND source_uid = ?", [organizer, source_uid]
        )
        return rows.event(row) if row else None

    async def single_dates(self, organizer: str, source_uid: str, limit: int) -> list[Event]:
        """The events, not cancelled, whose UID in the organizer's calendar is this one, a space and a date."""
        found = await self.all(
            "SELECT body FROM event WHERE organizer = ? AND source_uid > ? AND source_uid < ? "
            "AND status <> ? ORDER BY source_uid LIMIT ?",
            [organizer, f"{source_uid} ", f"{source_uid}!", EventStatus.CANCELLED.value, limit],
        )
        return [rows.event(row) for row in found]

    async def add_event(self, event: Event) -> None:
        await self.run(
            "INSERT INTO event(uid, short_id, organizer, source_uid, key, status, sequence, starts, ends, body) "
            "VALUES (?,?,?,?,?,?,?,?,?,?)",
            [event.uid, event.id, event.organizer, event.source_uid, event.key, *_changing(event)],
        )
        await self.make_findable(event, None)
        await changes.note_event(self, event, None)

    async def save_event(self, event: Event) -> None:
        before = await self.one("SELECT body FROM event WHERE uid = ?", [event.uid])
        await self.run(
            "UPDATE event SET status = ?, sequence = ?, starts = ?, ends = ?, body = ? WHERE uid = ?",
            [*_changing(event), event.uid],
        )
        old = rows.event(before) if before else None
        if before and old and old.sequence < event.sequence:
            await self.keep_revision(old, before["body"])
        await self.make_findable(event, old)
        await changes.note_event(self, event, old)

    async def ensure_organizer(self, address: str, name: str, now: datetime) -> None:
        await self.run(
            "INSERT INTO organizer(address, name, created) VALUES (?,?,?) "
            "ON CONFLICT DO UPDATE SET name = excluded.name WHERE excluded.name <> '' AND named = 0",
            [address, name, now.timestamp()],
        )

    async def suspended(self, organizer: str) -> bool:
        row = await self.one("SELECT suspended FROM organizer WHERE address = ?", [organizer])
        return bool(row and row["suspended"])

    async def registered(self, organizer: str) -> bool:
        row = await self.one("SELECT registered FROM organizer WHERE address = ?", [organizer])
        return row is not None and row["registered"] is not None

    async def register(self, organizer: str, now: datetime) -> None:
        await self.run(
            "UPDATE organizer SET registered = ? WHERE address = ? AND registered IS NULL",
            [now.timestamp(), organizer],
        )

    async def set_suspended(self, organizer: str, *, suspended: bool) -> None:
        await self.run("UPDATE organizer SET suspended = ? WHERE address = ?", [int(suspended), organizer])


def _changing(event: Event) -> list[object]:
    return [
        event.status.value,
        event.sequence,
        event.span.start_utc.timestamp(),
        rows.seconds(event.ends_at),
        event.model_dump_json(),
    ]
