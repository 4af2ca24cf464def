"""How an installation and its organizers look and speak."""

from __future__ import annotations

from engine.model.branding import Branding
from engine.store.dynamodb.rows import KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"
BRANDINGS = KindTable[Branding](
    "branding",
    Branding,
    key=lambda branding: (branding.scope,),
    indexes={"scope": lambda b: [(_ALL, b.scope)]},
    checked=False,
)


class BrandingQuestions(ReadSession):
    """Branding as it is read."""

    async def branding(self, scope: str) -> Branding | None:
        """What is set for an organizer, or for the installation; None if nothing is."""
        return await self.rows.get(BRANDINGS, scope)

    async def brandings_of(self, organizer: str) -> tuple[Branding, ...]:
        """What is set for the installation, and for the organizer."""
        return tuple(await self.rows.many(BRANDINGS, [("",), (organizer,)]))

    async def all_brandings(self) -> list[Branding]:
        """What is set for anybody."""
        return await self.rows.by(BRANDINGS, "scope", _ALL)


class Brandings(BrandingQuestions, UnitSession):
    """Branding as a unit of work changes it."""

    async def save_branding(self, branding: Branding) -> None:
        """Set everything of one scope."""
        await self.rows.put(BRANDINGS, branding)

    async def drop_branding(self, scope: str) -> None:
        """Set nothing for this scope any more."""
        await self.rows.drop(BRANDINGS, scope)
