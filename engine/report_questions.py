"""What is asked about the whole: which organizers there are, at which domains, and how things stand."""

from __future__ import annotations

from engine.commands.operators.operators import may_administer
from engine.model.actors import Actor
from engine.model.counters import DomainBrief, Figures, KeptSums, OrganizerBrief
from engine.store.protocol import Store


class ReportQuestions:
    """The questions of whoever may see several organizers, or watches the server."""

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

    async def figures(self) -> Figures:
        """Counters of the whole system, for those who watch the server."""
        return await self.store.figures()

    async def kept_sums(self) -> KeptSums:
        """How many mails that changed nothing are kept, for those who watch the server."""
        return await self.store.kept_sums()
