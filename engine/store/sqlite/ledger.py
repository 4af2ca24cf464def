"""The ledger of owed messages, and the jobs that write many of them."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime

from engine.model.messages import Fanout, Kind, Message, MessageState
from engine.model.people import Attendee, Partstat
from engine.refusals import Code
from engine.store import rules
from engine.store.sqlite import changes, rows
from engine.store.sqlite.budgets import KeyBudgets
from engine.store.sqlite.lease_schema import LEASED
from engine.store.sqlite.person_mails import DayCounters
from engine.store.sqlite.session import IN_LIST, as_list
from engine.store.sqlite.states import PENDING

_CALENDAR = frozenset(k.value for k in Kind if k.calendar)

NOTIFIED = f"method = 'REQUEST' AND (state = 'sent' OR in_doubt = 1 OR {PENDING} AND id IN {LEASED})"
_GONE = f"(state = 'sent' OR {PENDING} AND id IN {LEASED})"
_FANOUT = "f.id, json_remove(f.body, '$.id', '$.cursor') AS body, f.cursor"
_REQUEST = (
    "SELECT 1 FROM message m WHERE m.event_uid = a.event_uid AND m.email = a.email AND m.method = 'REQUEST'"
)
_OF_CANCELLED = f"m.state = 'withdrawn' AND m.code = '{Code.CAMPAIGN_CANCELLED.value}' AND m.in_doubt = 0"
_CALLED_OFF = (
    f"a.receipt_arrived IS NULL AND EXISTS ({_REQUEST} AND m.kind = 'invite' AND {_OF_CANCELLED}) "
    f"AND NOT EXISTS ({_REQUEST} AND NOT ({_OF_CANCELLED}))"
)
"""The condition that all that an attendee was to get was withdrawn with its campaign."""
WAITING = f"{PENDING} AND id NOT IN {LEASED}"
"""The condition that a message is pending and not leased, so that it is not being sent."""


class Ledger(DayCounters, KeyBudgets):
    """The part of a unit of work for messages."""

    items_per_unit = 1_000
    """Large enough to be efficient, small enough not to delay others."""

    async def add_messages(self, messages: Sequence[Message], *, priority: int) -> None:
        """Add owed messages, each once (promise 3); lower priorities are sent first.

        An update to someone whose invite has certainly not left adds nothing, since a pending message always
        leaves with the event's newest revision.
        """
        owed = await self._not_owed_yet(await self._not_covered(messages))
        if not owed:
            return
        held = await self._held({m.campaign_id for m in owed if m.campaign_id})
        values = [rows.message_values(m, priority, held=m.campaign_id in held) for m in owed]
        await self.insert("message", rows.MESSAGE_COLUMNS, values)
        await self.count_for_persons(owed)
        self.owed += [m.message_id for m in owed]
        await self.count_for_keys(owed)
        groups = Counter((m.kind, m.event_uid, m.organizer, m.campaign_id, m.state) for m in owed)
        for group, n in groups.items():
            self._count(*group, n)

    async def _not_owed_yet(self, messages: Sequence[Message]) -> list[Message]:
        """The messages without those that the ledger already has (promise 3)."""
        ended = await self._ended([m for m in messages if m.method and not m.repeat])
        return rules.newly_owed(messages, ended)

    async def _ended(self, messages: Sequence[Message]) -> dict[rules.LedgerKey, bool]:
        """For each of these messages that the ledger has, whether it ended without being sent."""
        groups: dict[tuple[object, ...], list[str]] = {}
        for message in messages:
            groups.setdefault(rules.ledger_key(message)[:-1], []).append(message.email)
        ended: dict[rules.LedgerKey, bool] = {}
        for group, emails in groups.items():
            found = await self.all(
                "SELECT email, state IN ('failed','withdrawn') AND in_doubt = 0 AS ended FROM message "
                "WHERE event_uid = ? AND method = ? AND sequence = ? AND recurrence_id = ? AND repeat = '' "
                f"AND email {IN_LIST}",
                [*group, as_list(emails)],
            )
            ended |= {(*group, row["email"]): bool(row["ended"]) for row in found}
        return ended

    async def _not_covered(self, messages: Sequence[Message]) -> list[Message]:
        updates = rules.updates(messages)
        if not updates:
            return list(messages)
        waiting = await self.all(
            f"SELECT email FROM message WHERE event_uid = ? AND email {IN_LIST} "
            f"AND {WAITING} AND in_doubt = 0 AND kind = 'invite' AND recurrence_id = ''",
            [updates[0].event_uid, as_list({m.email for m in updates})],
        )
        return rules.not_covered(messages, {row["email"] for row in waiting})

    async def _held(self, campaign_ids: Collection[str]) -> set[str | None]:
        if not campaign_ids:
            return set()
        sql = f"SELECT id FROM campaign WHERE state = 'paused' AND id {IN_LIST}"
        return {row["id"] for row in await self.all(sql, [as_list(campaign_ids)])}

    def _count(
        self,
        kind: str,
        event_uid: str | None,
        organizer: str,
        campaign_id: str | None,
        state: str,
        n: int = 1,
    ) -> None:
        if kind in _CALENDAR:
            self.tally.add(event_uid, organizer, f"delivery.{state}", n)
        self.tally.campaign(campaign_id, state, n)

    async def last_message(self, event_uid: str, email: str) -> Message | None:
        row = await self.one(
            f"SELECT {rows.MESSAGE} FROM message WHERE event_uid = ? AND email = ? AND method IS NOT NULL "
            "ORDER BY id DESC LIMIT 1",
            [event_uid, email],
        )
        return rows.message(row) if row else None

    async def last_report(self, event_uid: str, email: str) -> datetime | None:
        """When `email` was last owed a report of the event."""
        row = await self.one(
            "SELECT max(created) AS created FROM message WHERE kind = 'report' AND event_uid = ? AND email = ?",
            [event_uid, email],
        )
        return rows.moment(row["created"]) if row and row["created"] is not None else None

    async def notified(self, event_uid: str, emails: Collection[str]) -> set[str]:
        """Those of `emails` who received the event, or may have."""
        found = await self.all(
            f"SELECT DISTINCT email FROM message WHERE event_uid = ? AND email {IN_LIST} AND {NOTIFIED}",
            [event_uid, as_list(emails)],
        )
        return {row["email"] for row in found}

    async def move(
        self,
        where: str,
        values: Sequence[object],
        state: MessageState,
        sets: Mapping[str, object] | None = None,
    ) -> int:
        """Move messages and their counters to `state`, set columns, and return how many."""
        groups = await self.all(
            "SELECT kind, event_uid, organizer, campaign_id, state, count(*) AS n FROM message "
            f"WHERE {where} GROUP BY 1, 2, 3, 4, 5",
            values,
        )
        if not groups:
            return 0
        if state is MessageState.WITHDRAWN:
            await self.release_budgets(where, values)
        changes = {"state": state.value, **(sets or {})}
        assignments = ", ".join(f"{column} = ?" for column in changes)
        await self.run(f"UPDATE message SET {assignments} WHERE {where}", [*changes.values(), *values])
        for g in groups:
            self._count(g["kind"], g["event_uid"], g["organizer"], g["campaign_id"], g["state"], -g["n"])
            self._count(g["kind"], g["event_uid"], g["organizer"], g["campaign_id"], state.value, g["n"])
            if state is MessageState.FAILED:
                self.tally.failure(str(changes["code"]), g["n"])
        return sum(g["n"] for g in groups)

    async def sent_message(self, message_id: str, transport_id: str) -> Message | None:
        """The message with this Message-ID, or else with this id of the mail service."""
        row = (
            await self.one(f"SELECT {rows.MESSAGE} FROM message WHERE message_id = ?", [message_id])
            if message_id
            else None
        )
        if row is None and transport_id:
            row = await self.one(
                f"SELECT {rows.MESSAGE} FROM message "
                "WHERE id = (SELECT message FROM transport_name WHERE transport_id = ?)",
                [transport_id],
            )
        return rows.message(row) if row else None

    async def last_sent(self, event_uid: str, email: str) -> Message | None:
        """The newest calendar message to an attendee that a mail server accepted, or may have."""
        row = await self.one(
            f"SELECT {rows.MESSAGE} FROM message WHERE event_uid = ? AND email = ? AND method IS NOT NULL "
            f"AND {_GONE} ORDER BY id DESC LIMIT 1",
            [event_uid, email],
        )
        return rows.message(row) if row else None

    async def bounce(self, message: Message, answer: str, now: datetime) -> bool:
        """Mark a message as failed since it bounced. False if that was known, or the message had not left.

        A bounce may arrive before the result of sending is recorded; that result is then ignored.
        """
        sets = {
            "code": Code.BOUNCED.value,
            "answer": answer,
            "settled": now.timestamp(),
        }
        moved = bool(await self.move(f"id = ? AND {_GONE}", [int(message.id)], MessageState.FAILED, sets))
        await changes.note_failures(self, [int(message.id)] if moved else [])
        return moved

    async def note_answer(self, message: Message, answer: str) -> bool:
        """Store what a server reported later about a sent message; False if it is not in that state."""
        sets = "UPDATE message SET answer = ? WHERE id = ? AND state = ?"
        return bool(await self.run(sets, [answer, int(message.id), MessageState.SENT.value]))

    async def withdraw_for_attendee(self, email: str, organizer: str, code: Code, now: datetime) -> int:
        """Withdraw the messages to one person from one organizer that have not left yet."""
        where = (
            "id IN (SELECT id FROM message WHERE event_uid IN (SELECT uid FROM event WHERE organizer = ?) "
            f"AND email = ? AND method IS NOT NULL AND {WAITING} LIMIT {self.items_per_unit})"
        )
        return await self.settle(where, [organizer, email], MessageState.WITHDRAWN, code, now)

    async def withdraw_for_person(self, event_uid: str, email: str, code: Code, now: datetime) -> int:
        """Withdraw the messages to one person about one event that have not left yet."""
        where = f"event_uid = ? AND email = ? AND method IS NOT NULL AND {WAITING}"
        return await self.settle(where, [event_uid, email], MessageState.WITHDRAWN, code, now)

    async def settle(
        self, where: str, values: Sequence[object], state: MessageState, code: Code, now: datetime
    ) -> int:
        sets = {"code": code.value, "settled": now.timestamp()}
        return await self.move(where, values, state, sets)

    async def audience_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
        emails: Collection[str] = (),
    ) -> int:
        """How many proven attendees gave one of these answers, for the event, or for the given or any instance.

        Those whose invite was called off with its list are not among them.
        """
        names, those = as_list([f"rsvp.{p.label}" for p in partstats]), as_list(partstats)
        row = await self.one(
            f"SELECT coalesce(sum(n), 0) AS n FROM tally WHERE scope = 'event' AND key = ? AND name {IN_LIST}",
            [event_uid, names],
        )
        others, values = await self._others(event_uid, partstats, recurrence_id, emails)
        more = await self.one(
            f"SELECT (SELECT count(*) FROM attendee WHERE event_uid = ? AND partstat NOT {IN_LIST} "
            f"AND ({others}) AND proven = 1 AND withdrawn IS NULL) "
            f"- (SELECT count(*) FROM attendee WHERE event_uid = ? AND partstat {IN_LIST} AND proven = 0 "
            "AND withdrawn IS NULL) AS n",
            [event_uid, those, *values, event_uid, those],
        )
        counted = sum(int(r["n"]) for r in (row, more) if r)
        if not await self._any_called_off(event_uid):
            return counted
        off = await self.one(
            f"SELECT count(*) AS n FROM attendee a WHERE event_uid = ? AND partstat {IN_LIST} AND NOT ({others}) "
            f"AND proven = 1 AND withdrawn IS NULL AND {_CALLED_OFF}",
            [event_uid, those, *values],
        )
        return counted - (int(off["n"]) if off else 0)

    async def _any_called_off(self, event_uid: str) -> bool:
        """True if a list of the event was cancelled with some of its invites written."""
        found = await self.one(
            "SELECT 1 FROM campaign k WHERE k.organizer = (SELECT organizer FROM event WHERE uid = ?) "
            "AND k.event_uid = ? AND k.state = 'cancelled' AND coalesce(k.body ->> '$.kind', 'invite') = 'invite' "
            "AND EXISTS (SELECT 1 FROM message m "
            "WHERE m.campaign_id = k.id AND m.state = 'withdrawn' AND m.kind = 'invite')",
            [event_uid, event_uid],
        )
        return found is not None

    async def notified_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
        emails: Collection[str] = (),
    ) -> int:
        """How many attendees with these answers received the event, or may have."""
        others, values = await self._others(event_uid, partstats, recurrence_id, emails)
        row = await self.one(
            f"SELECT count(*) AS n FROM attendee a WHERE event_uid = ? AND (partstat {IN_LIST} OR {others}) "
            "AND proven = 1 AND withdrawn IS NULL AND EXISTS ("
            f"SELECT 1 FROM message m WHERE m.event_uid = a.event_uid AND m.email = a.email AND {NOTIFIED})",
            [event_uid, as_list(partstats), *values],
        )
        return int(row["n"]) if row else 0

    async def _others(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None,
        emails: Collection[str],
    ) -> tuple[str, list[object]]:
        """The condition for attendees who are included although their answer to the event differs."""
        others, values = await self._by_instance(event_uid, partstats, recurrence_id)
        if not emails:
            return others, values
        return f"({others} OR email {IN_LIST})", [*values, as_list(emails)]

    async def _by_instance(
        self, event_uid: str, partstats: Collection[Partstat], recurrence_id: date | datetime | None
    ) -> tuple[str, list[object]]:
        """The condition that an attendee gave one of these answers for the instance, or for any if none is given.

        Few events have such answers; for the others the condition is false and costs nothing.
        """
        if not await self.one("SELECT 1 FROM instance_answer WHERE event_uid = ? LIMIT 1", [event_uid]):
            return "0", []
        where = f"SELECT email FROM instance_answer WHERE event_uid = ? AND partstat {IN_LIST}"
        values: list[object] = [event_uid, as_list(partstats)]
        if recurrence_id is not None:
            where += " AND recurrence_id = ?"
            values.append(rows.instant_text(recurrence_id))
        return f"email IN ({where})", values

    async def audience(self, job: Fanout, limit: int) -> tuple[list[Attendee], str | None]:
        """The next attendees of a job, and its new cursor, None after the last."""
        others, values = await self._others(job.event_uid, job.partstats, job.recurrence_id, job.emails)
        meant = f"partstat {IN_LIST}"
        if await self._any_called_off(job.event_uid):
            meant = f"{meant} AND NOT ({_CALLED_OFF})"
        either = f"({meant} OR {others})" if values else meant
        found = await self.all(
            f"SELECT {rows.ATTENDEE} FROM attendee a WHERE event_uid = ? AND {either} AND proven = 1 "
            "AND withdrawn IS NULL AND id > ? ORDER BY id LIMIT ?",
            [job.event_uid, as_list(job.partstats), *values, int(job.cursor or 0), limit],
        )
        cursor = str(found[-1]["id"]) if len(found) == limit else None
        return [rows.attendee(row) for row in found], cursor

    async def add_fanout(self, job: Fanout) -> None:
        await self.run(
            "INSERT INTO fanout(event_uid, campaign_id, body, cursor, due) VALUES (?,?,?,?,?)",
            [
                job.event_uid,
                job.campaign_id,
                job.model_dump_json(exclude={"id", "cursor"}),
                int(job.cursor or 0),
                rows.seconds(job.due),
            ],
        )

    async def next_fanout(self, now: datetime) -> Fanout | None:
        """The oldest job that may continue; jobs of a paused campaign, or that can still be undone, wait."""
        row = await self.one(
            f"SELECT {_FANOUT} FROM fanout f LEFT JOIN campaign c ON c.id = f.campaign_id "
            "WHERE (c.id IS NULL OR c.state IN ('running', 'cancelled')) "
            "AND (f.due IS NULL OR f.due <= ? OR c.state = 'cancelled') ORDER BY f.id LIMIT 1",
            [now.timestamp()],
        )
        return _fanout(row) if row else None

    async def fanout_of(self, campaign_id: str) -> Fanout | None:
        row = await self.one(f"SELECT {_FANOUT} FROM fanout f WHERE f.campaign_id = ?", [campaign_id])
        return _fanout(row) if row else None

    async def move_fanout(self, job: Fanout, cursor: str | None) -> None:
        """Move a job's cursor, or end the job if that is None."""
        if cursor is None:
            await self.run("DELETE FROM fanout WHERE id = ?", [int(job.id)])
        else:
            await self.run("UPDATE fanout SET cursor = ? WHERE id = ?", [int(cursor), int(job.id)])


def _fanout(row: sqlite3.Row) -> Fanout:
    job = Fanout.model_validate_json(row["body"])
    return job.model_copy(update={"id": str(row["id"]), "cursor": str(row["cursor"])})
