"""Items as stored: a value as text, compressed if long, or numbers."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.store.dynamodb.calls import Wire
from engine.store.dynamodb.names import Key, joined, number
from engine.store.dynamodb.table import SORTED, Index

_PACKED = 1_000
"""Values with more characters are compressed."""
_PART = 300_000
"""The most bytes of a compressed value in one item; longer ones continue in further items."""
NUMBER = "n_"
"""The prefix of the names of numbers."""


ADDITIONS = "c"
"""How often the numbers of an item were added to."""


@dataclass(frozen=True, slots=True)
class Item:
    """A value as text under its key, or numbers; `attributes` put it into the global indexes.

    `parts`: in how many further items the value continued when it was read.
    """

    key: Key
    value: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    version: str = ""
    numbers: Mapping[str, int] = field(default_factory=dict)
    parts: int = 0


def wire_key(key: Key) -> dict[str, Any]:
    """A key with DynamoDB's type wrappers around its values."""
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def as_written(item: Item, version: str) -> tuple[dict[str, Any], list[bytes]]:
    """An item as written, and the parts of its value that do not fit into it."""
    wire: dict[str, Any] = {**wire_key(item.key), "v": {"S": version}}
    wire |= {name: {"S": value} for name, value in item.attributes.items() if value}
    if len(item.value) <= _PACKED:
        return ({**wire, "d": {"S": item.value}} if item.value else wire), []
    packed = zlib.compress(item.value.encode(), 6)
    first, *rest = [packed[at : at + _PART] for at in range(0, len(packed), _PART)]
    parts = {"p": {"N": str(len(rest))}} if rest else {}
    return {**wire, "d": binary(first), **parts}, rest


def as_read(key: Key, wire: Wire, rest: bytes) -> Item:
    """An item as read; `rest`: the continuation of its value in other items."""
    data = wire.get("d", {})
    packed = base64.b64decode(data["B"]) + rest if "B" in data else b""
    value = zlib.decompress(packed).decode() if packed else data.get("S", "")
    names = {*Index, *SORTED.values()}
    attributes = {name: typed["S"] for name, typed in wire.items() if name in names}
    version = wire.get("v", {}).get("S", "")
    return Item(key, value, attributes, version, numbers_of(wire), parts_of(wire))


def parts_of(wire: Wire) -> int:
    return int(wire["p"]["N"]) if "p" in wire else 0


def in_order(items: list[Item], index: Index, after: str, before: str) -> list[Item]:
    """Items of an index between two places, in its order if it has one."""
    sort = SORTED.get(index)
    if sort is None:
        return items
    between = [item for item in items if after < item.attributes.get(sort, "") < before]
    return sorted(between, key=lambda item: item.attributes[sort])


def binary(content: bytes) -> dict[str, str]:
    return {"B": base64.b64encode(content).decode()}


def part_key(key: Key, n: int) -> Key:
    return joined("part", key[0]), joined(key[1], number(n))


def numbers_of(wire: Wire) -> dict[str, int]:
    return {
        name.removeprefix(NUMBER): int(typed["N"]) for name, typed in wire.items() if name.startswith(NUMBER)
    }


def additions_of(wire: Wire) -> int:
    return int(wire[ADDITIONS]["N"]) if ADDITIONS in wire else 0


def addition(key: Key, names: Mapping[str, int]) -> dict[str, Any]:
    """The update that adds to the numbers of an item, and counts the additions."""
    moved = [(NUMBER + name, amount) for name, amount in names.items() if amount]
    moved.append((ADDITIONS, 1))
    return {
        "Key": wire_key(key),
        "UpdateExpression": "ADD " + ", ".join(f"#n{i} :n{i}" for i in range(len(moved))),
        "ExpressionAttributeNames": {f"#n{i}": name for i, (name, _) in enumerate(moved)},
        "ExpressionAttributeValues": {f":n{i}": {"N": str(n)} for i, (_, n) in enumerate(moved)},
    }


def unless_added_to(additions: int) -> dict[str, Any]:
    """The condition that the numbers were added to exactly this often."""
    if not additions:
        return {"ConditionExpression": f"attribute_not_exists({ADDITIONS})"}
    expected = {":c": {"N": str(additions)}}
    return {"ConditionExpression": f"{ADDITIONS} = :c", "ExpressionAttributeValues": expected}


def utf8(text: str) -> bytes:
    """The bytes of a text, by which DynamoDB compares sort keys."""
    return text.encode()
