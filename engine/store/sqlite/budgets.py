"""Budgets of keys, which change with the ledger in the same transaction."""

from __future__ import annotations

import json
import sqlite3
from abc import abstractmethod
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from engine.model.budgets import Spent
from engine.model.messages import Kind, Message, MessageState
from engine.refusals import Code
from engine.store import rules
from engine.store.sqlite.person_schema import PERSON
from engine.store.sqlite.session import IN_LIST, Session, as_list

_MAILS = ",".join(f"'{kind}'" for kind in Kind if rules.budget_of(kind) == "mails")
_CHANGES = ",".join(f"'{kind}'" for kind in Kind if rules.budget_of(kind) == "changes")
_SPEND = """
INSERT INTO key_day(key, day, mails, people, changes) VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE
    SET mails = mails + excluded.mails, people = people + excluded.people, changes = changes + excluded.changes
"""
_MEET = """
INSERT INTO key_person(key, person, first, day, n) SELECT ?1, value->>0, ?2, ?2, value->>1 FROM json_each(?3) WHERE true
ON CONFLICT DO UPDATE SET n = CASE WHEN day = excluded.day THEN n ELSE 0 END + excluded.n, day = excluded.day
"""
UNDECIDED = (
    "held = 1 AND key <> '' AND state IN ('queued','deferred') AND code IN ('key_ended','out_of_bounds') "
    "AND instr(' ' || key || ' ', ?) > 0"
)
"""The condition that a message waits for a decision about a key, given with a space on either side."""
# rows that are neither withdrawn before they left, nor uncounted, and what is reserved, beside the counters
MISCOUNTED = f"""
WITH caused AS (
    SELECT k.value AS key, CAST(m.created / 86400 AS INTEGER) AS day, m.kind
    FROM message m, json_each('["' || replace(m.key, ' ', '","') || '"]') k
    WHERE m.key <> '' AND (m.state <> 'withdrawn' OR m.in_doubt = 1)
), counted AS (
    SELECT key, day, sum(kind IN ({_MAILS})) AS mails, 0 AS people, sum(kind IN ({_CHANGES})) AS changes
    FROM caused GROUP BY 1, 2
    UNION ALL SELECT key, first, 0, count(*), 0 FROM key_person GROUP BY 1, 2
    UNION ALL SELECT k.value, r.day, r.mails, r.people, r.changes
    FROM key_reserve r, json_each('["' || replace(r.key, ' ', '","') || '"]') k
), summed AS (
    SELECT key, day, sum(mails) AS mails, sum(people) AS people, sum(changes) AS changes FROM counted GROUP BY 1, 2
    HAVING sum(mails) <> 0 OR sum(people) <> 0 OR sum(changes) <> 0
), kept AS (SELECT key, day, mails, people, changes FROM key_day WHERE mails <> 0 OR people <> 0 OR changes <> 0)
SELECT count(*) AS n FROM (SELECT * FROM (SELECT * FROM summed EXCEPT SELECT * FROM kept)
    UNION ALL SELECT * FROM (SELECT * FROM kept EXCEPT SELECT * FROM summed))
"""
"""The query for days on which keys' budgets differ from the ledger."""


class KeyBudgets(Session):
    """The part of a unit of work for budgets of keys."""

    _met: int = 0

    async def count_for_keys(self, messages: Sequence[Message]) -> None:
        """Count newly owed messages for each key that caused them."""
        self._met = 0
        keyed = [m for m in messages if m.key and rules.budget_of(m.kind)]
        if not keyed:
            return
        spent: Counter[tuple[str, int, str]] = Counter()
        persons: dict[tuple[str, int], Counter[str]] = {}
        for (key, kind, day), some in _alike(keyed).items():
            for one in key.split():
                spent[one, day, rules.budget_of(kind)] += len(some)
                if kind in rules.FOR_PERSONS:
                    persons.setdefault((one, day), Counter()).update(map(rules.person, some))
        for (one, day), people in persons.items():
            self._met = new = await self._meet(one, day, people)
            spent[one, day, "people"] += new
        await self._charge(spent)

    async def _meet(self, key: str, day: int, people: Mapping[str, int]) -> int:
        """Record the people a key mails, and return how many of them it never mailed before."""
        found = await self.all(
            f"SELECT person FROM key_person WHERE key = ? AND person {IN_LIST}", [key, as_list(people)]
        )
        await self.run(_MEET, [key, day, json.dumps(sorted(people.items()))])
        return len(people) - len(found)

    async def _charge(self, spent: Mapping[tuple[str, int, str], int]) -> None:
        days = {(key, day) for key, day, _ in spent}
        await self.many(
            _SPEND,
            [
                (*d, *(spent.get((*d, what), 0) for what in ("mails", "people", "changes")))
                for d in sorted(days)
            ],
        )

    async def release_budgets(self, where: str, values: Sequence[object], *, sure: bool = True) -> None:
        """Give back what messages about to be withdrawn have spent; `sure`: only those that cannot have left."""
        doubt = "AND in_doubt = 0" if sure else ""
        await self._charge_for(f"{where} {doubt} AND state <> 'withdrawn'", values, -1)

    async def take_again(self, where: str, values: Sequence[object]) -> None:
        """Charge again for withdrawn messages that are about to be owed again."""
        # The charge for messages that may have left was never given back.
        await self._charge_for(f"{where} AND in_doubt = 0 AND state = 'withdrawn'", values, 1)

    async def _charge_for(self, where: str, values: Sequence[object], sign: int) -> None:
        found = await self.all(
            "SELECT key, CAST(created / 86400 AS INTEGER) AS day, kind, count(*) AS n FROM message "
            f"WHERE {where} AND key <> '' GROUP BY 1, 2, 3",
            values,
        )
        spent: Counter[tuple[str, int, str]] = Counter()
        for row in found:
            what = rules.budget_of(Kind(row["kind"]))
            for key in row["key"].split() if what else ():
                spent[key, row["day"], what] += sign * row["n"]
        if spent:
            await self._charge(spent)

    async def spent(self, key_ids: Collection[str], now: datetime) -> dict[str, Spent]:
        found = await self.all(
            "SELECT key, sum(mails * (day = ?1)) AS mails, sum(people * (day = ?1)) AS people, "
            "sum(changes * (day = ?1)) AS changes, sum(people) AS met FROM key_day "
            "WHERE key IN (SELECT value FROM json_each(?2)) GROUP BY key",
            [rules.day(now), as_list(key_ids)],
        )
        known = {row["key"]: row for row in found}
        return {one: _spent(known[one]) if one in known else Spent() for one in key_ids}

    async def mailed_today(self, key_id: str, emails: Collection[str], now: datetime) -> dict[str, int]:
        found = await self.all(
            f"SELECT person, n * (day = ?) AS n FROM key_person WHERE key = ? AND person {IN_LIST}",
            [rules.day(now), key_id, as_list({rules.person(email) for email in emails})],
        )
        return {row["person"]: row["n"] for row in found}

    async def new_people(self, key_id: str, campaign_id: str) -> int:
        row = await self.one(
            f"SELECT count(DISTINCT {PERSON}) AS n FROM campaign_row WHERE campaign_id = ? AND code = '' "
            f"AND {PERSON} NOT IN (SELECT person FROM key_person WHERE key = ?)",
            [campaign_id, key_id],
        )
        return int(row["n"]) if row else 0

    async def reserve(self, campaign_id: str, key: str, now: datetime, spent: Spent) -> None:
        numbers = {"mails": spent.mails, "people": spent.people, "changes": spent.changes}
        await self.run(
            "INSERT INTO key_reserve(campaign_id, key, day, mails, people, changes) VALUES (?,?,?,?,?,?)",
            [campaign_id, key, rules.day(now), *numbers.values()],
        )
        await self._charge({(k, rules.day(now), w): n for k in key.split() for w, n in numbers.items()})

    async def release_reserve(self, campaign_id: str, written: int | None) -> None:
        row = await self.one("SELECT * FROM key_reserve WHERE campaign_id = ?", [campaign_id])
        if row is None:
            return
        most = {"mails": written, "people": self._met, "changes": written}
        back = {w: row[w] if written is None else min(row[w], n or 0) for w, n in most.items()}
        if written is None:
            await self.run("DELETE FROM key_reserve WHERE campaign_id = ?", [campaign_id])
        else:
            await self.run(
                "UPDATE key_reserve SET mails = mails - ?, people = people - ?, changes = changes - ? "
                "WHERE campaign_id = ?",
                [*back.values(), campaign_id],
            )
        await self._charge({(k, row["day"], w): -n for k in row["key"].split() for w, n in back.items()})

    async def mails_of_ended(self, key_id: str) -> int:
        row = await self.one(
            "SELECT count(*) AS n FROM message WHERE key <> '' AND instr(' ' || key || ' ', ?) > 0 "
            "AND (state IN ('queued','deferred') OR state = 'withdrawn' AND code = ?)",
            [f" {key_id} ", Code.KEY_ENDED.value],
        )
        return int(row["n"]) if row else 0

    async def waiting_mails(self, key_id: str) -> int:
        row = await self.one(f"SELECT count(*) AS n FROM message WHERE {UNDECIDED}", [f" {key_id} "])
        return int(row["n"]) if row else 0

    @abstractmethod
    async def settle(
        self, where: str, values: Sequence[object], state: MessageState, code: Code, now: datetime
    ) -> int:
        """Put messages into a final state, and return how many."""


def _alike(messages: Iterable[Message]) -> dict[tuple[str, Kind, int], list[str]]:
    """The addresses of messages, grouped by keys, kind and day."""
    groups: dict[tuple[str, Kind, int], list[str]] = {}
    for m in messages:
        groups.setdefault((m.key, m.kind, rules.day(m.created)), []).append(m.email)
    return groups


def _spent(row: sqlite3.Row) -> Spent:
    return Spent(mails=row["mails"], people=row["people"], changes=row["changes"], met=row["met"])
