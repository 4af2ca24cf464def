"""The branding of an installation and its organizers."""

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
    """Questions about branding."""

    async def branding(self, scope: str) -> Branding | None:
        """The branding of an organizer or of the installation, or None."""
        return await self.rows.get(BRANDINGS, scope)

    async def brandings_of(self, organizer: str) -> tuple[Branding, ...]:
        """The brandings of the installation and of the organizer."""
        return tuple(await self.rows.many(BRANDINGS, [("",), (organizer,)]))

    async def all_brandings(self) -> list[Branding]:
        """All brandings."""
        return await self.rows.by(BRANDINGS, "scope", _ALL)


class Brandings(BrandingQuestions, UnitSession):
    """Changes of branding in a unit of work."""

    async def save_branding(self, branding: Branding) -> None:
        """Store the branding of one scope."""
        await self.rows.put(BRANDINGS, branding)

    async def drop_branding(self, scope: str) -> None:
        """Delete the branding of a scope."""
        await self.rows.drop(BRANDINGS, scope)
