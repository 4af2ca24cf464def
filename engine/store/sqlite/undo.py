"""Actions that can be undone."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.model.messages import MessageState
from engine.model.undo import Undoable
from engine.refusals import Code
from engine.store.sqlite.lease_schema import LEASED
from engine.store.sqlite.ledger import WAITING, Ledger
from engine.store.sqlite.session import IN_LIST, as_list
from engine.store.sqlite.states import PENDING

_KEPT = timedelta(days=1)
_DROPPED = 100
_REACHED = f"(state = 'sent' OR in_doubt = 1 OR {PENDING} AND id IN {LEASED})"
_OPEN = "json_extract(body, '$.undone') IS NULL AND until > ?"


class Undos(Ledger):
    """The part of a unit of work for actions that can be undone."""

    async def add_undo(self, undoable: Undoable) -> None:
        await self.run(
            "DELETE FROM undo WHERE id IN (SELECT id FROM undo WHERE until < ? LIMIT ?)",
            [(undoable.asked - _KEPT).timestamp(), _DROPPED],
        )
        await self.run(
            "INSERT INTO undo(id, organizer, event_uid, asked, until, body) VALUES (?,?,?,?,?,?)",
            [
                undoable.id,
                undoable.organizer,
                undoable.event_uid,
                undoable.asked.timestamp(),
                undoable.until.timestamp(),
                undoable.model_dump_json(),
            ],
        )

    async def undoable(self, undo_id: str) -> Undoable | None:
        row = await self.one("SELECT body FROM undo WHERE id = ?", [undo_id])
        return Undoable.model_validate_json(row["body"]) if row else None

    async def save_undo(self, undoable: Undoable) -> None:
        await self.run("UPDATE undo SET body = ? WHERE id = ?", [undoable.model_dump_json(), undoable.id])

    async def undos_of(self, event_uid: str, now: datetime) -> list[Undoable]:
        found = await self.all(
            f"SELECT body FROM undo WHERE event_uid = ? AND {_OPEN} ORDER BY asked, id",
            [event_uid, now.timestamp()],
        )
        return [Undoable.model_validate_json(row["body"]) for row in found]

    async def undos(self, organizer: str | None, now: datetime, limit: int) -> list[Undoable]:
        own, values = ("", []) if organizer is None else ("AND organizer = ? ", [organizer])
        found = await self.all(
            f"SELECT body FROM undo WHERE {_OPEN} {own}ORDER BY asked DESC, id LIMIT ?",
            [now.timestamp(), *values, limit],
        )
        return [Undoable.model_validate_json(row["body"]) for row in found]

    async def people_reached(self, undoable: Undoable) -> int:
        row = await self.one(
            f"SELECT count(DISTINCT email) AS n FROM (SELECT email FROM message WHERE ?1 <> '' AND campaign_id = ?1 "
            f"AND {_REACHED} UNION ALL SELECT email FROM message WHERE message_id {IN_LIST.replace('?', '?2')} "
            f"AND {_REACHED} UNION ALL SELECT email FROM message WHERE ?4 AND event_uid = ?3 AND method IS NOT NULL "
            f"AND sequence >= ?5 AND {_REACHED})",
            [
                undoable.campaign_id,
                as_list(undoable.messages),
                undoable.event_uid,
                int(undoable.before is not None),
                undoable.sequence,
            ],
        )
        return int(row["n"]) if row else 0

    async def calendars_changed(self, event_uid: str, sequence: int) -> int:
        row = await self.one(
            "SELECT count(DISTINCT email) AS n FROM message WHERE event_uid = ? AND method IS NOT NULL "
            f"AND sequence >= ? AND {_REACHED}",
            [event_uid, sequence],
        )
        return int(row["n"]) if row else 0

    async def withdraw_messages(self, undoable: Undoable, code: Code, now: datetime) -> int:
        where = f"message_id {IN_LIST} AND {WAITING}"
        return await self.settle(where, [as_list(undoable.messages)], MessageState.WITHDRAWN, code, now)

    async def owe_again(self, event_uid: str, email: str, code: Code, withdrawn: datetime) -> int:
        where = "event_uid = ? AND state = 'withdrawn' AND code = ? AND settled >= ? AND ? IN ('', email)"
        values = [event_uid, code.value, withdrawn.timestamp(), email]
        await self.take_again(where, values)
        # What still has to be held is held again by the claim.
        again = {"code": "", "settled": None, "held": 0}
        return await self.move(where, values, MessageState.QUEUED, again)

    async def delay_jobs(self, event_uid: str, due: datetime) -> None:
        await self.run(
            "UPDATE fanout SET due = max(coalesce(due, 0), ?) WHERE event_uid = ?",
            [due.timestamp(), event_uid],
        )

    async def put_off(self, event_uid: str, now: datetime, due: datetime) -> None:
        values = [due.timestamp(), event_uid, now.timestamp()]
        await self.run("UPDATE fanout SET due = max(due, ?) WHERE event_uid = ? AND due > ?", values)
        await self.run(
            "UPDATE message SET due = max(due, ?) WHERE event_uid = ? AND due > ? AND state = 'queued' "
            f"AND attempts = 0 AND due < ? AND {WAITING}",
            [*values, due.timestamp()],
        )
