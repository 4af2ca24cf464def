"""Counters of mails owed to a person per day; they change with the ledger, and past days are deleted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from engine.model.counters import PersonMails
from engine.model.messages import Message
from engine.store import rules
from engine.store.sqlite.session import IN_LIST, Session, as_list

_ADD = """
INSERT INTO person_mail(day, person, n, prompted) SELECT ?, value, 1, ? FROM json_each(?) WHERE true
    ON CONFLICT DO UPDATE SET n = n + 1, prompted = prompted + excluded.prompted
"""


class DayCounters(Session):
    """The part of a unit of work that counts mails by person and day."""

    async def count_for_persons(self, messages: Sequence[Message]) -> None:
        """Count newly owed messages, with one statement for all of the same cause and time."""
        alike: dict[tuple[datetime, bool], list[str]] = {}
        for m in messages:
            if rules.counts_for_person(m):
                alike.setdefault((m.created, m.prompted), []).append(rules.person(m.email))
        for (created, prompted), persons in alike.items():
            # In order, since neighbours share a page of the table.
            await self.run(_ADD, [rules.day(created), int(prompted), as_list(sorted(persons))])

    async def person_mails(self, emails: Collection[str], now: datetime) -> dict[str, PersonMails]:
        persons = {rules.person(email) for email in emails}
        found = await self.all(
            f"SELECT person, n, prompted FROM person_mail WHERE day = ? AND person {IN_LIST}",
            [rules.day(now), as_list(persons)],
        )
        return {row["person"]: PersonMails(all=row["n"], prompted=row["prompted"]) for row in found}

    async def drop_days(self, now: datetime, limit: int) -> int:
        return await self.run(
            "DELETE FROM person_mail WHERE (day, person) IN "
            "(SELECT day, person FROM person_mail WHERE day < ? ORDER BY day, person LIMIT ?)",
            [rules.day(now) - 1, limit],
        )
