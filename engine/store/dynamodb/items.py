"""Items in one unit of work: those it has read, and those it will write in one transaction."""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from engine.refusals import Code, Refused
from engine.store.dynamodb.calls import TRIES, Calls, Unavailable, Wire
from engine.store.dynamodb.names import LAST, Key
from engine.store.dynamodb.table import SORTED, Index
from engine.store.dynamodb.wires import (
    Item,
    addition,
    additions_of,
    as_read,
    as_written,
    binary,
    in_order,
    numbers_of,
    part_key,
    parts_of,
    unless_added_to,
    utf8,
    wire_key,
)

ACTIONS_MOST = 100
"""The most actions of one transaction, which is DynamoDB's limit."""
_ROOM = 70
"""The number of actions up to which a unit cleans up one value more, of up to ten, beside its own work."""
_PAGE = 1_000
_REST = "part#"
"""The prefix of partitions with continuations of long values."""


class TooMany(Refused):
    """A unit of work is larger than a DynamoDB transaction, so it must be divided."""

    def __init__(self, items: int) -> None:
        super().__init__(
            Code.TOO_LARGE,
            f"That is too much at once for this store: {items} items, and it takes {ACTIONS_MOST}.",
            "Give it in parts, such as of 25.",
        )

    def __reduce__(self) -> tuple[type[Refused], tuple[Code, str, str, str]]:
        return Refused, (self.code, self.message, self.hint, self.bound)


class Items:
    """One unit of work over the table.

    Reads are checked at commit: each item that the unit writes, and each that it read `checked`, must still have the
    version that was read. Numbers are added to without being read, so that many units may count concurrently.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._seen: dict[Key, Item | None] = {}
        self._checked: set[Key] = set()
        self._written: dict[Key, Item | None] = {}
        self._added: dict[Key, dict[str, int]] = {}
        self._taken: dict[Key, int] = {}
        self.writes = 0

    @property
    def ahead_s(self) -> float:
        """The seconds that the clock of DynamoDB is ahead of this machine's."""
        return self._calls.ahead_s

    # reading

    async def get(self, key: Key, *, checked: bool = False) -> Item | None:
        """The item with this key, including this unit's changes."""
        return (await self.get_many([key], checked=checked)).get(key)

    async def get_many(self, keys: Iterable[Key], *, checked: bool = False) -> dict[Key, Item]:
        """The existing items with these keys."""
        keys = list(dict.fromkeys(keys))
        missing = [key for key in keys if key not in self._seen and key not in self._written]
        if missing:
            found = await self._calls.get([wire_key(key) for key in missing])
            for each in found:
                await self._see(each)
            self._seen = {**dict.fromkeys(missing), **self._seen}
        if checked:
            self._checked |= set(keys)
        return {key: item for key in keys if (item := self._now(key)) is not None}

    def _now(self, key: Key) -> Item | None:
        return self._written[key] if key in self._written else self._seen.get(key)

    async def _see(self, wire: Wire) -> Item | None:
        """Remember an item as first read, or that it was missing."""
        key = (wire["pk"]["S"], wire["sk"]["S"])
        if key in self._seen:
            return self._seen[key] or await self._read(key, wire)
        item = self._seen[key] = await self._read(key, wire)
        return item

    async def _read(self, key: Key, wire: Wire) -> Item | None:
        """An item with the continuation of its value; None if it was deleted meanwhile."""
        for _ in range(TRIES):
            rest = await self._rest(key, wire)
            if rest is not None:
                return as_read(key, wire, rest)
            again = await self._calls.get([wire_key(key)])
            if not again:
                return None
            wire = again[0]
        raise Unavailable(f"a long value was written anew each of {TRIES} times that it was read")

    async def _rest(self, key: Key, wire: Wire) -> bytes | None:
        """The continuation of a value in other items; None if they were rewritten since the first was read."""
        keys = [part_key(key, n) for n in range(1, parts_of(wire) + 1)]
        found = {each["sk"]["S"]: each for each in await self._calls.get([wire_key(k) for k in keys])}
        parts = [found.get(sk) for _, sk in keys]
        whole = [part for part in parts if part and part.get("v", wire["v"]) == wire["v"]]
        if len(whole) < len(keys):
            return None
        return b"".join(base64.b64decode(part["d"]["B"]) for part in whole)

    async def get_eventual(self, key: Key) -> Item | None:
        """The item with this key by an eventually consistent read, at half the price: for questions, not for units."""
        found = await self._calls.get([wire_key(key)], consistent=False)
        return await self._read(key, found[0]) if found else None

    async def query(
        self,
        partition: str,
        *,
        after: str = "",
        before: str = LAST,
        limit: int | None = None,
        backwards: bool = False,
        consistent: bool = True,
    ) -> list[Item]:
        """The items of a partition with sort keys between these two, both exclusive, in order."""
        found = await self._kept(partition, after, before, limit, backwards, consistent=consistent)
        sorts = {item.key[1]: item for item in found}
        for (pk, sk), item in self._written.items():
            if pk != partition or not after < sk < before:
                continue
            if item is None:
                sorts.pop(sk, None)
            else:
                sorts[sk] = item
        order = sorted(sorts, key=utf8, reverse=backwards)
        return [sorts[sk] for sk in order[:limit]]

    async def _kept(
        self,
        partition: str,
        after: str,
        before: str,
        limit: int | None,
        backwards: bool,
        *,
        consistent: bool,
    ) -> list[Item]:
        """The stored items, with as many more as this unit has deleted."""
        dropped = sum(pk == partition and item is None for (pk, _), item in self._written.items())
        wanted = None if limit is None else limit + dropped
        asked: dict[str, Any] = {
            "KeyConditionExpression": "pk = :p AND sk BETWEEN :a AND :b",
            "ExpressionAttributeValues": {
                ":p": {"S": partition},
                ":a": {"S": after + "\x00" if after else "\x00"},
                ":b": {"S": before},
            },
            "ConsistentRead": consistent,
            "ScanIndexForward": not backwards,
        }
        found: list[Item] = []
        while wanted is None or len(found) < wanted:
            page, rest = await self._calls.page(
                {**asked, "Limit": _PAGE if wanted is None else min(_PAGE, wanted - len(found) + 1)}
            )
            seen = [await self._see(each) for each in page if each["sk"]["S"] != before]
            found += [item for item in seen if item]
            if rest is None:
                break
            asked["ExclusiveStartKey"] = rest
        return found

    def not_found(self, key: Key) -> None:
        """Remember that an item does not exist, since a query that would have found it did not."""
        if key not in self._written:
            self._seen.setdefault(key, None)

    async def indexed(
        self, index: Index, value: str, *, after: str = "", before: str = LAST, limit: int | None = None
    ) -> list[Item]:
        """The items whose attribute `index` is `value`; the index is late by moments, the items are read consistently.

        Items written by this unit are included. They are in the order of the index's sort key, if it has one.
        """
        own = [key for key, item in self._written.items() if item and item.attributes.get(index) == value]
        fits = await self.get_many(own)
        async for places in self._index_pages(index, value, after, before, limit or _PAGE):
            found = await self.get_many(key for _, key in places)
            fits |= {key: item for key, item in found.items() if item.attributes.get(index) == value}
            if limit is not None and len(fits) >= limit + len(own):
                break
        return in_order(list(fits.values()), index, after, before)[:limit]

    async def indexed_in(
        self, index: Index, most: Mapping[str, int], *, after: str, before: str, lot: int
    ) -> AsyncIterator[list[Item]]:
        """As `indexed` for several values together, read in batches, in order.

        `most` says how many items of each value are read together; if all are used and more are needed, as many again
        are read, after those of other values that were read before.
        """
        written = ((key, item.attributes) for key, item in self._written.items() if item)
        own = [(mine[SORTED[index]], key) for key, mine in written if mine.get(index) in most]
        pages = {
            value: self._index_pages(index, value, after, before, limit) for value, limit in most.items()
        }
        known: set[Key] = set()
        while pages:
            read = {value: await anext(page, []) for value, page in pages.items()}
            pages = {value: page for value, page in pages.items() if len(read[value]) >= most[value]}
            places = sorted([*own, *(place for some in read.values() for place in some)])
            own = []
            keys = [key for key in dict.fromkeys(key for _, key in places) if key not in known]
            known.update(keys)
            for first in range(0, len(keys), lot):
                found = (await self.get_many(keys[first : first + lot])).values()
                yield in_order([i for i in found if i.attributes.get(index) in most], index, after, before)

    async def _index_pages(
        self, index: Index, value: str, after: str, before: str, size: int
    ) -> AsyncIterator[list[tuple[str, Key]]]:
        """The keys that an index has, each with its place in the order, in pages of this size."""
        asked: dict[str, Any] = {
            "IndexName": index.value,
            "KeyConditionExpression": "#i = :v",
            "ExpressionAttributeNames": {"#i": index.value},
            "ExpressionAttributeValues": {":v": {"S": value}},
        }
        if index in SORTED:
            asked["KeyConditionExpression"] += " AND #s BETWEEN :a AND :b"
            asked["ExpressionAttributeNames"]["#s"] = SORTED[index]
            asked["ExpressionAttributeValues"] |= {
                ":a": {"S": after + "\x00" if after else "\x00"},
                ":b": {"S": before},
            }
        sort = SORTED.get(index, "sk")
        places: list[tuple[str, Key]] = []
        while True:
            page, rest = await self._calls.page({**asked, "Limit": size - len(places)})
            places += [(each[sort]["S"], (each["pk"]["S"], each["sk"]["S"])) for each in page]
            if rest is None:
                break
            asked["ExclusiveStartKey"] = rest
            if len(places) >= size:
                yield places
                places = []
        if places:
            yield places

    async def numbers(self, keys: Iterable[Key]) -> dict[Key, dict[str, int]]:
        """The numbers under these keys, including this unit's additions; each has all names ever added to."""
        keys = list(dict.fromkeys(keys))
        found: dict[Key, dict[str, int]] = {key: {} for key in keys}
        for each in await self._calls.get([wire_key(key) for key in keys]):
            found[each["pk"]["S"], each["sk"]["S"]] = numbers_of(each)
        return {key: self._with_added(key, known) for key, known in found.items()}

    async def numbers_under(
        self, partition: str, *, after: str = "", before: str = "", own: bool = True
    ) -> dict[Key, dict[str, int]]:
        """The numbers of a partition with sort keys between these two; `own`: including this unit's additions."""
        low, high = after or "\x00", before or LAST
        asked: dict[str, Any] = {
            "KeyConditionExpression": "pk = :p AND sk BETWEEN :a AND :b",
            "ExpressionAttributeValues": {":p": {"S": partition}, ":a": {"S": low}, ":b": {"S": high}},
            "ConsistentRead": True,
        }
        mine = [key for key in self._added if own and key[0] == partition and low <= key[1] <= high]
        found: dict[Key, dict[str, int]] = {key: {} for key in mine}
        while True:
            page, rest = await self._calls.page(asked)
            for each in page:
                found[each["pk"]["S"], each["sk"]["S"]] = numbers_of(each)
            if rest is None:
                break
            asked["ExclusiveStartKey"] = rest
        return {key: self._with_added(key, known) for key, known in found.items()} if own else found

    def _with_added(self, key: Key, known: Mapping[str, int]) -> dict[str, int]:
        added = self._added.get(key, {})
        return {name: known.get(name, 0) + added.get(name, 0) for name in {*known, *added}}

    async def scan(self) -> AsyncIterator[Item]:
        """All stored items of the table, in no order, except continuations of long values; none is remembered."""
        asked: dict[str, Any] = {}
        while True:
            page, rest = await self._calls.scan(asked)
            for each in page:
                key = (each["pk"]["S"], each["sk"]["S"])
                if not key[0].startswith(_REST) and (item := await self._read(key, each)):
                    yield item
            if rest is None:
                return
            asked["ExclusiveStartKey"] = rest

    # writing

    def put(self, key: Key, value: str, attributes: Mapping[str, str] | None = None) -> None:
        """Write an item. If it was read before, it must be unchanged; otherwise it replaces any existing one."""
        self.writes += 1
        self._written[key] = Item(key, value, attributes or {})

    def drop(self, key: Key) -> None:
        """Delete an item, under the same condition."""
        self.writes += 1
        self._written[key] = None

    def add(self, key: Key, name: str, amount: int) -> None:
        """Add to a number; an item with numbers has nothing else."""
        if amount:
            self.writes += 1
            names = self._added.setdefault(key, {})
            names[name] = names.get(name, 0) + amount

    async def take_numbers(self, key: Key) -> dict[str, int]:
        """Delete the numbers under a key, and return them; if any changes meanwhile, the unit does not commit."""
        self.drop(key)
        for each in await self._calls.get([wire_key(key)]):
            self._taken[key] = additions_of(each)
            return numbers_of(each)
        return {}

    @property
    def actions(self) -> int:
        """How many actions the unit has so far."""
        parts = sum(seen.parts for key in self._written if (seen := self._seen.get(key)))
        return len(self._written) + parts + len(self._added) + len(self._checked - self._written.keys())

    @property
    def room(self) -> bool:
        """True while the unit may clean up one value more: a unit that grows past a transaction comes to nothing."""
        return self.actions < _ROOM

    async def commit(self) -> None:
        """Commit all writes. Raises Conflict if something was changed meanwhile, TooMany, Unavailable."""
        version = secrets.token_urlsafe(9)
        actions = [action for key in self._written for action in self._actions(key, version)]
        added = ((key, names) for key, names in self._added.items() if any(names.values()))
        actions += [{"Update": self._named(addition(key, names))} for key, names in added]
        if not actions:
            return
        actions += [self._check(key) for key in self._checked if key not in self._written]
        if len(actions) > ACTIONS_MOST:
            raise TooMany(len(actions))
        await self._calls.transact(actions, secrets.token_hex(16))

    def _actions(self, key: Key, version: str) -> Iterable[Mapping[str, Any]]:
        item = self._written[key]
        seen = self._seen.get(key)
        before = seen.parts if seen else 0
        if item is None:
            if key in self._seen and self._seen[key] is None:
                return  # created and deleted within this unit
            yield {"Delete": self._if_unchanged(key, {"Key": wire_key(key)})}
            parts: list[bytes] = []
        else:
            wire, parts = as_written(item, version)
            yield {"Put": self._if_unchanged(key, {"Item": wire})}
        for n, part in enumerate(parts, start=1):
            rest = {**wire_key(part_key(key, n)), "v": {"S": version}, "d": binary(part)}
            yield {"Put": self._named({"Item": rest})}
        for n in range(len(parts) + 1, before + 1):
            yield {"Delete": self._named({"Key": wire_key(part_key(key, n))})}

    def _check(self, key: Key) -> Mapping[str, Any]:
        return {"ConditionCheck": self._if_unchanged(key, {"Key": wire_key(key)})}

    def _if_unchanged(self, key: Key, action: dict[str, Any]) -> dict[str, Any]:
        if key in self._taken:
            return self._named({**action, **unless_added_to(self._taken[key])})
        if key not in self._seen:
            return self._named(action)
        seen = self._seen[key]
        if seen is None:
            return self._named({**action, "ConditionExpression": "attribute_not_exists(pk)"})
        condition = {
            "ConditionExpression": "v = :v",
            "ExpressionAttributeValues": {":v": {"S": seen.version}},
        }
        return self._named({**action, **condition})

    def _named(self, action: dict[str, Any]) -> dict[str, Any]:
        return {**action, "TableName": self._calls.table}
