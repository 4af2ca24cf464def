"""Moves everything from one store to another, and recounts both sides by kind."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.itip.recurrence import instances
from engine.refusals import Code, Refused
from engine.store.opening import open_movable
from engine.store.protocol.moving import KINDS, Document, Movable

_WHOLE = 2**256
_TABLE = "dynamodb:"


@dataclass
class KindCounts:
    """The number of documents of each kind, and a digest of them that does not depend on their order."""

    n: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    sums: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))

    def add(self, documents: Iterable[Document]) -> None:
        """Count these documents."""
        for kind, value in documents:
            self.n[kind] += 1
            self.sums[kind] = (self.sums[kind] + _digest(value)) % _WHOLE


@dataclass(frozen=True)
class MovedKind:
    """A kind in both stores: the number of documents, and whether they are the same."""

    name: str
    about: str
    source: int
    target: int
    same: bool


async def move_store(source: str, target: str) -> list[MovedKind]:
    """Move everything from the store at one address to that at another, both of the form of `CIS_STORE`.

    As `move`; raises Refused: NOT_ALLOWED for two tables; OSError.
    """
    if source.startswith(_TABLE) and target.startswith(_TABLE):
        why = "From one table to another nothing is moved: DynamoDB copies a table whole."
        raise Refused(Code.NOT_ALLOWED, why, "Restore a backup of the table under another name.")
    opened: list[Movable] = []
    try:
        for address in (source, target):
            opened.append(await open_movable(address, instances, _now))  # noqa: PERF401 -- the first is closed
        return await move(*opened)
    finally:
        for store in opened:
            await store.close()


def _now() -> datetime:
    return datetime.now(UTC)


async def move(source: Movable, target: Movable) -> list[MovedKind]:
    """Move everything, read it back, and return each kind that has documents in either store.

    If a kind differs, no server opens the target. Raises Refused: BUSY if one of the stores is in use, NOT_ALLOWED if
    the target is not empty or a secret cannot be opened.
    """
    await source.refuse_in_use()
    await target.refuse_in_use()
    if not await source.holds_anything():
        raise Refused(Code.NOT_ALLOWED, "The store to move is empty.", "Check its address.")
    if await target.holds_anything():
        why = "The store to which everything is to be moved is not empty."
        raise Refused(Code.NOT_ALLOWED, why, "Name a store that does not exist yet, or an empty one.")
    await target.begin()
    moved, found = KindCounts(), KindCounts()
    async for some in source.documents():
        moved.add(some)
        await target.take(some)
    await target.finish()
    async for some in target.documents():
        found.add(some)
    if await source.changed():
        raise Refused(
            Code.BUSY,
            "The store was written to while it was moved, so the move is incomplete.",
            "Stop all servers and workers, then move it again.",
        )
    kinds = list(_compared(moved, found))
    if all(kind.same for kind in kinds):
        await target.end()
    return kinds


def _compared(moved: KindCounts, found: KindCounts) -> Iterable[MovedKind]:
    for name, about in KINDS.items():
        if moved.n[name] or found.n[name]:
            same = (moved.n[name], moved.sums[name]) == (found.n[name], found.sums[name])
            yield MovedKind(name, about, moved.n[name], found.n[name], same)


def _digest(value: Mapping[str, Any]) -> int:
    text = json.dumps(_ordered(value), sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest())


def _ordered(value: Any) -> Any:
    """The value with lists of texts sorted, since stores may return a set in different orders."""
    if isinstance(value, Mapping):
        return {str(name): _ordered(one) for name, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        ordered = [_ordered(one) for one in value]
        return sorted(ordered) if all(isinstance(one, str) for one in ordered) else ordered
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
