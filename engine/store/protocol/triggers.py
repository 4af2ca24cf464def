"""Triggers, the deliveries at their hooks, and the objects that these are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.model.keys import Key
from engine.model.triggers import Delivery, DeliveryState, Trigger, TriggerCounts, TriggerObject


class Triggers(Protocol):
    """The part of a unit of work that concerns triggers."""

    async def add_trigger(self, trigger: Trigger) -> None:
        """Add a trigger whose name no other has."""
        ...

    async def save_trigger(self, trigger: Trigger) -> None:
        """Replace a trigger; its name stays."""
        ...

    async def trigger(self, trigger_id: str) -> Trigger | None:
        """The trigger with this id, or None."""
        ...

    async def trigger_named(self, name: str) -> Trigger | None:
        """The trigger with this name, or None."""
        ...

    async def count_unproven(self, trigger_id: str, times: int) -> None:
        """Count requests at a hook that nothing proved."""
        ...

    async def add_deliveries(self, deliveries: Sequence[tuple[Delivery, str]], posted: str = "") -> int:
        """Keep deliveries with their payloads, but for those known by (trigger, delivery id); how many were new.

        `posted`: id of the request in which they came; empty: in none that is kept.
        """
        ...

    async def pending_deliveries(self, trigger_id: str, most: int) -> int:
        """How many deliveries of a trigger are not settled, counted up to `most`."""
        ...

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """The delivery with this id of ours, or None."""
        ...

    async def save_delivery(self, delivery: Delivery) -> None:
        """Replace a delivery; its payload stays."""
        ...

    async def pending_for(self, trigger_id: str, name: str, limit: int) -> list[Delivery]:
        """Deliveries about an object that wait to be carried out, oldest first."""
        ...

    async def trigger_object(self, trigger_id: str, name: str) -> TriggerObject | None:
        """What is known of an object, or None; of a forgotten one its version alone."""
        ...

    async def save_trigger_object(self, trigger_id: str, found: TriggerObject) -> None:
        """Add or replace what is known of an object."""
        ...

    async def empty_deliveries(self, before: datetime, limit: int) -> int:
        """Drop the content of deliveries that are settled and came before a moment; their ids stay. How many."""
        ...

    def go_on_with(self, chain: str) -> None:
        """Mark what this unit changes from now on as part of this chain of changes and triggers."""
        ...

    async def forget_object(self, trigger_id: str, name: str, version: float | None = None) -> None:
        """Drop what is known of an object, and what its deliveries say: payloads, and whom they left out and why.

        They stand under a keyed hash of the name, and so does a `version`, which is kept so that an older one that
        comes late stays older. Those that wait for a yes fail.
        """
        ...


class TriggerQuestions(Protocol):
    """What callers and the worker ask about triggers."""

    async def trigger_named(self, name: str) -> Trigger | None:
        """The trigger with this name, or None."""
        ...

    async def trigger(self, trigger_id: str) -> Trigger | None:
        """The trigger with this id, or None."""
        ...

    async def key_by_id(self, key_id: str) -> Key | None:
        """The key with this id, or None."""
        ...

    async def triggers(self, organizer: str | None) -> list[tuple[Trigger, int]]:
        """The triggers of an organizer, or all, by name; each with how many unproven requests its hook had."""
        ...

    async def trigger_counts(self, trigger_ids: Sequence[str]) -> dict[str, TriggerCounts]:
        """What came at hooks and what it did, by the id of the trigger; one without deliveries is left out."""
        ...

    async def due_deliveries(self, now: datetime, limit: int) -> list[Delivery]:
        """Deliveries that are to be handled: of each trigger in turn the one that is due first, so that none waits
        for all of another.
        """
        ...

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """The delivery with this id of ours, or None."""
        ...

    async def payload(self, delivery_id: str) -> str | None:
        """What was delivered, as JSON; None once it is forgotten."""
        ...

    async def deliveries(
        self, trigger_id: str, state: DeliveryState | None, limit: int, before: str = ""
    ) -> list[Delivery]:
        """Deliveries of a trigger, newest first; `before`: only those older than the one with this id of ours."""
        ...
