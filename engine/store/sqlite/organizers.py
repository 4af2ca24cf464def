"""Organizers and their domains."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine
from typing import TypeVar

from engine.model.counters import DomainBrief, OrganizerBrief
from engine.store.sqlite.counters import at_domain
from engine.store.sqlite.session import Session, Statements

T = TypeVar("T")


class Organizers(Session):
    """Questions about all organizers."""

    async def organizers(
        self, domain: str, beginning: str, limit: int, after: str = ""
    ) -> list[OrganizerBrief]:
        """Organizers by address, with their number of invitations."""
        found = await self.all(
            "SELECT o.address, coalesce((SELECT sum(n) FROM tally WHERE scope = 'organizer' AND key = o.address "
            "AND name = 'attendees'), 0) AS invited FROM organizer o WHERE o.address > ?1 "
            f"AND (?2 = '' OR {at_domain('o.address')} = ?2) AND substr(o.address, 1, length(?3)) = ?3 "
            "ORDER BY o.address LIMIT ?4",
            [after, domain, beginning, limit],
        )
        return [OrganizerBrief(address=row["address"], invited=row["invited"]) for row in found]

    async def organizer_domains(self, limit: int) -> list[DomainBrief]:
        """The domains with the most organizers."""
        found = await self.all(
            f"SELECT {at_domain('address')} AS domain, count(*) AS n FROM organizer "
            "GROUP BY 1 ORDER BY n DESC, domain LIMIT ?",
            [limit],
        )
        return [DomainBrief(domain=row["domain"], organizers=row["n"]) for row in found]


class OrganizerAnswers:
    """The store's questions about organizers, on its reading connection."""

    @abstractmethod
    async def _in_loop(self, ask: Callable[[Statements], Coroutine[object, object, T]]) -> T: ...

    async def organizers(
        self, domain: str, beginning: str, limit: int, after: str = ""
    ) -> list[OrganizerBrief]:
        return await self._in_loop(lambda s: Organizers(s).organizers(domain, beginning, limit, after))

    async def organizer_domains(self, limit: int) -> list[DomainBrief]:
        return await self._in_loop(lambda s: Organizers(s).organizer_domains(limit))
