"""Questions to the store: they read what was kept, on a connection of their own."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncIterator

from engine.model import Attempt, Attendee, Campaign, Event, Message, MessageState, Receipt, Statistics
from engine.refusals import Code, Refused
from engine.store.protocol import AttendeePage, AttendeeQuery, EventPage, EventQuery, History, Intake
from engine.store.sqlite import rows
from engine.store.sqlite.session import Session

_WORD = re.compile(r"\w+", re.UNICODE)
_WORDS_MAX = 20
_PAGE = 1_000
_HISTORY_MAX = 500
_CURSOR_MAX = 500
_INTEGER_END = 2**63


class Questions(Session):
    """Everything that is asked without changing anything."""

    async def event(self, uid: str) -> Event | None:
        row = await self.one("SELECT body FROM event WHERE uid = ?", [uid])
        return rows.event(row) if row else None

    async def event_with_statistics(self, uid: str) -> tuple[Event, Statistics] | None:
        """An event and its counters in one look."""
        row = await self.one(
            "SELECT body, (SELECT json_group_object(name, n) FROM tally "
            "WHERE scope = 'event' AND key = event.uid) AS counters FROM event WHERE uid = ?",
            [uid],
        )
        if row is None:
            return None
        return rows.event(row), rows.statistics(json.loads(row["counters"]).items())

    async def message(self, message_id: int) -> Message | None:
        row = await self.one("SELECT * FROM message WHERE id = ?", [message_id])
        return rows.message(row) if row else None

    async def message_by_message_id(self, message_id: str) -> Message | None:
        row = await self.one("SELECT * FROM message WHERE message_id = ?", [message_id])
        return rows.message(row) if row else None

    async def statistics(self, scope: str, key: str) -> Statistics:
        found = await self.all("SELECT name, n FROM tally WHERE scope = ? AND key = ?", [scope, key])
        return rows.statistics((row["name"], row["n"]) for row in found)

    async def search(self, query: EventQuery) -> EventPage:
        """Events in order of their start; every word of the query must begin a word of the event."""
        where, values = _conditions(query)
        found = await self.all(
            f"SELECT e.starts, e.uid, e.body FROM event e WHERE {' AND '.join(where)} "
            "ORDER BY e.starts, e.uid LIMIT ?",
            [*values, query.limit + 1],
        )
        events = tuple(rows.event(row) for row in found[: query.limit])
        more = len(found) > query.limit
        last = found[query.limit - 1] if more else None
        return EventPage(events=events, next_cursor=_cursor(last["starts"], last["uid"]) if last else None)

    async def attendees(self, query: AttendeeQuery) -> AttendeePage:
        """Attendees of an event in the order in which they were invited."""
        (after,) = _opened(query.cursor, int) if query.cursor else (0,)
        status = "AND partstat = ?" if query.status else ""
        values = [query.uid, after] + ([query.status.value] if query.status else [])
        found = await self.all(
            f"SELECT * FROM attendee WHERE event_uid = ? AND id > ? {status} ORDER BY id LIMIT ?",
            [*values, query.limit + 1],
        )
        page = found[: query.limit]
        cursor = _cursor(page[-1]["id"]) if len(found) > query.limit else None
        return AttendeePage(attendees=tuple(rows.attendee(row) for row in page), next_cursor=cursor)

    async def history(self, event_uid: str, email: str) -> list[History]:
        """The newest messages to one attendee of an event, oldest first, with the tries that settled nothing."""
        found = await self.all(
            "SELECT * FROM (SELECT * FROM message WHERE event_uid = ? AND email = ? AND method IS NOT NULL "
            "ORDER BY id DESC LIMIT ?) "
            "ORDER BY id",
            [event_uid, email, _HISTORY_MAX],
        )
        return [
            History(message=rows.message(row), attempts=tuple(await self._attempts(row["id"])))
            for row in found
        ]

    async def _attempts(self, message_id: int) -> list[Attempt]:
        found = await self.all("SELECT * FROM attempt WHERE message = ? ORDER BY n", [message_id])
        return [
            Attempt(at=rows.at(r["at"]), state=MessageState(r["state"]), code=r["code"], answer=r["answer"])
            for r in found
        ]

    async def receipts(self, event_uid: str, email: str) -> list[Receipt]:
        """The newest receipts of one attendee of an event, oldest first."""
        found = await self.all(
            "SELECT body FROM (SELECT id, body FROM receipt WHERE event_uid = ? AND email = ? "
            "ORDER BY id DESC LIMIT ?) ORDER BY id",
            [event_uid, email, _HISTORY_MAX],
        )
        return [Receipt.model_validate_json(row["body"]) for row in found]

    async def attendee(self, event_uid: str, email: str) -> Attendee | None:
        row = await self.one("SELECT * FROM attendee WHERE event_uid = ? AND email = ?", [event_uid, email])
        return rows.attendee(row) if row else None

    async def every_attendee(self, uid: str) -> AsyncIterator[Attendee]:
        """All attendees of an event, read in pages, so that memory stays flat."""
        after = 0
        while True:
            page = await self.all(
                "SELECT * FROM attendee WHERE event_uid = ? AND id > ? ORDER BY id LIMIT ?",
                [uid, after, _PAGE],
            )
            for row in page:
                yield rows.attendee(row)
            if len(page) < _PAGE:
                return
            after = page[-1]["id"]

    async def campaigns(self, organizer: str | None, limit: int) -> list[Campaign]:
        where, values = ("organizer = ?", [organizer]) if organizer else ("1", [])
        found = await self.all(
            f"SELECT body FROM campaign WHERE {where} ORDER BY created DESC LIMIT ?", [*values, limit]
        )
        return [rows.campaign(row) for row in found]

    async def failures(self, campaign_id: str, limit: int) -> list[Message]:
        found = await self.all(
            "SELECT * FROM message WHERE campaign_id = ? AND state = 'failed' ORDER BY id LIMIT ?",
            [campaign_id, limit],
        )
        return [rows.message(row) for row in found]

    async def key_by_digest(self, digest: str) -> str | None:
        row = await self.one("SELECT body FROM access_key WHERE digest = ?", [digest])
        return row["body"] if row else None

    async def keys(self) -> list[str]:
        return [row["body"] for row in await self.all("SELECT body FROM access_key ORDER BY rowid")]

    async def noted(self, intake_prefix: str) -> bool:
        """True where a line says what became of a mail, or of a part of it."""
        row = await self.one(
            "SELECT 1 FROM intake WHERE id >= ? AND id < ? LIMIT 1", [intake_prefix, f"{intake_prefix}\uffff"]
        )
        return row is not None

    async def intake(self, limit: int) -> list[Intake]:
        found = await self.all("SELECT body FROM intake ORDER BY at DESC LIMIT ?", [limit])
        return [Intake.model_validate_json(row["body"]) for row in found]


def _conditions(query: EventQuery) -> tuple[list[str], list[object]]:
    where, values = ["1"], list[object]()
    if query.organizer:
        where.append("e.organizer = ?")
        values.append(query.organizer)
    if query.after:
        where.append("(e.ends IS NULL OR e.ends > ?)")
        values.append(query.after.timestamp())
    if query.before:
        where.append("e.starts < ?")
        values.append(query.before.timestamp())
    if query.status:
        where.append("e.status = ?")
        values.append(query.status.value)
    if query.query.strip():
        where.append("e.rowid IN (SELECT rowid FROM event_words WHERE event_words MATCH ?)")
        values.append(_match(query.query))
    if query.cursor:
        where.append("(e.starts, e.uid) > (?, ?)")
        values += _opened(query.cursor, float, str)
    return where, values


def _match(query: str) -> str:
    """A full-text query from a person's words: quoted, so that no word is taken for syntax."""
    words = _WORD.findall(query)[:_WORDS_MAX]
    return " ".join(f'"{word}"*' for word in words) or '""'


def _cursor(*values: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")


def _opened(cursor: str, *kinds: type) -> list[object]:
    """What a cursor holds; Refused(INVALID_CURSOR) where it is not one of ours."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor[:_CURSOR_MAX] + "=" * (-len(cursor) % 4)))
        found: list[object] = [kind(value) for kind, value in zip(kinds, values, strict=True)]
    except (ValueError, TypeError, OverflowError):
        raise _forged() from None
    if any(isinstance(value, int) and abs(value) >= _INTEGER_END for value in found):
        raise _forged()
    return found


def _forged() -> Refused:
    return Refused(
        Code.INVALID_CURSOR,
        "That cursor is not one this tool gave.",
        "Repeat the call without cursor, or with next_cursor exactly as it was given.",
    )
