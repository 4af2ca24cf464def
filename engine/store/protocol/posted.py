"""Requests as they were posted at hooks: the bytes that their proof is of."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.model.triggers import Posted, PostedRequest


class PostedRequests(Protocol):
    """The part of a unit of work that concerns requests as they were posted."""

    async def add_posted(self, trigger_id: str, posted: Posted, received: datetime, *, divided: bool) -> str:
        """Keep a request; its id, or nothing if the very same waits to be divided. `divided`: nothing waits."""
        ...

    async def undivided(self, trigger_id: str, most: int) -> int:
        """How many requests of a trigger wait to be divided into deliveries, counted up to `most`."""
        ...

    async def divide(self, posted_id: str) -> None:
        """A request no longer waits; its deliveries are there."""
        ...

    async def drop_posted(self, posted_id: str) -> None:
        """Drop a request; its deliveries stay."""
        ...

    async def drop_old_posted(self, before: datetime, bytes_max: int, limit: int) -> int:
        """Drop divided requests that came before a moment, and the oldest of those beyond `bytes_max`. How many."""
        ...


class PostedQuestions(Protocol):
    """What the worker and callers ask about requests as they were posted."""

    async def next_undivided(self, trigger_id: str | None = None) -> PostedRequest | None:
        """The request that has waited longest to be divided, of this trigger or of all."""
        ...

    async def posted_of(self, delivery_id: str) -> PostedRequest | None:
        """The request from which a delivery came; None once it is forgotten."""
        ...
