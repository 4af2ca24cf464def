"""Triggers, the deliveries at their hooks, and the objects of the deliveries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from engine.model.base import Value
from engine.model.forgotten_names import hashed
from engine.model.triggers import (
    Delivery,
    DeliveryState,
    PostedRequest,
    Trigger,
    TriggerCounts,
    TriggerObject,
)
from engine.store.dynamodb.changes import Noting
from engine.store.dynamodb.ids import new_id
from engine.store.dynamodb.names import joined, moment
from engine.store.dynamodb.posted import REQUESTS, PostedQuestions, PostedRequests
from engine.store.dynamodb.rows import Entry, KindTable, pointed
from engine.store.dynamodb.suppressions import forgetting_key, made_forgetting_key
from engine.store.dynamodb.wires import Item
from engine.store.protocol import Conflict

_ALL = "all"
_EMPTIED_AT_ONCE = 15
"""The most deliveries whose content one unit of work deletes."""
_PAGE = 100


class KeptDelivery(Value):
    """A delivery with its payload and its place in the order; `posted`: the request that contained it."""

    place: str
    delivery: Delivery
    payload: str | None
    posted: str = ""


class KeptObject(Value):
    """What a trigger knows of one object."""

    trigger_id: str
    found: TriggerObject


class Name(Value):
    """The name of a trigger, which is unique."""

    name: str


class ForgottenObject(Value):
    """A forgotten object with deliveries before `place` whose content is still to be deleted."""

    place: str
    trigger_id: str
    name: str


def _due(kept: KeptDelivery) -> Iterable[Entry]:
    if kept.delivery.due:
        yield _ALL, f"{moment(kept.delivery.due)}#{kept.place}"


def _about(kept: KeptDelivery) -> Iterable[Entry]:
    if kept.delivery.object:
        yield joined(kept.delivery.trigger_id, kept.delivery.object), kept.place


def _pending(kept: KeptDelivery) -> Iterable[Entry]:
    return _about(kept) if kept.delivery.due else []


def _settled(kept: KeptDelivery) -> Iterable[Entry]:
    if kept.delivery.due is None and kept.payload is not None:
        yield _ALL, f"{moment(kept.delivery.received)}#{kept.place}"


TRIGGERS = KindTable[Trigger](
    "trigger",
    Trigger,
    key=lambda trigger: (trigger.id,),
    indexes={"name": lambda t: [(t.name, ""), (f"of {t.organizer}", t.name), (_ALL, t.name)]},
)
DELIVERIES = KindTable[KeptDelivery](
    "delivery",
    KeptDelivery,
    key=lambda kept: (kept.delivery.trigger_id, kept.delivery.delivery_id),
    indexes={
        "id": lambda kept: [(kept.delivery.id, "")],
        "trigger": lambda kept: [(kept.delivery.trigger_id, kept.place)],
        "due": _due,
        "about": _about,
        "pending": _pending,
        "settled": _settled,
    },
)
OBJECTS = KindTable[KeptObject]("object", KeptObject, key=lambda kept: (kept.trigger_id, kept.found.object))
NAMES = KindTable[Name]("trigger-name", Name, key=lambda name: (name.name,))
FORGOTTEN = KindTable[ForgottenObject](
    "object-gone", ForgottenObject, key=lambda one: (_ALL, one.place), checked=False
)


def counted_at(trigger_id: str) -> tuple[str, str]:
    return joined("trigger-counts", trigger_id), "counts"


class TriggerQuestions(PostedQuestions):
    """Questions about triggers and deliveries."""

    async def trigger(self, trigger_id: str) -> Trigger | None:
        """The trigger with this id, or None."""
        return await self.rows.get(TRIGGERS, trigger_id)

    async def trigger_named(self, name: str) -> Trigger | None:
        """The trigger with this name, or None."""
        return await self.rows.first_by(TRIGGERS, "name", name)

    async def triggers(self, organizer: str | None) -> list[tuple[Trigger, int]]:
        """The triggers of an organizer, or all, by name; each with how many unproven requests its hook had."""
        found = await self.rows.by(TRIGGERS, "name", _ALL if organizer is None else f"of {organizer}")
        counted = await self.items.numbers(counted_at(trigger.id) for trigger in found)
        return [(trigger, counted[counted_at(trigger.id)].get("unproven", 0)) for trigger in found]

    async def trigger_counts(self, trigger_ids: Sequence[str]) -> dict[str, TriggerCounts]:
        """Counts of deliveries and their effects by trigger id, without triggers that have none."""
        counted = await self.items.numbers(counted_at(one) for one in trigger_ids)
        names = TriggerCounts.model_fields
        found = {one: {name: counted[counted_at(one)].get(name, 0) for name in names} for one in trigger_ids}
        return {one: TriggerCounts(**n) for one, n in found.items() if n["deliveries"]}

    async def due_deliveries(self, now: datetime, limit: int) -> list[Delivery]:
        """Deliveries to handle: of each trigger in turn the one that is due first.

        All entries of the index are read, which are small, and only the chosen deliveries.
        """
        listed = await self.items.query(DELIVERIES.listing("due", _ALL), before=f"{moment(now)}$#")
        turns: Counter[str] = Counter()
        ranked: list[tuple[int, Item]] = []
        for entry in listed:
            of_trigger, _ = pointed(entry)
            turns[of_trigger] += 1
            ranked.append((turns[of_trigger], entry))
        chosen = sorted(ranked, key=lambda one: one[0])[:limit]
        found = await self.rows.pointed(DELIVERIES, [entry for _, entry in chosen])
        return [kept.delivery for kept in found]

    async def kept_delivery(self, delivery_id: str) -> KeptDelivery | None:
        """The stored delivery with this id of ours, or None."""
        return await self.rows.first_by(DELIVERIES, "id", delivery_id)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """The delivery with this id of ours, or None."""
        kept = await self.kept_delivery(delivery_id)
        return kept.delivery if kept else None

    async def payload(self, delivery_id: str) -> str | None:
        """The payload of a delivery as JSON; None once it is deleted."""
        kept = await self.kept_delivery(delivery_id)
        return kept.payload if kept else None

    async def posted_of(self, delivery_id: str) -> PostedRequest | None:
        """The request that contained a delivery; None once it is deleted."""
        kept = await self.kept_delivery(delivery_id)
        return await self.posted_by_id(kept.posted) if kept else None

    async def deliveries(
        self, trigger_id: str, state: DeliveryState | None, limit: int, before: str = ""
    ) -> list[Delivery]:
        """Deliveries of a trigger, newest first; `before`: only those older than the one with this id of ours."""
        last = await self.kept_delivery(before) if before else None
        found: list[Delivery] = []
        after = last.place if last else ""
        async for kept in self.rows.each_by(DELIVERIES, "trigger", trigger_id, before=after, backwards=True):
            if state in {None, kept.delivery.state}:
                found.append(kept.delivery)
            if len(found) == limit:
                break
        return found


class Triggers(TriggerQuestions, PostedRequests, Noting):
    """Changes of triggers and deliveries in a unit of work."""

    async def add_trigger(self, trigger: Trigger) -> None:
        """Add a trigger with a unique name."""
        if not await self.rows.add(NAMES, Name(name=trigger.name)):
            raise Conflict  # another trigger took the name meanwhile, which a retry will find
        await self.rows.put(TRIGGERS, trigger)

    async def save_trigger(self, trigger: Trigger) -> None:
        """Replace a trigger, except its name."""
        await self.rows.put(TRIGGERS, trigger)

    async def count_unproven(self, trigger_id: str, times: int) -> None:
        """Count unproven requests at a hook."""
        self.items.add(counted_at(trigger_id), "unproven", times)

    async def add_deliveries(self, deliveries: Sequence[tuple[Delivery, str]], posted: str = "") -> int:
        """Store deliveries with their payloads, except those known by (trigger, delivery id); return how many were new.

        `posted`: the id of the stored request that contained them; empty if there is none.
        """
        keys = [DELIVERIES.at(delivery.trigger_id, delivery.delivery_id) for delivery, _ in deliveries]
        await self.items.get_many(keys)
        new = 0
        for delivery, payload in deliveries:
            kept = KeptDelivery(place=new_id(), delivery=delivery, payload=payload, posted=posted)
            if await self.rows.add(DELIVERIES, kept):
                new += 1
                self._count(None, delivery)
        return new

    def _count(self, old: Delivery | None, new: Delivery) -> None:
        key = counted_at(new.trigger_id)
        self.items.add(key, "deliveries", 0 if old else 1)
        for name in ("invited", "withdrawn"):
            self.items.add(key, name, getattr(new, name) - (getattr(old, name) if old else 0))

    async def pending_deliveries(self, trigger_id: str, most: int) -> int:
        """How many deliveries of a trigger are not settled, counted up to `most`."""
        mine, count, after = DELIVERIES.partition(trigger_id), 0, ""
        while count < most:
            page = await self.items.query(DELIVERIES.listing("due", _ALL), after=after, limit=_PAGE)
            count += sum(pointed(entry)[0] == mine for entry in page)
            if len(page) < _PAGE:
                break
            after = page[-1].key[1]
        return min(most, count)

    async def save_delivery(self, delivery: Delivery) -> None:
        """Replace a delivery, except its payload."""
        kept = await self.kept_delivery(delivery.id)
        if kept:
            await self.rows.put(DELIVERIES, kept.model_copy(update={"delivery": delivery}))
            self._count(kept.delivery, delivery)

    async def pending_for(self, trigger_id: str, name: str, limit: int) -> list[Delivery]:
        """Deliveries about an object that wait to be executed, oldest first."""
        found = await self.rows.by(DELIVERIES, "pending", joined(trigger_id, name), limit=limit)
        return [kept.delivery for kept in found]

    async def trigger_object(self, trigger_id: str, name: str) -> TriggerObject | None:
        """What is known of an object, or None; of a forgotten one its version alone."""
        kept = await self.rows.get(OBJECTS, trigger_id, name)
        if kept:
            return kept.found
        if not (key := await forgetting_key(self.rows)):
            return None
        gone = await self.rows.get(OBJECTS, trigger_id, hashed(name, key))
        return gone.found.model_copy(update={"object": name}) if gone else None

    async def save_trigger_object(self, trigger_id: str, found: TriggerObject) -> None:
        """Add or replace what is known of an object."""
        await self.rows.put(OBJECTS, KeptObject(trigger_id=trigger_id, found=found))

    async def empty_deliveries(self, before: datetime, limit: int) -> int:
        """Delete the content, but not the ids, of settled deliveries from before a moment; return how many.

        Deliveries about forgotten objects come first.
        """
        most = min(limit, _EMPTIED_AT_ONCE)
        for gone in await self.rows.under(FORGOTTEN, _ALL, limit=1):
            return await self._empty_about(gone, most)
        found = await self.rows.by(DELIVERIES, "settled", _ALL, before=moment(before), limit=most)
        for kept in found:
            await self.rows.put(DELIVERIES, kept.model_copy(update={"payload": None}))
        return len(found)

    def go_on_with(self, chain: str) -> None:
        """Let this unit's further changes belong to this chain of changes and triggers."""
        self.chain = chain

    async def forget_object(self, trigger_id: str, name: str, version: float | None = None) -> None:
        """Delete what is known of an object, and the payloads of deliveries about it, which no longer name it.

        It empties as many deliveries as fit into a unit, and `empty_deliveries` the others. A `version` is kept under
        a keyed hash of the name, so that an older one that comes late stays older.
        """
        await self.rows.drop(OBJECTS, trigger_id, name)
        hidden = hashed(name, await made_forgetting_key(self.rows))
        if version is not None:
            await self.save_trigger_object(trigger_id, TriggerObject(object=hidden, version=version))
        if name:
            about = joined(trigger_id, name)
            newest = await self.rows.first_by(DELIVERIES, "about", about, backwards=True)
            # Behind the newest also where the clock of the machine that kept it is ahead.
            place = max(new_id(), f"{newest.place}~" if newest else "")
            gone = ForgottenObject(place=place, trigger_id=trigger_id, name=name)
            await self._empty_about(gone, _EMPTIED_AT_ONCE)

    async def _empty_about(self, gone: ForgottenObject, most: int) -> int:
        """Empty up to `most` deliveries about a forgotten object and return how many; store it while there are more."""
        found: list[KeptDelivery] = []
        about = joined(gone.trigger_id, gone.name)
        async for kept in self.rows.each_by(DELIVERIES, "about", about, before=gone.place):
            found.append(kept)
            if len(found) > most:
                break
        hidden = hashed(gone.name, await made_forgetting_key(self.rows))
        done = 0
        # What waits for a yes first: until it says that it is over, a yes would carry it out.
        for kept in sorted(found[:most], key=lambda kept: kept.delivery.state is not DeliveryState.HELD):
            if not self.items.room:
                break
            done += 1
            emptied = {"payload": None, "delivery": kept.delivery.about(hidden)}
            await self.rows.put(DELIVERIES, kept.model_copy(update=emptied))
            request = await self.rows.maybe(REQUESTS, kept.posted)
            if request and request.divided:
                await self.drop_posted(kept.posted)
        if len(found) > done:
            await self.rows.put(FORGOTTEN, gone)
        else:
            await self.rows.drop(FORGOTTEN, _ALL, gone.place)
        return done
