"""What is asked about organizers as a whole: which there are, and at which domains."""

from __future__ import annotations

from engine.commands.operators.operators import may_administer
from engine.model.actors import Actor
from engine.model.counters import DomainBrief, OrganizerBrief
from engine.store.protocol import Store


class ReportQuestions:
    """The questions of whoever may see several organizers."""

    store: Store

    async def organizers(
        self, actor: Actor, *, domain: str = "", beginning: str = "", limit: int = 50, after: str = ""
    ) -> list[OrganizerBrief]:
        """Organizers by address, of one domain if given, whose address begins so. Raises Refused: NOT_ALLOWED."""
        may_administer(actor)
        start = beginning.strip().lower()
        return await self.store.organizers(domain.strip().lower(), start, limit, after)

    async def organizer_domains(self, actor: Actor, limit: int = 50) -> list[DomainBrief]:
        """The domains that most organizers have. Raises Refused: NOT_ALLOWED."""
        may_administer(actor)
        return await self.store.organizer_domains(limit)
