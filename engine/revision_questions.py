"""The questions about what an event was before, with the check of whose it is."""

from __future__ import annotations

from abc import abstractmethod

from engine.model.actors import Actor
from engine.model.events import Event
from engine.refusals import Code, Refused
from engine.store.protocol import Store

_MAILS_MAX = 100


class RevisionQuestions:
    """Asks for the revisions of an event, and for the mails of its organizer that made them."""

    store: Store

    @abstractmethod
    async def event(self, uid: str, actor: Actor) -> Event:
        """The event that `uid` names."""

    async def revisions(self, uid: str, actor: Actor) -> list[Event]:
        """The event at each revision that is kept, the oldest first and the current one last.

        Raises Refused: UNKNOWN_EVENT, NOT_ALLOWED.
        """
        event = await self.event(uid, actor)
        before = await self.store.replaced_revisions(event.uid)
        return [*(one for one in before if one.sequence < event.sequence), event]

    async def revision(self, uid: str, sequence: int, actor: Actor) -> Event:
        """The event at one revision. Raises Refused: UNKNOWN_EVENT, NOT_ALLOWED, UNKNOWN_REVISION."""
        found = await self.revisions(uid, actor)
        for event in found:
            if event.sequence == sequence:
                return event
        kept = ", ".join(str(event.sequence) for event in found)
        raise Refused(Code.UNKNOWN_REVISION, f"Revision {sequence} is not kept.", f"These are kept: {kept}.")

    async def mails_of_event(self, uid: str, actor: Actor) -> list[str]:
        """Ids of the mails that made or changed the event, the newest first. Raises Refused: UNKNOWN_EVENT."""
        event = await self.event(uid, actor)
        return await self.store.mails_of_event(event.uid, _MAILS_MAX)
