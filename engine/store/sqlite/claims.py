"""The dispatcher's side of the ledger: claims are leases (rule 6), answers move checkpoints (rule 5)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import datetime

from engine.model import Attendee, Event, Kind, MessageState
from engine.refusals import Code
from engine.store.protocol import Answer, Claim
from engine.store.sqlite import rows
from engine.store.sqlite.ledger import Ledger
from engine.store.sqlite.schema import DUE, PENDING

_CANDIDATES = f"""
SELECT m.*, e.body AS event_body, o.suspended, o.name AS organizer_name,
    EXISTS (SELECT 1 FROM block b WHERE b.email = m.email AND b.organizer = m.organizer) AS blocked,
    EXISTS (SELECT 1 FROM suppression s WHERE s.email = m.email) AS suppressed
FROM message m
LEFT JOIN event e ON e.uid = m.event_uid
LEFT JOIN organizer o ON o.address = m.organizer
WHERE m.id IN (
    SELECT id FROM message c WHERE {DUE} AND priority = ? AND due <= ?
    AND (method IS NULL OR NOT EXISTS (
        SELECT 1 FROM message p WHERE p.event_uid = c.event_uid AND p.email = c.email AND p.id < c.id
        AND p.method IS NOT NULL AND {PENDING.replace("state", "p.state")}))
    ORDER BY due, id LIMIT ?)
ORDER BY m.due, m.id
"""
"""The last condition keeps the messages of one attendee in order."""


class Claims(Ledger):
    """Claims messages for one dispatcher and writes down what came of them."""

    async def claim(self, owner: str, limit: int, now: datetime, lease_s: float, rate: float) -> list[Claim]:
        await self._reclaim(now)
        limit = await self._paced(limit, now, rate)
        claims: list[Claim] = []
        events: dict[str, Event] = {}
        for priority in (0, 1):
            if len(claims) < limit:
                values = [priority, now.timestamp(), limit - len(claims)]
                for row in await self.all(_CANDIDATES, values):
                    claim = await self._judged(row, events, now)
                    if claim:
                        claims.append(claim)
        await self._lease(claims, owner, now.timestamp() + lease_s)
        if rate and claims:
            await self._spend(len(claims), now, rate)
        return claims

    async def _reclaim(self, now: datetime) -> None:
        """Take back what a dispatcher held when it died: it may have gone out already."""
        where = "state = 'sending' AND lease < ?"
        sets = {"in_doubt": 1, "owner": None, "lease": None}
        await self.move(where, [now.timestamp()], MessageState.QUEUED, sets)

    async def _judged(self, row: sqlite3.Row, events: dict[str, Event], now: datetime) -> Claim | None:
        """The claim, or None where the message may not leave any more (rule 7) and was withdrawn."""
        message = rows.message(row)
        event = None
        if message.event_uid:
            event = events.get(message.event_uid) or Event.model_validate_json(row["event_body"])
            events[message.event_uid] = event
        code = _barred(row, message.kind, event, now)
        if not code and event and message.kind.calendar and message.sequence < event.sequence:
            code = await self._raise_sequence(row["id"], event)
            message = message.model_copy(update={"sequence": event.sequence})
        if code:
            await self.settle("id = ?", [message.id], MessageState.WITHDRAWN, code, now)
            return None
        attendee = await self._attendee(message.event_uid, message.email) if message.kind.calendar else None
        return Claim.model_construct(
            message=message, event=event, attendee=attendee, organizer_name=row["organizer_name"] or ""
        )

    async def _raise_sequence(self, message_id: int, event: Event) -> Code | None:
        """A message that waited leaves with the event's newest revision, never with an old time."""
        raised = await self.run(
            "UPDATE OR IGNORE message SET sequence = ? WHERE id = ?", [event.sequence, message_id]
        )
        return None if raised else Code.SUPERSEDED

    async def _attendee(self, event_uid: str | None, email: str) -> Attendee | None:
        row = await self.one("SELECT * FROM attendee WHERE event_uid = ? AND email = ?", [event_uid, email])
        return rows.attendee(row) if row else None

    async def _lease(self, claims: Sequence[Claim], owner: str, until: float) -> None:
        for claim in claims:
            attempts = claim.message.attempts + 1
            sets = {"attempts": attempts, "owner": owner, "lease": until}
            await self.move("id = ?", [claim.message.id], MessageState.SENDING, sets)

    async def _paced(self, limit: int, now: datetime, rate: float) -> int:
        """How many messages the rate allows now; a second's worth may go in one burst."""
        if not rate:
            return limit
        row = await self.one("SELECT next FROM pace WHERE key = 'send'")
        behind = now.timestamp() - (row["next"] if row else 0.0)
        return max(0, min(limit, int((behind + max(1.0, 1.0 / rate)) * rate)))

    async def _spend(self, n: int, now: datetime, rate: float) -> None:
        await self.run(
            "INSERT INTO pace(key, next) VALUES ('send', ?) ON CONFLICT DO UPDATE SET next = max(next, ?) + ?",
            [now.timestamp() + n / rate, now.timestamp(), n / rate],
        )

    async def write(self, owner: str, answers: Sequence[Answer], now: datetime) -> None:
        for answer in answers:
            await self._write(owner, answer, now)

    async def _write(self, owner: str, answer: Answer, now: datetime) -> None:
        """Write one answer; where the lease was lost, whoever holds the message now writes it."""
        sets: dict[str, object] = {"owner": None, "lease": None, "code": answer.code, "answer": answer.text}
        if answer.state in {MessageState.ACCEPTED, MessageState.FAILED}:
            sets["settled"] = now.timestamp()
        if answer.due:
            sets["due"] = answer.due.timestamp()
        where = "id = ? AND owner = ? AND state = 'sending'"
        await self.move(where, [answer.message_id, owner], answer.state, sets)
        if answer.state is MessageState.QUEUED:
            await self.run("UPDATE message SET attempts = attempts - 1 WHERE id = ?", [answer.message_id])


def _barred(row: sqlite3.Row, kind: Kind, event: Event | None, now: datetime) -> Code | None:
    """Why a message may not leave, if so (rule 7)."""
    if row["suppressed"]:
        return Code.ADDRESS_SUPPRESSED
    if not kind.calendar or event is None:
        return None
    if row["suspended"]:
        return Code.ORGANIZER_SUSPENDED
    if row["blocked"]:
        return Code.ATTENDEE_BLOCKED
    if kind is not Kind.CANCELLATION and event.cancelled:
        return Code.EVENT_CANCELLED
    return Code.EVENT_FINISHED if event.finished(now) else None
