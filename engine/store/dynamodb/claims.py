"""The dispatcher's side of the ledger: claims are leases (promise 6), results move checkpoints (promise 5)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from engine.model.campaigns import CampaignState
from engine.model.claims import Claim, SendResult
from engine.model.messages import UNTRIED, Attempt, Kind, Message, MessageState, with_attempt
from engine.refusals import Code
from engine.store import rules
from engine.store.dynamodb.held_now import Holding
from engine.store.dynamodb.judging import Facts, Judging
from engine.store.dynamodb.names import joined
from engine.store.dynamodb.owed import (
    BUCKETS,
    INVITEES,
    Invitee,
    Owed,
    Past,
    RowPlace,
    kind_of,
    row_of,
    turn,
)
from engine.store.dynamodb.quotas import Quotas
from engine.store.dynamodb.table import Index
from engine.store.dynamodb.wires import Item

_ALL = "send"
"""The name of the rate of all messages together; that of a campaign is its id."""
_CHANGED_MOST = 30
"""The most messages that one claim rewrites because they are withdrawn, held or postponed."""

_KEYS_MOST = 35
"""The number of items up to which a claim examines more keys, each of whose rates may be another item."""
_CLAIMED_MOST = 60
"""The number of items up to which a claim examines more messages; one, rate and quota need at most 30 more."""

_WRITTEN_MOST = 75
"""The most items for results in one unit of work; the last one, leases and counters need at most 20 more."""


@dataclass
class _Pass:
    """A claim in progress: the claimed messages, their buckets, and how many messages were rewritten.

    `more`: it ends before examining all messages, since the unit of work is full. `lease`: what its leases are called.
    """

    now: datetime
    claims: list[Claim] = field(default_factory=list)
    rows: list[Owed] = field(default_factory=list)
    buckets: set[str] = field(default_factory=set)
    changed: int = 0
    more: bool = False
    lease: str = field(default_factory=lambda: secrets.token_urlsafe(3))


class Claims(Judging, Quotas):
    """Claims messages for a dispatcher and records the results."""

    async def claim(
        self, owner: str, limit: int, now: datetime, lease_s: float, quota: str = ""
    ) -> tuple[list[Claim], bool]:
        """Lease up to `limit` messages that are due and may leave; withdraw those that may not (promise 7).

        Also returns whether there may be more, since a unit of work can rewrite only so many messages.
        """
        limit = await self._left(limit, quota, now)
        done = _Pass(now)
        buckets = [str(n) for n in range(BUCKETS)]
        for priority in (0, 1):
            await self._from(buckets, priority, limit - len(done.rows), done)
        for campaign in await self.running_with_rate():
            if self._full(done):
                break
            rate = campaign.rate or 0
            allowed = await self.allowed(campaign.id, limit - len(done.rows), now, rate)
            before = len(done.rows)
            await self._from([joined("rate", campaign.id)], 1, allowed, done)
            await self.spend(campaign.id, len(done.rows) - before, now, rate)
        if done.rows:
            await self.take(owner, done.rows, self.shared(now) + lease_s, done.lease)
            await self.spend(_ALL, len(done.rows), now, self.context.rates.all)
            await self.spend_quota(quota, len(done.rows), now)
        return done.claims, done.more

    def _full(self, done: _Pass) -> bool:
        """True once a claim fills a unit of work, including the lease of each bucket, which is written last."""
        items = self.items.actions + len(done.buckets)
        done.more = done.more or done.changed >= _CHANGED_MOST or items >= _CLAIMED_MOST
        return done.more

    async def _left(self, limit: int, quota: str, now: datetime) -> int:
        """How many messages all rates and limits allow now."""
        rates = self.context.rates
        limit = await self.allowed(_ALL, limit, now, rates.all)
        if rates.day:
            limit = min(limit, await self.left_today(rates.day, now))
        service = await self.quota(quota)
        limit = await self.allowed(f"quota {quota}", limit, now, service.rate)
        return limit if service.remaining is None else min(limit, service.remaining)

    async def _from(self, buckets: Sequence[str], priority: int, limit: int, done: _Pass) -> None:
        """Claim due messages of these buckets, in order, until there are `limit`."""
        if limit <= 0 or self._full(done):
            return
        found, people = await self._candidates(buckets, priority, limit, done.now)
        if not found:
            return
        some = await self.first_within(found, _KEYS_MOST)
        facts = await self.facts(some, people)
        for n, owed in enumerate(some):
            if n and self._full(done):
                return
            if await self._may_leave(owed, facts, done):
                continue
            done.changed += 1
        done.more = len(some) < len(found)

    async def _candidates(
        self, buckets: Sequence[str], priority: int, limit: int, now: datetime
    ) -> tuple[list[Owed], dict[tuple[str, str], Invitee]]:
        """The next due messages without a lease, in order, and the attendees they are for."""
        held = await self.held_ids()
        leases, after = await self.leases(), f"{priority}#"
        before = turn(priority, now + timedelta(microseconds=1))
        busy = {
            bucket: sum(len(run.rows) for run in leases[bucket].runs.values()) if bucket in leases else 0
            for bucket in buckets
        }
        most = {bucket: limit + n for bucket, n in busy.items()}
        rows: list[Owed] = []
        people: dict[tuple[str, str], Invitee] = {}
        lot = limit + sum(busy.values())
        async for items in self.items.indexed_in(Index.DUE, most, after=after, before=before, lot=lot):
            found = [row for item in items if (row := row_of(item)) and row.message.id not in held]
            people |= await self._people_of(items, found)
            rows += [owed for owed in found if _first(owed, people)]
            if len(rows) >= limit:
                break
        return rows[:limit], people

    async def _people_of(self, items: Sequence[Item], rows: Sequence[Owed]) -> dict[tuple[str, str], Invitee]:
        """The attendees that these messages are for, most of whom have been read already."""
        mine = [INVITEES.value(item) for item in items if kind_of(item.key) is INVITEES]
        people = {(i.attendee.event_uid, i.attendee.email): i for i in mine}
        messages = [owed.message for owed in rows if owed.message.method]
        lacking = [m for m in messages if (m.event_uid, m.email) not in people]
        others = await self.rows.many(INVITEES, [(m.event_uid or "", "attendee", m.email) for m in lacking])
        return people | {(i.attendee.event_uid, i.attendee.email): i for i in others}

    async def _may_leave(self, owed: Owed, facts: Facts, done: _Pass) -> bool:
        """True if a message may be claimed; otherwise it is withdrawn, held or postponed."""
        now, m = done.now, owed.message
        if facts.waits(m):
            await self.depend_on_hold(m, facts)
            await self.save_row(owed, owed.model_copy(update={"held": True}))
            return False
        code, newest = await self._judged(owed, facts, now)
        verdict = rules.LEAVES if code else facts.by_keys(m, now)
        if verdict.held or verdict.due:
            waiting = newest.changed(code=verdict.code or "", due=verdict.due or m.due)
            await self.save_row(owed, waiting.model_copy(update={"held": verdict.held}))
            return False
        code = code or verdict.code
        if code:
            await self.settle([owed], MessageState.WITHDRAWN, code, now)
            return False
        due = await self._later(newest, facts, now)
        if due:
            await self.save_row(owed, newest.changed(due=due))
            return False
        if newest is not owed:
            await self.save_row(owed, newest)
            done.changed += 1
        done.rows.append(newest)
        done.buckets.add(newest.bucket)
        done.claims.append(facts.claim(newest, now)._replace(lease=done.lease))
        return True

    async def _judged(self, owed: Owed, facts: Facts, now: datetime) -> tuple[Code | None, Owed]:
        """Why a message may not leave, or None, and the message with its event's newest revision."""
        m = owed.message
        code, event = facts.barred(m, now), facts.events.get(m.event_uid or "")
        if not code and event and rules.contradicted(m.kind, m.recurrence_id, event, self.context.expand):
            code = Code.SUPERSEDED
        if code or event is None or m.method is None or m.sequence >= event.sequence:
            return code, owed
        name = rules.leaving_message_id(m.message_id, m.sequence, event.sequence, in_doubt=m.in_doubt)
        newer = owed.changed(sequence=event.sequence, message_id=name)
        wanted = rules.ledger_key(newer.message)
        for past in facts.people[m.event_uid or "", m.email].messages:
            key = (m.event_uid, past.method or None, past.sequence, past.recurrence_id, m.email)
            same = past.id != m.id and past.repeat == m.repeat and key == wanted
            if same and not await self._gives_way(past, m):
                return Code.SUPERSEDED, owed
        return None, newer

    async def _gives_way(self, past: Past, m: Message) -> bool:
        """True for a row that ended unsent, or is about to with its campaign: it leaves its place to an older one."""
        if past.gone:
            return False
        place = RowPlace(m.event_uid or "", m.email, past.id)
        owed = (await self.rows_at([place])).get(past.id)
        if owed is None or (owed.message.state.pending and not await self._ends_with_campaign(owed)):
            return False
        await self.save_row(owed, owed.changed(repeat=past.id))
        return True

    async def _ends_with_campaign(self, owed: Owed) -> bool:
        """True for a waiting row of a cancelled campaign, which no job has withdrawn yet, and nobody holds."""
        m = owed.message
        campaign = await self.campaign(m.campaign_id) if m.campaign_id else None
        over = campaign is not None and campaign.state is CampaignState.CANCELLED
        return over and m.id not in await self.held_ids()

    async def _later(self, owed: Owed, facts: Facts, now: datetime) -> datetime | None:
        """When a message is due again if the rate of its domain or of one of its keys is used up, else None."""
        m, rates = owed.message, self.context.rates.by_domain
        domain = m.email.rpartition("@")[2]
        rate = rates.get(domain, 0)
        if rate and not await self.allowed(f"@{domain}", 1, now, rate):
            return await self.turn_of_late(f"late {owed.priority} @{domain}", now, rate)
        late = await self._late_for_keys(owed, facts, now)
        if late is None:
            await self.spend(f"@{domain}", 1, now, rate)
        return late

    async def _late_for_keys(self, owed: Owed, facts: Facts, now: datetime) -> datetime | None:
        m = owed.message
        if not m.key or m.kind in {Kind.CANCELLATION, Kind.WITHDRAWAL}:
            return None
        minutes = [(k.id, k.bounds.minute) for k in facts.standings[m.key].in_force(now).keys if k.bounds]
        for key, minute in minutes:
            if minute and not await self.allowed_in_minute(f"key:{key}", now, minute):
                return await self.turn_of_late(f"late {owed.priority} key:{key}", now, minute / 60)
        for key, minute in minutes:
            await self.spend(f"key:{key}", 1, now, minute / 60)
        return None

    async def write(self, owner: str, results: Sequence[SendResult], now: datetime) -> int:
        """Record as many of these results as fit into a unit, and return how many.

        If a lease was lost, the message's new holder records its result. What gives a message back counts for its own
        lease alone: it may be written down again, after the same dispatcher has claimed the message anew.
        """
        runs = [run for lease in (await self.leases()).values() if (run := lease.runs.get(owner))]
        mine = {row.id: row for run in runs for row in run.rows}
        meant = {n for n, r in enumerate(results) if _counts_for(r, mine.get(r.message_id))}
        found = await self.rows_at(mine[results[n].message_id].place for n in meant)
        sent, back = 0, list[str]()
        for n, result in enumerate(results):
            if self.items.actions > _WRITTEN_MOST:
                results = results[:n]
                break
            if n not in meant:
                continue
            owed = found.get(result.message_id)
            if owed and owed.message.state.pending:
                await self.save_row(owed, await self.as_campaign_is(_written(owed, result, now)))
                sent += result.state is MessageState.SENT
            if not _settles(result):
                back.append(result.message_id)
        await self.let_go(owner, back)
        self.count_sent(sent, now)
        return len(results)

    async def let_go(self, owner: str, ids: Iterable[str]) -> None:
        """End the leases of `owner` on messages that are still owed; settled ones may remain in its runs."""
        gone = set(ids)
        if not gone:
            return
        for lease in (await self.leases()).values():
            run = lease.runs.get(owner)
            if run and any(row.id in gone for row in run.rows):
                rest = run.model_copy(update={"rows": tuple(r for r in run.rows if r.id not in gone)})
                await self.keep(lease, {**lease.runs, owner: rest})


def _settles(result: SendResult) -> bool:
    return result.state in {MessageState.SENT, MessageState.FAILED}


def _counts_for(result: SendResult, row: Holding | None) -> bool:
    """True if a result is that of a lease, or settles its message whatever became of the lease."""
    return row is not None and (_settles(result) or result.lease in {"", row.lease})


def _first(owed: Owed, people: Mapping[tuple[str, str], Invitee]) -> bool:
    """True if nothing older is owed to the same attendee: messages to one person keep their order.

    What is held keeps nobody else's waiting: it may be decided in weeks, or never.
    """
    m = owed.message
    if not m.method:
        return True
    invitee = people.get((m.event_uid or "", m.email))
    pending = [p.id for p in invitee.messages if p.state.pending and not p.held] if invitee else []
    return not pending or pending[0] == m.id


def _written(owed: Owed, result: SendResult, now: datetime) -> Owed:
    """A row with the result of an attempt."""
    m = owed.message
    tried = not result.untried and result.state is not MessageState.QUEUED
    new = owed.changed(
        state=result.state,
        code=result.code,
        answer=result.text,
        settled=now if _settles(result) else None,
        due=result.due or m.due,
        attempts=m.attempts + tried,
        in_doubt=m.in_doubt or result.in_doubt,
    )
    update: dict[str, object] = {"transport_id": result.transport_id} if result.transport_id else {}
    if result.state is MessageState.DEFERRED:
        code = UNTRIED if result.untried else result.code
        last = Attempt(at=now, state=result.state, code=code, answer=result.text)
        update["attempts"] = with_attempt(owed.attempts, last)
    return new.model_copy(update=update)
