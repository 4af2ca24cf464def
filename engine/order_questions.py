"""What operators ask of organizers, their plans, and a shop's orders."""

from __future__ import annotations

from collections.abc import Sequence

from engine.commands import text
from engine.commands.operators.operators import may_administer
from engine.commands.operators.organizers import OrganizerSettled
from engine.model.actors import Actor
from engine.model.plans import Purchase, Redaction
from engine.store.protocol import Store

_SHOWN = 200


class OrderQuestions:
    """The questions about plans and orders."""

    store: Store

    async def organizer_settled(self, address: str, actor: Actor) -> OrganizerSettled | None:
        """What holds for an organizer; None for an address that is none.

        Raises Refused: NOT_ALLOWED, INVALID_ADDRESS.
        """
        may_administer(actor)
        plain = text.address(address)
        plain = await self.store.organizer_of(plain) or plain
        profile = await self.store.organizer_profile(plain)
        if profile is None:
            return None
        return OrganizerSettled(profile=profile, enrolment=await self.store.enrolment(plain))

    async def purchases(self, actor: Actor) -> Sequence[Purchase]:
        """What was ordered, the newest first. Raises Refused: NOT_ALLOWED."""
        may_administer(actor)
        return await self.store.purchases(_SHOWN)

    async def redactions(self, actor: Actor) -> Sequence[Redaction]:
        """The people whom a shop asks to forget and who are not forgotten yet. Raises Refused: NOT_ALLOWED."""
        may_administer(actor)
        return await self.store.redactions(_SHOWN)
