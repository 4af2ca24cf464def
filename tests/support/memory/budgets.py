"""A unit of work over a snapshot: budgets of keys, counted anew each time they are asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from engine.model.budgets import Spent
from engine.model.messages import Message, MessageState
from engine.refusals import Code
from engine.store import rules
from tests.support.memory.ledger import LedgerUnit


@dataclass(frozen=True)
class _Reserved:
    key: str
    day: int
    mails: int
    people: int
    changes: int
    met: int


class BudgetUnit(LedgerUnit):
    """The part of a unit of work that concerns budgets of keys."""

    def _caused(self, key_id: str) -> list[Message]:
        return [row.message for _, row in self.owed(lambda m: key_id in m.key.split())]

    def _first_days(self, key_id: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for m in self._caused(key_id):
            if m.kind in rules.FOR_PERSONS:
                who, day = rules.person(m.email), rules.day(m.created)
                found[who] = min(found.get(who, day), day)
        return found

    async def spent(self, key_ids: Collection[str], now: datetime) -> dict[str, Spent]:
        return {one: self._spent(one, rules.day(now)) for one in key_ids}

    def _spent(self, key_id: str, today: int) -> Spent:
        counted = Counter(
            rules.budget_of(m.kind)
            for m in self._caused(key_id)
            if rules.day(m.created) == today and (m.state is not MessageState.WITHDRAWN or m.in_doubt)
        )
        firsts = Counter(self._first_days(key_id).values())
        reserved = [r for r in self.t.of("key_reserve").values() if key_id in r.key.split()]
        now = [r for r in reserved if r.day == today]
        return Spent(
            mails=counted["mails"] + sum(r.mails for r in now),
            people=firsts[today] + sum(r.people for r in now),
            changes=counted["changes"] + sum(r.changes for r in now),
            met=sum(firsts.values()) + sum(r.people for r in reserved),
        )

    async def mailed_today(self, key_id: str, emails: Collection[str], now: datetime) -> dict[str, int]:
        wanted, today = {rules.person(email) for email in emails}, rules.day(now)
        counted = Counter(
            rules.person(m.email)
            for m in self._caused(key_id)
            if m.kind in rules.FOR_PERSONS and rules.day(m.created) == today
        )
        return {who: counted[who] for who in self._first_days(key_id) if who in wanted}

    async def new_people(self, key_id: str, campaign_id: str) -> int:
        rows = self._rows(campaign_id, 0, good=True)
        return len({rules.person(row.email) for row in rows} - self._first_days(key_id).keys())

    async def reserve(self, campaign_id: str, key: str, now: datetime, spent: Spent) -> None:
        met = self._met(key)
        reserved = _Reserved(key, rules.day(now), spent.mails, spent.people, spent.changes, met)
        self.t.put("key_reserve", campaign_id, reserved)

    def _met(self, key: str) -> int:
        return len(self._first_days(key.rsplit(maxsplit=1)[-1]))

    async def release_reserve(self, campaign_id: str, written: int | None) -> None:
        r = self.t.get("key_reserve", campaign_id)
        if r is None:
            return
        if written is None:
            self.t.drop("key_reserve", campaign_id)
            return
        met = self._met(r.key)
        left = replace(
            r,
            mails=max(0, r.mails - written),
            people=max(0, r.people - (met - r.met)),
            changes=max(0, r.changes - written),
            met=met,
        )
        self.t.put("key_reserve", campaign_id, left)

    async def mails_of_ended(self, key_id: str) -> int:
        gone = (MessageState.WITHDRAWN, Code.KEY_ENDED)
        return sum(m.state.pending or (m.state, m.code) == gone for m in self._caused(key_id))

    async def waiting_mails(self, key_id: str) -> int:
        return len(self.undecided(key_id))
