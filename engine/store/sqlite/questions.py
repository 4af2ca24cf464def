"""Questions to the store, which read committed data on a connection of their own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime

from engine.model import cursors
from engine.model.answers import Receipt
from engine.model.campaigns import Campaign
from engine.model.counters import Intake, Statistics
from engine.model.events import Event
from engine.model.keys import Key
from engine.model.messages import Attempt, History, Message, MessageState
from engine.model.people import Attendee
from engine.model.queries import AttendeePage, AttendeeQuery
from engine.store.sqlite import rows
from engine.store.sqlite.counters import counted, summed
from engine.store.sqlite.events import NAMED
from engine.store.sqlite.groups import Groups
from engine.store.sqlite.session import IN_LIST, as_list, as_numbers
from engine.store.sqlite.states import SEEN

_PAGE = 1_000
_NAMED = (
    "EXISTS (SELECT 1 FROM (SELECT ? AS words) WHERE email = words OR substr(email, instr(email, '@')) = words "
    "OR instr(lower(name), words) > 0)"
)
_HISTORY_MAX = 500


class Questions(Groups):
    """All questions, which change nothing."""

    async def event(self, uid: str) -> Event | None:
        row = await self.one("SELECT body FROM event WHERE uid = ?", [uid])
        return rows.event(row) if row else None

    async def events_with_statistics(self, name: str, actor: str) -> list[tuple[Event, Statistics]]:
        """The events that a name can mean, with their counters, in one query."""
        found = await self.all(
            "SELECT body, (SELECT json_group_array(json_array(name, n)) FROM "
            f"({counted('event', 'event.uid')})) AS counters FROM event WHERE {NAMED}",
            [name.lower(), name, actor],
        )
        return [
            (rows.event(row), rows.statistics(summed(json.loads(row["counters"])).items())) for row in found
        ]

    async def message_by_message_id(self, message_id: str) -> Message | None:
        row = await self.one(f"SELECT {rows.MESSAGE} FROM message WHERE message_id = ?", [message_id])
        return rows.message(row) if row else None

    async def statistics(self, scope: str, key: str) -> Statistics:
        found = await self.all(counted(scope, "?1"), [key])
        return rows.statistics(summed((row["name"], row["n"]) for row in found).items())

    async def attendees(self, query: AttendeeQuery) -> AttendeePage:
        """Attendees of an event in the order in which they were invited, or in which they answered."""
        place = "receipt_arrived" if query.by_answer else "id"
        after: list[object] = list(cursors.opened(query.cursor, float, int) if query.cursor else (0.0, 0))
        where = ["event_uid = ?", "withdrawn IS NULL", f"({place}, id) > (?, ?)"]
        values: list[object] = [query.uid, *after]
        for condition, value in (
            ("partstat = ?", query.status.value if query.status else None),
            ("substr(email, instr(email, '@') + 1) = ?", query.domain or None),
            ("receipt_arrived >= ?", rows.seconds(query.answered_since)),
            (_NAMED, query.words.lower() or None),
        ):
            if value is not None:
                where.append(condition)
                values.append(value)
        found = await self.all(
            f"SELECT {rows.ATTENDEE} FROM attendee WHERE {' AND '.join(where)} ORDER BY {place}, id LIMIT ?",
            [*values, query.limit + 1],
        )
        page = found[: query.limit]
        last = page[-1] if len(found) > query.limit else None
        cursor = cursors.written(float(last[place]), last["id"]) if last else None
        return AttendeePage.model_validate(
            {
                "uid": query.uid,
                "attendees": [rows.attendee_fields(row) for row in page],
                "next_cursor": cursor,
            }
        )

    async def history(self, event_uid: str, email: str) -> list[History]:
        """The newest messages to one attendee of an event, oldest first, with attempts that settled nothing."""
        found = await self.all(
            f"SELECT * FROM (SELECT {rows.MESSAGE} FROM message "
            "WHERE event_uid = ? AND email = ? AND method IS NOT NULL "
            "ORDER BY id DESC LIMIT ?) "
            "ORDER BY id",
            [event_uid, email, _HISTORY_MAX],
        )
        tries = await self._attempts([row["id"] for row in found])
        return [History(message=rows.message(row), attempts=tuple(tries[row["id"]])) for row in found]

    async def _attempts(self, messages: Sequence[int]) -> dict[int, list[Attempt]]:
        """The attempts of each message, oldest first."""
        tries: dict[int, list[Attempt]] = {message: [] for message in messages}
        found = await self.all(
            f"SELECT * FROM attempt WHERE message {IN_LIST} ORDER BY message, n", [as_numbers(messages)]
        )
        for r in found:
            tries[r["message"]].append(
                Attempt(
                    at=rows.at(r["at"]), state=MessageState(r["state"]), code=r["code"], answer=r["answer"]
                )
            )
        return tries

    async def receipts(self, event_uid: str, email: str) -> list[Receipt]:
        """The newest receipts of one attendee of an event, oldest first."""
        found = await self.all(
            "SELECT body FROM (SELECT id, body FROM receipt WHERE event_uid = ? AND email = ? "
            "ORDER BY id DESC LIMIT ?) ORDER BY id",
            [event_uid, email, _HISTORY_MAX],
        )
        return [Receipt.model_validate_json(row["body"]) for row in found]

    async def attendee(self, event_uid: str, email: str) -> Attendee | None:
        row = await self.one(
            f"SELECT {rows.ATTENDEE} FROM attendee WHERE event_uid = ? AND email = ?", [event_uid, email]
        )
        return rows.attendee(row) if row else None

    async def every_attendee(self, uid: str) -> AsyncIterator[Attendee]:
        """All attendees of an event, read in pages to bound memory."""
        after = 0
        while True:
            page = await self.all(
                f"SELECT {rows.ATTENDEE} FROM attendee WHERE event_uid = ? AND id > ? AND withdrawn IS NULL "
                "ORDER BY id LIMIT ?",
                [uid, after, _PAGE],
            )
            for row in page:
                yield rows.attendee(row)
            if len(page) < _PAGE:
                return
            after = page[-1]["id"]

    async def campaigns(
        self, organizer: str | None, limit: int, before: tuple[datetime, str] | None = None
    ) -> list[Campaign]:
        where: list[str] = []
        values: list[object] = []
        if organizer:
            where.append("organizer = ?")
            values.append(organizer)
        if before:
            where.append("(created, id) < (?, ?)")
            values += [before[0].timestamp(), before[1]]
        found = await self.all(
            f"SELECT body FROM campaign WHERE {' AND '.join([SEEN, *where])} ORDER BY created DESC, id DESC LIMIT ?",
            [*values, limit],
        )
        return [rows.campaign(row) for row in found]

    async def failures(self, campaign_id: str, limit: int) -> list[Message]:
        found = await self.all(
            f"SELECT {rows.MESSAGE} FROM message WHERE campaign_id = ? AND state = 'failed' ORDER BY id LIMIT ?",
            [campaign_id, limit],
        )
        return [rows.message(row) for row in found]

    async def key_by_digest(self, digest: str) -> Key | None:
        row = await self.one("SELECT body FROM access_key WHERE digest = ?", [digest])
        return Key.model_validate_json(row["body"]) if row else None

    async def keys(self) -> list[Key]:
        return [
            Key.model_validate_json(row["body"])
            for row in await self.all("SELECT body FROM access_key ORDER BY rowid")
        ]

    async def noted(self, intake_prefix: str) -> bool:
        """True if an outcome is stored for a mail or a part of it."""
        row = await self.one(
            "SELECT 1 FROM intake WHERE id >= ? AND id < ? LIMIT 1", [intake_prefix, f"{intake_prefix}\uffff"]
        )
        return row is not None

    async def tokens(self, asked: Collection[str]) -> set[str]:
        found = await self.all(
            "SELECT token FROM attendee WHERE token IN (SELECT value FROM json_each(?1)) "
            "UNION ALL SELECT code FROM confirmation WHERE code IN (SELECT value FROM json_each(?1))",
            [as_list(asked)],
        )
        return {row["token"] for row in found}

    async def organizes(self, address: str) -> bool:
        sql = "SELECT 1 FROM organizer WHERE address = ? UNION ALL SELECT 1 FROM access_key WHERE address = ? LIMIT 1"
        return await self.one(sql, [address, address]) is not None

    async def notes(self, intake_prefix: str) -> list[Intake]:
        """The outcomes of a mail, for each mailbox and each of its parts, oldest first."""
        found = await self.all(
            "SELECT body FROM intake WHERE id >= ? AND id < ? ORDER BY at, id LIMIT ?",
            [intake_prefix, f"{intake_prefix}\uffff", _PAGE],
        )
        return [Intake.model_validate_json(row["body"]) for row in found]

    async def answered(self, after: str | None) -> tuple[str, frozenset[str]]:
        """A cursor to the newest receipt, and the events of receipts after `after`; no events if that is None."""
        if after is None:
            row = await self.one("SELECT max(id) AS newest FROM receipt")
            return str((row["newest"] or 0) if row else 0), frozenset()
        found = await self.all(
            "SELECT event_uid, max(id) AS newest FROM receipt NOT INDEXED WHERE id > ? GROUP BY event_uid",
            [int(after)],
        )
        newest = max((row["newest"] for row in found), default=int(after))
        return str(newest), frozenset(row["event_uid"] for row in found)
