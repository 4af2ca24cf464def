"""The dispatcher's side of the ledger: claims are leases (promise 6), results move checkpoints (promise 5)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.model.claims import SendResult
from engine.model.counters import Rates
from engine.model.events import Event
from engine.model.keys import UNBOUNDED, Standing
from engine.model.messages import UNTRIED, Kind, Message, MessageState
from engine.model.searching import Expansion
from engine.refusals import Code
from engine.store import rules
from engine.store.sqlite import changes, rows
from engine.store.sqlite.candidates import QUERY, Candidate, ClaimableMessage, candidates, message_id
from engine.store.sqlite.day_limit import DayLimit
from engine.store.sqlite.keys import Keys
from engine.store.sqlite.leases import Leases
from engine.store.sqlite.ledger import WAITING
from engine.store.sqlite.quotas import Quotas
from engine.store.sqlite.session import IN_LIST, as_list, as_numbers
from engine.store.sqlite.states import OF_CANCELLED
from engine.store.sqlite.stops import Stops

_UNPACED = f"(campaign_id IS NULL OR campaign_id NOT {IN_LIST})"
_OF_CAMPAIGN = "campaign_id = ?"
_ALL = "send"
"""The key of the pace of all messages together; that of a campaign is its id."""
_WRITTEN = f"""
UPDATE message SET state = a.value->>1, code = a.value->>2, answer = a.value->>3, settled = a.value->>4,
    due = coalesce(a.value->>5, due), attempts = attempts + (a.value->>6), in_doubt = max(in_doubt, a.value->>7),
    held = held AND NOT {OF_CANCELLED}
FROM json_each(?) a WHERE message.id = a.value->>0
"""
_SENT = """
UPDATE message SET state = 'sent', code = '', answer = a.value, settled = ?, attempts = attempts + 1
FROM json_each(?) a WHERE message.id = CAST(a.key AS INTEGER)
"""
"""The same for the most frequent result, whose separate JSON would take longer to read than to write."""
_GIVES_WAY = f"""
UPDATE message SET repeat = CAST(id AS TEXT)
WHERE event_uid = ? AND email = ? AND method = ? AND sequence = ? AND recurrence_id = ? AND repeat = ? AND in_doubt = 0
    AND (state IN ('failed','withdrawn') OR {WAITING} AND {OF_CANCELLED})
"""
"""A row of the newest revision that ended unsent, or is about to with its campaign, gives its place to an older one."""
_NOTED_AGAIN = """
DELETE FROM attempt WHERE code = ? AND (message, n) IN (
    SELECT value, (SELECT max(n) FROM attempt WHERE message = value) FROM json_each(?))
"""


class Claims(Leases, DayLimit, Keys, Stops, Quotas):
    """Claims messages for a dispatcher and records the results."""

    expand: Expansion | None = None

    async def claim(
        self, owner: str, limit: int, now: datetime, lease_s: float, rates: Rates, quota: str = ""
    ) -> list[ClaimableMessage]:
        """Lease up to `limit` messages that are due and may leave; withdraw those that may not (promise 7)."""
        limit = await self._paced(_ALL, limit, now, rates.all)
        if rates.day:
            limit = min(limit, await self.left_today(rates.day, now))
        if quota:
            limit = await self._within(quota, limit, now)
        paced = await self._paced_campaigns()
        claims: list[ClaimableMessage] = []
        for priority in (0, 1):
            values = [priority, now.timestamp(), as_list(paced)]
            claims += await self._candidates(_UNPACED, values, limit - len(claims), now)
        for campaign_id, own in paced.items():
            allowed = await self._paced(campaign_id, limit - len(claims), now, own)
            found = await self._candidates(_OF_CAMPAIGN, [1, now.timestamp(), campaign_id], allowed, now)
            await self._spend(campaign_id, len(found), now, own)
            claims += found
        claims = await self._spaced(claims, now, rates.by_domain)
        claims = await self._in_minutes(claims, now)
        if claims:
            await self.lease([c.candidate for c in claims], owner, now.timestamp() + lease_s)
            await self._spend(_ALL, len(claims), now, rates.all)
        if claims and quota:
            await self._spend(f"quota {quota}", len(claims), now, (await self.quota(quota)).rate)
            await self.spend_quota(quota, len(claims))
        return claims

    async def _within(self, name: str, limit: int, now: datetime) -> int:
        """How many messages the quota of their mail service allows now."""
        quota = await self.quota(name)
        limit = await self._paced(f"quota {name}", limit, now, quota.rate)
        return limit if quota.remaining is None else min(limit, quota.remaining)

    async def _spaced(
        self, claims: list[ClaimableMessage], now: datetime, rates: Mapping[str, float]
    ) -> list[ClaimableMessage]:
        """The claims without those that exceed their domain's rate, which become due later."""
        late: dict[int, float] = {}
        for domain, rate in rates.items():
            ids = [c.candidate.id for c in claims if c.candidate.email.endswith(f"@{domain}")]
            allowed = await self._paced(f"@{domain}", len(ids), now, rate) if ids else 0
            await self._spend(f"@{domain}", allowed, now, rate)
            late |= {id_: now.timestamp() + n / rate for n, id_ in enumerate(ids[allowed:], start=1)}
        await self.many("UPDATE message SET due = ? WHERE id = ?", [(due, id_) for id_, due in late.items()])
        return [c for c in claims if c.candidate.id not in late]

    async def _candidates(
        self, which: str, values: Sequence[object], limit: int, now: datetime
    ) -> list[ClaimableMessage]:
        if limit <= 0:
            return []
        row = await self.one(QUERY % which, [*values, limit])
        found = candidates(row["found"]) if row else ()
        return await self._judged(found, now) if found else []

    async def _paced_campaigns(self) -> dict[str, float]:
        """The running campaigns that have a rate of their own."""
        found = await self.all("SELECT id, rate FROM campaign WHERE state = 'running' AND rate > 0")
        return {row["id"]: row["rate"] for row in found}

    async def _judged(self, found: Sequence[Candidate], now: datetime) -> list[ClaimableMessage]:
        found = await self.going(found)
        events = await self._events({c.event_uid for c in found if c.event_uid})
        keys = {c.key for c in found if c.key}
        standings = {key: (await self.standing(key.split())).in_force(now) for key in keys}
        claims: list[ClaimableMessage] = []
        withdrawn: dict[Code, list[int]] = {}
        waiting: list[tuple[rules.KeyVerdict, int]] = []
        for candidate in found:
            event = events.get(candidate.event_uid or "")
            standing = standings.get(candidate.key, UNBOUNDED)
            code = rules.barred(candidate, event, now) or self._contradicted(candidate, event)
            verdict = (
                self._by_keys(candidate, event, standing, now) if candidate.key and not code else rules.LEAVES
            )
            if verdict.held or verdict.due:
                waiting.append((verdict, candidate.id))
                continue
            code = code or verdict.code
            if not code and event and candidate.method and candidate.sequence < event.sequence:
                code = await self._raise_sequence(candidate, event)
            if code:
                withdrawn.setdefault(code, []).append(candidate.id)
            else:
                claims.append(ClaimableMessage(candidate, event, standing))
        await self._let_wait(waiting)
        for code, ids in withdrawn.items():
            await self.settle(f"id {IN_LIST}", [as_numbers(ids)], MessageState.WITHDRAWN, code, now)
        return claims

    def _contradicted(self, candidate: Candidate, event: Event | None) -> Code | None:
        if not candidate.recurrence_id or event is None:
            return None
        kind, instance = Kind(candidate.kind), rows.instant(candidate.recurrence_id)
        return Code.SUPERSEDED if rules.contradicted(kind, instance, event, self.expand) else None

    def _by_keys(
        self, candidate: Candidate, event: Event | None, standing: Standing, now: datetime
    ) -> rules.KeyVerdict:
        keys = candidate.key.count(" ") + 1
        return rules.by_keys(Kind(candidate.kind), candidate.email, event, standing, keys, now)

    async def _let_wait(self, waiting: Sequence[tuple[rules.KeyVerdict, int]]) -> None:
        """Hold messages or postpone them, as their keys' bounds require."""
        await self.many(
            "UPDATE message SET held = ?, code = ?, due = coalesce(?, due) WHERE id = ?",
            [(int(v.held), v.code or "", rows.seconds(v.due), id_) for v, id_ in waiting],
        )

    async def _in_minutes(self, claims: list[ClaimableMessage], now: datetime) -> list[ClaimableMessage]:
        """The claims without those that exceed a key's limit per minute, which become due later."""
        late: dict[int, float] = {}
        standings = {id(c.standing): c.standing for c in claims}.values()
        paced = {k.id: k.bounds.minute for s in standings for k in s.keys if k.bounds and k.bounds.minute}
        for key, minute in paced.items():
            ids = [
                c.candidate.id for c in claims if key in c.candidate.key.split() and not _whole(c.candidate)
            ]
            if not ids:
                continue
            pace, rate = f"key:{key}", minute / 60
            row = await self.one("SELECT next FROM pace WHERE key = ?", [pace])
            allowed = rules.allowed_in_minute(len(ids), row["next"] if row else None, now.timestamp(), minute)
            await self._spend(pace, allowed, now, rate)
            late |= {id_: now.timestamp() + n / rate for n, id_ in enumerate(ids[allowed:], start=1)}
        await self.many("UPDATE message SET due = ? WHERE id = ?", [(due, id_) for id_, due in late.items()])
        return [c for c in claims if c.candidate.id not in late]

    async def _events(self, uids: set[str]) -> dict[str, Event]:
        found = (
            await self.all(f"SELECT uid, body FROM event WHERE uid {IN_LIST}", [as_list(uids)])
            if uids
            else []
        )
        return {row["uid"]: rows.event(row) for row in found}

    async def _raise_sequence(self, candidate: Candidate, event: Event) -> Code | None:
        """Update a waiting message to the event's newest revision; SUPERSEDED if that is owed already, or was sent."""
        if await self._raised(candidate, event):
            return None
        c = candidate
        place = [c.event_uid, c.email, c.method, event.sequence, c.recurrence_id, c.repeat]
        gave_way = await self.run(_GIVES_WAY, place)
        return None if gave_way and await self._raised(candidate, event) else Code.SUPERSEDED

    async def _raised(self, candidate: Candidate, event: Event) -> bool:
        raised = await self.run(
            "UPDATE OR IGNORE message SET sequence = ?, message_id = ? WHERE id = ?",
            [event.sequence, message_id(candidate, event), candidate.id],
        )
        return bool(raised)

    async def _paced(self, key: str, limit: int, now: datetime, rate: float) -> int:
        """How many messages the rate allows now."""
        if not rate:
            return limit
        row = await self.one("SELECT next FROM pace WHERE key = ?", [key])
        return rules.allowed(limit, row["next"] if row else None, now.timestamp(), rate)

    async def _spend(self, key: str, n: int, now: datetime, rate: float) -> None:
        if rate and n:
            await self.run(
                "INSERT INTO pace(key, next) VALUES (?, ?) ON CONFLICT DO UPDATE SET next = max(next, ?) + ?",
                [key, now.timestamp() + n / rate, now.timestamp(), n / rate],
            )

    async def write(self, owner: str, answers: Sequence[SendResult], now: datetime) -> None:
        """Record the results of sending; if a lease was lost, the message's new holder records its result."""
        ids = {_id(answer) for answer in answers}
        held = await self.held(owner, ids)
        await self.release(owner, ids)
        answers = [answer for answer in answers if _id(answer) in held]
        if not answers:
            return
        sent = {a.message_id: a.text for a in answers if _plain(a)}
        if sent:
            await self.run(_SENT, [now.timestamp(), json.dumps(sent)])
        if others := [_answer_values(answer, now) for answer in answers if not _plain(answer)]:
            await self.run(_WRITTEN, [json.dumps(others)])
        await self._note_tries(answers, now)
        await changes.note_failures(self, [_id(a) for a in answers if a.state is MessageState.FAILED])
        await self.many(
            "INSERT OR IGNORE INTO transport_name(transport_id, message) VALUES (?,?)",
            [(answer.transport_id, _id(answer)) for answer in answers if answer.transport_id],
        )
        moved = Counter((held[_id(a)], a.state) for a in answers)
        for ((kind, event_uid, organizer, campaign_id, before), state), n in moved.items():
            self._count(kind, event_uid, organizer, campaign_id, before, -n)
            self._count(kind, event_uid, organizer, campaign_id, state, n)
        await self.count_sent(sum(a.state is MessageState.SENT for a in answers), now)
        for answer in answers:
            if answer.state is MessageState.FAILED:
                self.tally.failure(answer.code)

    async def hand_over(self, message: Message, now: datetime) -> None:
        moved = await self.settle(
            f"id = ? AND {WAITING}", [int(message.id)], MessageState.SENT, Code.HANDED_OVER, now
        )
        await self.count_sent(moved, now)

    async def spend_minutes(self, minutes: Mapping[str, int], now: datetime) -> bool:
        for key, minute in minutes.items():
            row = await self.one("SELECT next FROM pace WHERE key = ?", [f"key:{key}"])
            if not rules.allowed_in_minute(1, row["next"] if row else None, now.timestamp(), minute):
                return False
        for key, minute in minutes.items():
            await self._spend(f"key:{key}", 1, now, minute / 60)
        return True

    async def add_sent(self, messages: Sequence[Message], now: datetime) -> None:
        sent = [m.model_copy(update={"state": MessageState.SENT}) for m in messages]
        await self.add_messages(sent, priority=1)
        await self.run(
            f"UPDATE message SET settled = created, code = ? WHERE message_id {IN_LIST}",
            [Code.HANDED_OVER.value, as_list([m.message_id for m in sent])],
        )
        await self.count_sent_at([m.created for m in sent], now)

    async def _note_tries(self, answers: Sequence[SendResult], now: datetime) -> None:
        """Store a server's response to an attempt that settled nothing; the ledger itself has the last one.

        A server that stays away is noted once, however often it was called.
        """
        deferred = [a for a in answers if a.state is MessageState.DEFERRED]
        untried = [_id(a) for a in deferred if a.untried]
        if untried:
            await self.run(_NOTED_AGAIN, [UNTRIED, as_numbers(untried)])
        await self.note_attempts(
            (now.timestamp(), a.state.value, UNTRIED if a.untried else a.code, a.text, _id(a))
            for a in deferred
        )


def _whole(candidate: Candidate) -> bool:
    """True for a message that removes an entry from a calendar, which no pace delays."""
    return candidate.kind in {Kind.CANCELLATION, Kind.WITHDRAWAL}


def _id(answer: SendResult) -> int:
    """The id of the message's row; for callers it is an opaque text."""
    return int(answer.message_id)


def _plain(answer: SendResult) -> bool:
    """True if a mail server accepted the mail and there is nothing else to record."""
    return answer.state is MessageState.SENT and not (
        answer.code or answer.due or answer.untried or answer.in_doubt
    )


def _answer_values(answer: SendResult, now: datetime) -> tuple[object, ...]:
    settled = answer.state in {MessageState.SENT, MessageState.FAILED}
    tried = not answer.untried and answer.state is not MessageState.QUEUED
    return (
        _id(answer),
        answer.state.value,
        answer.code,
        answer.text,
        now.timestamp() if settled else None,
        rows.seconds(answer.due),
        int(tried),
        int(answer.in_doubt),
    )
