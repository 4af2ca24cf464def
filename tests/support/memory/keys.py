"""A unit of work over a snapshot: agents' keys, and the lists that their bounds name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from engine.model.keys import Key, Standing
from tests.support.memory.ledger import LedgerUnit


class KeyUnit(LedgerUnit):
    """The part of a unit of work that concerns agents' keys."""

    async def add_key(self, key: Key) -> None:
        self.t.put("key", key.id, key)

    async def key(self, key_id: str) -> Key | None:
        found: Key | None = self.t.get("key", key_id)
        return found

    async def key_with(self, digest: str) -> Key | None:
        return next(self.t.where("key", lambda key: key.digest == digest), None)

    async def save_key(self, key: Key) -> None:
        self.t.put("key", key.id, key)

    async def keys_for(self, address: str) -> list[Key]:
        return list(self.t.where("key", lambda key: key.address == address))

    async def standing(self, ids: Sequence[str]) -> Standing:
        return self.standing_now(ids)

    def standing_now(self, ids: Sequence[str]) -> Standing:
        keys = tuple(self.t.get("key", one) for one in dict.fromkeys(ids) if one in self.t.of("key"))
        named = {name for key in keys if key.bounds for name in key.bounds.named_lists}
        lists = {name: patterns for name, patterns in self.t.of("address_list").items() if name in named}
        return Standing(keys, lists)

    async def address_lists(self, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        return {name: patterns for name, patterns in self.t.of("address_list").items() if name in names}

    async def save_address_list(self, name: str, patterns: Sequence[str]) -> None:
        self.t.put("address_list", name, tuple(patterns))

    async def standing_events(self, key_id: str, now: datetime) -> int:
        events = self.t.of("event").values()
        return sum(key_id in e.key.split() and not e.cancelled and not e.finished(now) for e in events)
