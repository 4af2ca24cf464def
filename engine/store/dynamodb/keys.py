"""Agents' keys, the address lists that their bounds name, and stops."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from engine.model.base import Value
from engine.model.keys import Key, Standing
from engine.model.stops import Stop
from engine.store.dynamodb.events import EVENTS
from engine.store.dynamodb.names import moment
from engine.store.dynamodb.rows import Entry, KindTable
from engine.store.dynamodb.session import ReadSession, UnitSession

_ALL = "all"


class PatternList(Value):
    """The patterns of a list that bounds name."""

    name: str
    patterns: tuple[str, ...]


def _owned(key: Key) -> Iterable[Entry]:
    if key.owner:
        yield key.owner, f"{moment(key.created)}#{key.id}"


KEYS = KindTable[Key](
    "key",
    Key,
    key=lambda key: (key.id,),
    indexes={
        "digest": lambda key: [(key.digest, "")],
        "address": lambda key: [
            (place, f"{moment(key.created)}#{key.id}") for place in (f"of {key.address}", _ALL)
        ],
        "owner": _owned,
    },
)
LISTS = KindTable[PatternList]("address-list", PatternList, key=lambda kept: (kept.name,))
STOPS = KindTable[Stop]("stop", Stop, key=lambda stop: (_ALL, stop.organizer))


def stop_of(organizer: str) -> tuple[str, str]:
    """The place of an organizer's stop in the table."""
    return STOPS.at(_ALL, organizer)


class KeyQuestions(ReadSession):
    """Questions about keys and stops."""

    async def key(self, key_id: str) -> Key | None:
        """The key with this id, or None."""
        return await self.rows.get(KEYS, key_id)

    async def key_by_id(self, key_id: str) -> Key | None:
        """The key with this id, or None."""
        return await self.key(key_id)

    async def key_with(self, digest: str) -> Key | None:
        """The key with this hash, or None."""
        return await self.rows.first_by(KEYS, "digest", digest)

    async def key_by_digest(self, digest: str) -> Key | None:
        """The key whose secret has this hash, or None."""
        return await self.key_with(digest)

    async def keys(self) -> list[Key]:
        """All keys, oldest first."""
        return await self.rows.by(KEYS, "address", _ALL)

    async def keys_for(self, address: str) -> list[Key]:
        """The keys that act for `address`, ended ones among them, oldest first."""
        return await self.rows.by(KEYS, "address", f"of {address}")

    async def keys_owned(self, owner: str) -> list[Key]:
        """The keys whose bounds name this owner."""
        return await self.rows.by(KEYS, "owner", owner)

    async def standing(self, ids: Sequence[str]) -> Standing:
        """The current keys with these ids, in that order, and the lists that they name."""
        keys = tuple(await self.rows.many(KEYS, [(one,) for one in dict.fromkeys(ids)]))
        named = {name for key in keys if key.bounds for name in key.bounds.named_lists}
        return Standing(keys, await self.address_lists(named) if named else {})

    async def address_lists(self, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The patterns of the lists with these names; those that are not there are left out."""
        found = await self.rows.many(LISTS, [(name,) for name in names])
        return {kept.name: kept.patterns for kept in found}

    async def standing_events(self, key_id: str, now: datetime) -> int:
        """How many events of a key, or of a key under it, are neither cancelled nor over."""
        return len(await self.items.query(EVENTS.listing("key", key_id), after=f"{moment(now)}$"))

    async def stops(self) -> list[Stop]:
        """All stops."""
        return sorted(await self.rows.under(STOPS, _ALL), key=lambda stop: (stop.since, stop.organizer))


class Keys(KeyQuestions, UnitSession):
    """Changes of keys and stops in a unit of work."""

    async def add_key(self, key: Key) -> None:
        """Add a key."""
        await self.rows.put(KEYS, key)

    async def save_key(self, key: Key) -> None:
        """Replace a key, except the address it acts for."""
        await self.rows.put(KEYS, key)

    async def save_address_list(self, name: str, patterns: Sequence[str]) -> None:
        """Create a list, or replace its patterns."""
        await self.rows.put(LISTS, PatternList(name=name, patterns=tuple(patterns)))

    async def stop(self, stop: Stop) -> None:
        """Add a stop, so that mail waits from the next claim on, or replace the one that this unit has read."""
        if not await self.rows.add(STOPS, stop):
            await self.rows.put(STOPS, stop)

    async def resume(self, organizer: str) -> bool:
        """End a stop; False if there was none."""
        return await self.rows.drop(STOPS, _ALL, organizer) is not None
