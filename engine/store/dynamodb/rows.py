"""Typed values, stored under their keys and found by their indexes, within one unit of work on the table."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from engine.store.dynamodb.items import Items
from engine.store.dynamodb.names import ALONE, LAST, Key, behind, joined
from engine.store.dynamodb.wires import Item

V = TypeVar("V")
Parts = tuple[str | int, ...]
"""Parts of a key, texts or numbers; numbers that must sort by value are written by `names.number`."""
_HALF = "\\ud"
"""The beginning of an unpaired surrogate in JSON."""
Entry = tuple[str, str]
"""The value under which an index lists something, and the place in its order."""
_PAGE = 100
_BETWEEN = "\x1f"
"""The separator between the two parts of the key in an index entry."""


@dataclass(frozen=True)
class KindTable(Generic[V]):
    """Values of one kind.

    `kept`: their type. `key`: the parts of a value's key; the first is its partition, the others its place there.
    `indexes`: how each is listed elsewhere: functions that give entries, or none. Entries are items of the same
    table, written in the same unit of work, so that they are never late; each costs a write.
    `attributes`: what puts a value into the global indexes (`table.Index`), which are late by moments and cheaper.
    `checked`: whether a unit that has read a value depends on it: then it must be unchanged when the unit is kept.
    """

    name: str
    kept: Any
    key: Callable[[V], Parts]
    indexes: Mapping[str, Callable[[V], Iterable[Entry]]] = field(default_factory=dict)
    attributes: Callable[[V], Mapping[str, str]] | None = None
    checked: bool = True

    @cached_property
    def _adapter(self) -> TypeAdapter[V]:
        return TypeAdapter(self.kept)

    def text(self, value: V) -> str:
        """A value as stored: JSON without default values."""
        try:
            return self._adapter.dump_json(value, exclude_defaults=True).decode()
        except PydanticSerializationError:  # an unpaired surrogate, which UTF-8 cannot encode
            return json.dumps(self._adapter.dump_python(value, mode="json", exclude_defaults=True))

    def value(self, item: Item) -> V:
        """The value in an item of this table."""
        if _HALF in item.value:
            return self._adapter.validate_python(json.loads(item.value))
        return self._adapter.validate_json(item.value)

    def plain(self, value: V) -> dict[str, Any]:
        """A complete value as JSON types, including what its key contains."""
        found: dict[str, Any] = self._adapter.dump_python(value, mode="json")
        return found

    def of_plain(self, found: Mapping[str, Any]) -> V:
        """The value from which `plain` made this."""
        return self._adapter.validate_json(json.dumps(found))

    def at(self, *key: str | int) -> Key:
        """The key of an item from the parts of a value's key."""
        return self.partition(key[0] if key else ALONE), joined(*key[1:]) or ALONE

    def partition(self, first: str | int) -> str:
        """The partition of all values whose keys begin with `first`."""
        return joined(self.name, first)

    def entries(self, value: V) -> set[Key]:
        """The keys of a value's entries in indexes."""
        pk, sk = self.at(*self.key(value))
        return {
            (self.listing(index, found), f"{sort}#{pk}#{sk}")
            for index, entries in self.indexes.items()
            for found, sort in entries(value)
        }

    def items(self, value: V) -> list[Item]:
        """The items of a new value: its own, and its index entries."""
        key = self.at(*self.key(value))
        own = Item(key, self.text(value), self.attributes(value) if self.attributes else {})
        return [own, *(Item(entry, f"{key[0]}{_BETWEEN}{key[1]}") for entry in self.entries(value))]

    def listing(self, index: str, value: str) -> str:
        """The partition of the entries of an index with this value."""
        return joined(f"{self.name}@{index}", value)


class Rows:
    """Typed values in one unit of work."""

    def __init__(self, items: Items) -> None:
        self.items = items
        self._expired: list[tuple[KindTable[Any], Any]] = []

    async def get(self, table: KindTable[V], *key: str | int) -> V | None:
        """The value with this key, or None."""
        found = await self.items.get(table.at(*key), checked=table.checked)
        return table.value(found) if found else None

    async def maybe(self, table: KindTable[V], first: str) -> V | None:
        """The value with this key of one part, or None, also if the part is empty."""
        if not first:
            return None
        return await self.get(table, first)

    async def many(self, table: KindTable[V], keys: Iterable[Parts]) -> list[V]:
        """The existing values with these keys, in the order of the keys."""
        found = await self.items.get_many([table.at(*key) for key in keys], checked=table.checked)
        return [table.value(item) for item in found.values()]

    async def put(self, table: KindTable[V], value: V) -> None:
        """Store a value, replacing one with the same key."""
        key, text = table.at(*table.key(value)), table.text(value)
        if table.indexes:
            before = await self.items.get(key)
            old, new = table.entries(table.value(before)) if before else set(), table.entries(value)
            for entry in old - new:
                self.items.drop(entry)
            for entry in new - old:
                self.items.put(entry, f"{key[0]}{_BETWEEN}{key[1]}")
        self.items.put(key, text, table.attributes(value) if table.attributes else None)

    async def add(self, table: KindTable[V], value: V) -> bool:
        """Store a value unless one with its key exists; False if it does."""
        if await self.items.get(table.at(*table.key(value))):
            return False
        await self.put(table, value)
        return True

    async def drop(self, table: KindTable[V], *key: str | int) -> V | None:
        """Delete a value and return it; None if there was none."""
        found = await self.items.get(table.at(*key))
        if found is None:
            return None
        value = table.value(found)
        for entry in table.entries(value):
            self.items.drop(entry)
        self.items.drop(found.key)
        return value

    def expire(self, table: KindTable[V], values: Iterable[V]) -> None:
        """Have these values deleted once the unit's own work is done, as far as there is room then."""
        self._expired += [(table, value) for value in values]

    async def clean_up(self) -> None:
        """Delete values that have expired, as many as there is room for, unless the unit has changed them."""
        for table, value in self._expired:
            if not self.items.room:
                break
            key = table.key(value)
            if await self.get(table, *key) == value:
                await self.drop(table, *key)

    async def under(
        self,
        table: KindTable[V],
        first: str | int,
        *beginning: str | int,
        after: str = "",
        limit: int | None = None,
        backwards: bool = False,
    ) -> list[V]:
        """The values of a partition whose further parts start with `beginning`, in the order of their keys.

        `after`: only those after this sort key (before it if `backwards`), as made by `joined`.
        """
        start = f"{joined(*beginning)}#" if beginning else ""
        low, high = start, behind(joined(*beginning)) if beginning else LAST
        if after:
            low, high = (low, after) if backwards else (after, high)
        found = await self.items.query(
            table.partition(first), after=low, before=high, limit=limit, backwards=backwards
        )
        return [table.value(item) for item in found]

    async def each_under(
        self, table: KindTable[V], first: str | int, *beginning: str | int, after: str = ""
    ) -> AsyncIterator[V]:
        """The same, all of them, read in pages as they are asked for."""
        place = after
        while True:
            found = await self.under(table, first, *beginning, after=place, limit=_PAGE)
            for one in found:
                yield one
            if len(found) < _PAGE:
                return
            place = table.at(*table.key(found[-1]))[1]

    async def by(
        self,
        table: KindTable[V],
        index: str,
        value: str,
        *,
        after: str = "",
        before: str = LAST,
        limit: int | None = None,
        backwards: bool = False,
    ) -> list[V]:
        """The values that an index lists under `value`, in its order, between the places `after` and `before`.

        Entries at these two places are not included.
        """
        listed = await self.items.query(
            table.listing(index, value),
            after=behind(after) if after else "",
            before=before if before == LAST else f"{before}#",
            limit=limit,
            backwards=backwards,
        )
        return await self.pointed(table, listed)

    async def each_by(
        self,
        table: KindTable[V],
        index: str,
        value: str,
        *,
        after: str = "",
        before: str = "",
        backwards: bool = False,
    ) -> AsyncIterator[V]:
        """The same, all of them, read in pages as they are asked for."""
        start, end = (behind(after) if after else ""), f"{before}#" if before else LAST
        while True:
            listed = await self.items.query(
                table.listing(index, value), after=start, before=end, limit=_PAGE, backwards=backwards
            )
            for one in await self.pointed(table, listed):
                yield one
            if len(listed) < _PAGE:
                return
            last = listed[-1].key[1]
            start, end = (start, last) if backwards else (last, end)

    async def first_by(
        self, table: KindTable[V], index: str, value: str, *, backwards: bool = False
    ) -> V | None:
        """The first (or last) value that an index lists under `value`, or None."""
        found = await self.by(table, index, value, limit=1, backwards=backwards)
        return found[0] if found else None

    async def pointed(self, table: KindTable[V], entries: Sequence[Item]) -> list[V]:
        """The values for entries of an index, in their order."""
        keys = [pointed(entry) for entry in entries]
        found = await self.items.get_many(keys)
        return [table.value(found[key]) for key in keys if key in found]

    async def count_by(self, table: KindTable[V], index: str, value: str, *, after: str = "") -> int:
        """How many values an index lists under `value`, after the place `after`."""
        listed = await self.items.query(table.listing(index, value), after=behind(after) if after else "")
        return len(listed)


def pointed(entry: Item) -> Key:
    """The key of the value for an index entry."""
    pk, _, sk = entry.value.partition(_BETWEEN)
    return pk, sk


def shard(text: str, shards: int) -> int:
    """The shard of a text, always the same."""
    return zlib.crc32(text.encode()) % shards
