"""Budgets of keys, and mails owed to a person per day, counted in the unit of work that owes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from engine.model.base import Value
from engine.model.budgets import Spent
from engine.model.counters import PersonMails
from engine.model.messages import Message, MessageState
from engine.refusals import Code
from engine.store import rules
from engine.store.dynamodb.day_limit import SentHoursRead
from engine.store.dynamodb.names import joined, number
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import summed
from engine.store.dynamodb.tallies import SHARDS, Counting

_DAYS_KEPT = 2


class Met(NamedTuple):
    """When a key first mailed a person, and how many mails it owes them on the last day that it owed any."""

    first: int
    day: int
    n: int


class PersonCounts(Value):
    """Counts for one person: mails by day, all and prompted, and those of each key."""

    person: str
    days: Mapping[int, tuple[int, int]] = {}
    keys: Mapping[str, Met] = {}


class SpentDay(Value):
    """What a key has spent on one day."""

    key: str
    day: int
    mails: int = 0
    people: int = 0
    changes: int = 0


class CampaignReserve(Value):
    """What is reserved for a campaign whose messages are not written yet."""

    campaign_id: str
    key: str
    day: int
    mails: int
    people: int
    changes: int


# A unit that owes a person a mail also writes their item, so what it read is checked.
PERSONS = KindTable[PersonCounts]("person", PersonCounts, key=lambda person: (person.person,), checked=False)
KEY_DAYS = KindTable[SpentDay]("key-day", SpentDay, key=lambda day: (day.key, number(day.day)))
RESERVES = KindTable[CampaignReserve]("reserve", CampaignReserve, key=lambda reserve: (reserve.campaign_id,))


def mails_of(key_id: str, shard: int) -> tuple[str, str]:
    """The key of the counters of a key's mails, by their outcome."""
    return joined("key-mails", key_id), str(shard)


class BudgetQuestions(SentHoursRead):
    """Questions about budgets."""

    async def person_mails(self, emails: Collection[str], now: datetime) -> dict[str, PersonMails]:
        """What the people with these addresses were owed today (UTC), by their address without +tag."""
        today = rules.day(now)
        found = await self.rows.many(PERSONS, [(who,) for who in {rules.person(e) for e in emails}])
        return {
            p.person: PersonMails(all=p.days[today][0], prompted=p.days[today][1])
            for p in found
            if today in p.days
        }

    async def spent(self, key_ids: Collection[str], now: datetime) -> dict[str, Spent]:
        """What each of these keys has spent today."""
        return {one: await self._spent(one, rules.day(now)) for one in key_ids}

    async def _spent(self, key_id: str, today: int) -> Spent:
        days = await self.rows.under(KEY_DAYS, key_id)
        now = next((day for day in days if day.day == today), None)
        if now is None:
            self.items.not_found(KEY_DAYS.at(key_id, number(today)))
            now = SpentDay(key=key_id, day=today)
        met = sum(day.people for day in days)
        return Spent(mails=now.mails, people=now.people, changes=now.changes, met=met)

    async def mailed_today(self, key_id: str, emails: Collection[str], now: datetime) -> dict[str, int]:
        """How many mails of the key each person is owed today, for those of these addresses it ever mailed."""
        today = rules.day(now)
        found = await self.rows.many(PERSONS, [(who,) for who in {rules.person(e) for e in emails}])
        met = {p.person: p.keys[key_id] for p in found if key_id in p.keys}
        return {who: m.n if m.day == today else 0 for who, m in met.items()}

    async def mails_of_ended(self, key_id: str) -> int:
        """The number of a key's mails that have not left, or were withdrawn because it ended."""
        found = summed((await self.items.numbers_under(mails_of(key_id, 0)[0])).values())
        return found.get("waiting", 0) + found.get("ended", 0)


class Budgets(BudgetQuestions, Counting):
    """Changes of budgets in a unit of work."""

    _met: int = 0

    async def count_for_persons_and_keys(self, messages: Sequence[Message]) -> None:
        """Count newly owed messages for each person, and for each key that caused them."""
        self._met = 0
        await self._count_persons([m for m in messages if rules.counts_for_person(m)])
        spent: Counter[tuple[str, int, str]] = Counter()
        for m in messages:
            budget = rules.budget_of(m.kind)
            for key in m.key.split():
                self._count_of_key(key, m, 1)
                if budget:
                    spent[key, rules.day(m.created), budget] += 1
        for (key, day), some in _by_key(messages).items():
            self._met = new = await self._meet(key, day, some)
            spent[key, day, "people"] += new
        await self._charge(spent)

    async def _count_persons(self, messages: Sequence[Message]) -> None:
        people = await self._persons(m.email for m in messages)
        for m in messages:
            who, day = rules.person(m.email), rules.day(m.created)
            known = people[who]
            n, prompted = known.days.get(day, (0, 0))
            days = {d: c for d, c in known.days.items() if d > day - _DAYS_KEPT}
            days[day] = (n + 1, prompted + m.prompted)
            people[who] = known.model_copy(update={"days": days})
        await self._keep(people.values())

    async def _persons(self, emails: Iterable[str]) -> dict[str, PersonCounts]:
        who = dict.fromkeys(rules.person(email) for email in emails)
        found = {p.person: p for p in await self.rows.many(PERSONS, [(one,) for one in who])}
        return {one: found.get(one) or PersonCounts(person=one) for one in who}

    async def _keep(self, people: Iterable[PersonCounts]) -> None:
        for person in people:
            await self.rows.put(PERSONS, person)

    async def _meet(self, key: str, day: int, emails: Sequence[str]) -> int:
        """Record the people a key mails, and return how many of them it never mailed before."""
        people, new = await self._persons(emails), 0
        for who, n in Counter(map(rules.person, emails)).items():
            known = people[who]
            met = known.keys.get(key)
            new += met is None
            now = Met(met.first if met else day, day, n + (met.n if met and met.day == day else 0))
            people[who] = known.model_copy(update={"keys": {**known.keys, key: now}})
        await self._keep(people.values())
        return new

    async def _charge(self, spent: Mapping[tuple[str, int, str], int]) -> None:
        for key, day in {(key, day) for (key, day, _), n in spent.items() if n}:
            known = await self.rows.get(KEY_DAYS, key, number(day)) or SpentDay(key=key, day=day)
            names = ("mails", "people", "changes")
            new = {name: getattr(known, name) + spent.get((key, day, name), 0) for name in names}
            await self.rows.put(KEY_DAYS, known.model_copy(update=new))

    def _count_of_key(self, key: str, m: Message, sign: int) -> None:
        if name := counted_of_key(m):
            self.items.add(mails_of(key, self.shard % SHARDS), name, sign)

    async def settle_budgets(self, old: Message, new: Message) -> None:
        """Give back what a message spent if it is withdrawn before it left, and charge again if it is owed again."""
        for key in old.key.split():
            self._count_of_key(key, old, -1)
        for key in new.key.split():
            self._count_of_key(key, new, 1)
        was, now = (_returned(m) for m in (old, new))
        budget = rules.budget_of(new.kind)
        if was == now or not budget:
            return
        day = rules.day(old.created)
        await self._charge({(key, day, budget): -1 if now else 1 for key in old.key.split()})

    async def free_of_keys(self, message: Message) -> None:
        """Give back what a message spent whose keys no longer apply to it."""
        budget = rules.budget_of(message.kind)
        for key in message.key.split():
            self._count_of_key(key, message, -1)
        if budget:
            day = rules.day(message.created)
            await self._charge({(key, day, budget): -1 for key in message.key.split()})

    async def reserve(self, campaign_id: str, key: str, now: datetime, spent: Spent) -> None:
        """Reserve what a campaign will cause, for all keys of `key`, until its messages are written."""
        numbers = {"mails": spent.mails, "people": spent.people, "changes": spent.changes}
        day = rules.day(now)
        await self.rows.put(RESERVES, CampaignReserve(campaign_id=campaign_id, key=key, day=day, **numbers))
        await self._charge({(k, day, w): n for k in key.split() for w, n in numbers.items()})

    async def release_reserve(self, campaign_id: str, written: int | None) -> None:
        """Give back the reserve for `written` messages, which are now counted themselves; None: all of it."""
        known = await self.rows.get(RESERVES, campaign_id)
        if known is None:
            return
        left = {"mails": known.mails, "people": known.people, "changes": known.changes}
        most = {"mails": written, "people": self._met, "changes": written}
        back = left if written is None else {w: min(n, most[w] or 0) for w, n in left.items()}
        if written is None:
            await self.rows.drop(RESERVES, campaign_id)
        else:
            rest = {w: n - back[w] for w, n in left.items()}
            await self.rows.put(RESERVES, known.model_copy(update=rest))
        await self._charge({(k, known.day, w): -n for k in known.key.split() for w, n in back.items()})

    async def drop_days(self, now: datetime, limit: int) -> int:
        """Delete nothing: counters of past days are dropped when the person is next owed a mail."""
        return 0


def counted_of_key(m: Message) -> str:
    """The name under which a message counts for its keys; empty if it does not count."""
    return "waiting" if m.state.pending else "ended" if _ended_with_key(m) else ""


def _ended_with_key(m: Message) -> bool:
    return m.state is MessageState.WITHDRAWN and m.code == Code.KEY_ENDED


def _returned(m: Message) -> bool:
    """True if a message counts towards no budget: it was withdrawn before it could leave."""
    return m.state is MessageState.WITHDRAWN and not m.in_doubt


def _by_key(messages: Sequence[Message]) -> dict[tuple[str, int], list[str]]:
    """The addresses that each key mails on each day."""
    found: dict[tuple[str, int], list[str]] = {}
    for m in messages:
        if m.kind in rules.FOR_PERSONS:
            for key in m.key.split():
                found.setdefault((key, rules.day(m.created)), []).append(m.email)
    return found
