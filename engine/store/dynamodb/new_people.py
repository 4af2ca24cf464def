"""Counts the people of a list whom a key never mailed."""

from __future__ import annotations

from engine.store import rules
from engine.store.dynamodb.budgets import PERSONS
from engine.store.dynamodb.lists import ListQuestions

_PAGE = 100


class NewPeople(ListQuestions):
    """The part of a unit of work that counts them before a campaign reserves its budget."""

    async def new_people(self, key_id: str, campaign_id: str) -> int:
        """How many people of a list the key never mailed."""
        seen: set[str] = set()
        page: list[str] = []
        new = 0
        async for row in self.each_row(campaign_id, 0):
            who = rules.person(row.email)
            if row.code or who in seen:
                continue
            seen.add(who)
            page.append(who)
            if len(page) == _PAGE:
                new += await self._never_mailed(key_id, page)
                page = []
        return new + await self._never_mailed(key_id, page)

    async def _never_mailed(self, key_id: str, people: list[str]) -> int:
        found = await self.rows.many(PERSONS, [(who,) for who in people])
        return len(people) - sum(key_id in person.keys for person in found)
