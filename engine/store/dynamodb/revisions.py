"""Revisions of events that were replaced."""

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
    """Revisions as they are read."""

    async def replaced_revisions(self, event_uid: str) -> list[Event]:
        """The event as it was at each kept revision, the oldest first; the current one is not among them."""
        return [one.event for one in await self.rows.under(REPLACED, event_uid, "revision")]


class Revisions(RevisionQuestions, Events):
    """Events, of which each revision that is replaced is kept; of those of one event only the newest stay."""

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
