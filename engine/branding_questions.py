"""Branding in force: what is set for an organizer, over what is set for the installation."""

from __future__ import annotations

from engine.commands.composing import in_force
from engine.model.actors import Actor
from engine.model.branding import Branding, merged
from engine.refusals import Code, Refused
from engine.store.protocol import Store


class BrandingQuestions:
    """The questions about branding."""

    store: Store

    async def branding_of(self, organizer: str) -> Branding:
        """The branding in force for an organizer; without one, the installation's."""
        return await in_force(self.store, organizer)

    async def looks_of(self, organizer: str) -> tuple[Branding, str]:
        """As `branding_of`, and the tag of the language that is set for the organizer; empty if none is."""
        _, tag, brandings = await self.store.shown_revision(organizer)
        return merged(brandings), tag

    async def branding_set(self, scope: str, actor: Actor) -> Branding:
        """What is set for a scope itself. Raises Refused: NOT_ALLOWED."""
        if not (actor.everywhere or (scope and actor.may_read and actor.owns(scope))):
            raise Refused(Code.NOT_ALLOWED, "That is another organizer's.", "See your own.")
        return await self.store.branding(scope) or Branding(scope=scope)
