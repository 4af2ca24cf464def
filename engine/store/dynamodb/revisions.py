"""Replaced revisions of events."""

from __future__ import annotations

from engine.model.base import Value
from engine.model.events import Event
from engine.store.dynamodb.events import EventQuestions, Events
from engine.store.dynamodb.names import number
from engine.store.dynamodb.rows import KindTable
from engine.store.rules import REVISIONS_KEPT


class Replaced(Value):
    """A revision that was replaced; `n`: how many were before it."""

    n: int
    event: Event


REPLACED = KindTable[Replaced](
    "event", Replaced, key=lambda one: (one.event.uid, "revision", number(one.n)), checked=False
)


class RevisionQuestions(EventQuestions):
    """Questions about revisions."""

    async def replaced_revisions(self, event_uid: str) -> list[Event]:
        """The event at each stored earlier revision, oldest first, without the current one."""
        return [one.event for one in await self.rows.under(REPLACED, event_uid, "revision")]


class Revisions(RevisionQuestions, Events):
    """Changes of events that store the replaced revisions, of which only the newest of each event are kept."""

    async def save_event(self, event: Event) -> None:
        """Replace an event by its new revision."""
        old = await self.event(event.uid)
        if old and old.sequence < event.sequence:
            await self._keep_replaced(old)
        await super().save_event(event)

    async def _keep_replaced(self, old: Event) -> None:
        newest = await self.rows.under(REPLACED, old.uid, "revision", limit=1, backwards=True)
        n = newest[0].n + 1 if newest else 0
        await self.rows.put(REPLACED, Replaced(n=n, event=old))
        if n >= REVISIONS_KEPT:
            self.items.drop(REPLACED.at(old.uid, "revision", number(n - REVISIONS_KEPT)))
