"""A unit of work over a snapshot: triggers, deliveries, and what they were about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from engine.model.forgotten_names import hashed
from engine.model.keys import Key
from engine.model.triggers import Delivery, DeliveryState, Trigger, TriggerCounts, TriggerObject
from tests.support.memory.posted import PostedUnit

_KEY = b"the key of a store in memory"


class TriggerUnit(PostedUnit):
    """The part of a unit of work that concerns triggers, and the questions about them."""

    chain = ""

    async def add_trigger(self, trigger: Trigger) -> None:
        assert await self.trigger_named(trigger.name) is None
        self.t.put("trigger", trigger.id, trigger)

    async def save_trigger(self, trigger: Trigger) -> None:
        self.t.put("trigger", trigger.id, trigger)

    async def trigger(self, trigger_id: str) -> Trigger | None:
        return self.t.get("trigger", trigger_id)

    async def key_by_id(self, key_id: str) -> Key | None:
        return self.t.get("key", key_id)

    async def trigger_named(self, name: str) -> Trigger | None:
        return next(self.t.where("trigger", lambda t: t.name == name), None)

    async def triggers(self, organizer: str | None) -> list[tuple[Trigger, int]]:
        found = self.t.where("trigger", lambda t: organizer in {None, t.organizer})
        return [(t, self.t.get("unproven", t.id) or 0) for t in sorted(found, key=lambda t: t.name)]

    async def count_unproven(self, trigger_id: str, times: int) -> None:
        self.t.put("unproven", trigger_id, (self.t.get("unproven", trigger_id) or 0) + times)

    async def add_deliveries(self, deliveries: Sequence[tuple[Delivery, str]], posted: str = "") -> int:
        new = 0
        for delivery, payload in deliveries:
            key = (delivery.trigger_id, delivery.delivery_id)
            if self.t.get("delivery_id", key) is None:
                self.t.put("delivery_id", key, delivery.id)
                self.t.put("delivery", delivery.id, delivery)
                self.t.put("payload", delivery.id, payload)
                self.t.put("came_in", delivery.id, posted)
                new += 1
        return new

    def _pending(self, trigger_id: str) -> list[Delivery]:
        return list(self.t.where("delivery", lambda d: d.trigger_id == trigger_id and d.due is not None))

    async def pending_deliveries(self, trigger_id: str, most: int) -> int:
        return min(most, len(self._pending(trigger_id)))

    async def delivery(self, delivery_id: str) -> Delivery | None:
        return self.t.get("delivery", delivery_id)

    async def save_delivery(self, delivery: Delivery) -> None:
        self.t.put("delivery", delivery.id, delivery)

    async def pending_for(self, trigger_id: str, name: str, limit: int) -> list[Delivery]:
        return [d for d in self._pending(trigger_id) if d.object == name][:limit]

    async def trigger_object(self, trigger_id: str, name: str) -> TriggerObject | None:
        if found := self.t.get("trigger_object", (trigger_id, name)):
            return found
        gone: TriggerObject | None = self.t.get("trigger_object", (trigger_id, hashed(name, _KEY)))
        return gone.model_copy(update={"object": name}) if gone else None

    async def save_trigger_object(self, trigger_id: str, found: TriggerObject) -> None:
        self.t.put("trigger_object", (trigger_id, found.object), found)

    async def empty_deliveries(self, before: datetime, limit: int) -> int:
        settled = self.t.where("delivery", lambda d: d.due is None and d.received < before)
        old = [d.id for d in settled if await self.payload(d.id) is not None][:limit]
        for one in old:
            self.t.put("payload", one, None)
        return len(old)

    async def trigger_counts(self, trigger_ids: Sequence[str]) -> dict[str, TriggerCounts]:
        found = {}
        for name in trigger_ids:
            came = list(self.t.where("delivery", lambda d, name=name: d.trigger_id == name))  # type: ignore[misc]
            if came:
                invited, withdrawn = sum(d.invited for d in came), sum(d.withdrawn for d in came)
                found[name] = TriggerCounts(deliveries=len(came), invited=invited, withdrawn=withdrawn)
        return found

    def go_on_with(self, chain: str) -> None:
        self.chain = chain

    async def forget_object(self, trigger_id: str, name: str, version: float | None = None) -> None:
        self.t.drop("trigger_object", (trigger_id, name))
        hidden = hashed(name, _KEY)
        if version is not None:
            gone = TriggerObject(object=hidden, version=version)
            self.t.put("trigger_object", (trigger_id, gone.object), gone)
        about = list(self.t.where("delivery", lambda d: (d.trigger_id, d.object) == (trigger_id, name)))
        for delivery in [d for d in about if name]:
            self.t.put("delivery", delivery.id, delivery.about(hidden))
            self.t.put("payload", delivery.id, None)
            if not self.t.get("undivided", came := self.t.get("came_in", delivery.id) or ""):
                self.t.drop("posted", came)

    async def due_deliveries(self, now: datetime, limit: int) -> list[Delivery]:
        found = self.t.where("delivery", lambda d: d.due is not None and d.due <= now)
        turns: Counter[str] = Counter()
        ranked = []
        for one in sorted(found, key=lambda d: d.due):
            turns[one.trigger_id] += 1
            ranked.append((turns[one.trigger_id], one))
        return [one for _, one in sorted(ranked, key=lambda pair: pair[0])][:limit]

    async def payload(self, delivery_id: str) -> str | None:
        return self.t.get("payload", delivery_id)

    async def deliveries(
        self, trigger_id: str, state: DeliveryState | None, limit: int, before: str = ""
    ) -> list[Delivery]:
        found = list(self.t.where("delivery", lambda d: d.trigger_id == trigger_id))
        if before:
            found = found[: [d.id for d in found].index(before)]
        return [d for d in reversed(found) if state in {None, d.state}][:limit]
