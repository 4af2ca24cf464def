"""Agents' keys, and the address lists that their bounds name."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime

from engine.model.keys import Key, Standing
from engine.store.sqlite.session import IN_LIST, Session, as_list


class Keys(Session):
    """The part of a unit of work for agents' keys."""

    async def add_key(self, key: Key) -> None:
        await self.run(
            "INSERT INTO access_key(id, digest, address, body) VALUES (?,?,?,?)",
            [key.id, key.digest, key.address, key.model_dump_json()],
        )

    async def key(self, key_id: str) -> Key | None:
        row = await self.one("SELECT body FROM access_key WHERE id = ?", [key_id])
        return Key.model_validate_json(row["body"]) if row else None

    async def key_with(self, digest: str) -> Key | None:
        row = await self.one("SELECT body FROM access_key WHERE digest = ?", [digest])
        return Key.model_validate_json(row["body"]) if row else None

    async def save_key(self, key: Key) -> None:
        await self.run(
            "UPDATE access_key SET digest = ?, body = ? WHERE id = ?",
            [key.digest, key.model_dump_json(), key.id],
        )

    async def keys_for(self, address: str) -> list[Key]:
        found = await self.all("SELECT body FROM access_key WHERE address = ? ORDER BY rowid", [address])
        return [Key.model_validate_json(row["body"]) for row in found]

    async def standing(self, ids: Sequence[str]) -> Standing:
        """The current keys with these ids, in that order, and the lists that they name."""
        found = await self.all(f"SELECT id, body FROM access_key WHERE id {IN_LIST}", [as_list(ids)])
        keys = {row["id"]: Key.model_validate_json(row["body"]) for row in found}
        ordered = tuple(keys[one] for one in dict.fromkeys(ids) if one in keys)
        named = {n for key in ordered if key.bounds for n in key.bounds.named_lists}
        return Standing(ordered, await self.address_lists(named) if named else {})

    async def address_lists(self, names: Collection[str]) -> dict[str, tuple[str, ...]]:
        """The patterns of the address lists with these names."""
        found = await self.all(
            f"SELECT name, patterns FROM address_list WHERE name {IN_LIST}", [as_list(names)]
        )
        return {row["name"]: tuple(json.loads(row["patterns"])) for row in found}

    async def save_address_list(self, name: str, patterns: Sequence[str]) -> None:
        await self.run(
            "INSERT INTO address_list(name, patterns) VALUES (?,?) "
            "ON CONFLICT DO UPDATE SET patterns = excluded.patterns",
            [name, json.dumps(list(patterns))],
        )

    async def standing_events(self, key_id: str, now: datetime) -> int:
        """How many events of a key, or of a key under it, are neither cancelled nor over."""
        row = await self.one(
            "SELECT count(*) AS n FROM event WHERE key <> '' AND status = 'confirmed' "
            "AND (ends IS NULL OR ends > ?) AND instr(' ' || key || ' ', ?) > 0",
            [now.timestamp(), f" {key_id} "],
        )
        return int(row["n"]) if row else 0
