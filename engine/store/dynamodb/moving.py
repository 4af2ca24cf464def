"""Moves everything out of a table, or into an empty one."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from engine.refusals import Code, Refused
from engine.store.dynamodb.calls import WRITE_MOST
from engine.store.dynamodb.moving_in import ItemsOfDocuments
from engine.store.dynamodb.moving_out import Said
from engine.store.dynamodb.names import MOVING
from engine.store.dynamodb.pulse import LAG_S
from engine.store.dynamodb.store import DynamoStore
from engine.store.dynamodb.wires import NUMBER, Item, as_written, binary, part_key, wire_key
from engine.store.protocol.moving import Document

_LOT = 300
_AT_ONCE = 8
"""The most concurrent write requests."""
_PULSE = "pulse"


class MovableTable:
    """A table that is read or written while no server uses it."""

    def __init__(self, store: DynamoStore, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._calls = store.calls
        self._clock = clock
        self._kept = ItemsOfDocuments()
        self._mark: object = None

    async def refuse_in_use(self) -> None:
        """Raises Refused: BUSY while a dispatcher holds mail; a server that does nothing is not seen."""
        held = [run for lease in (await self._store.leases()).values() for run in lease.runs.values()]
        now = self._store.shared(self._clock())
        if any(run.until > now for run in held):
            raise Refused(
                Code.BUSY, f"Mail is being sent from the table {self._calls.table}.", "Stop all workers."
            )
        self._mark = await self._written()

    async def holds_anything(self) -> bool:
        """True if there is an item, unless an interrupted move left it."""
        page, _ = await self._calls.scan({"Limit": 2})
        if await self._calls.get([wire_key(MOVING)]):
            return False
        return any(item["pk"]["S"] != _PULSE for item in page)

    async def documents(self) -> AsyncIterator[Sequence[Document]]:
        """Everything stored, some hundred documents at a time, in the order of the Scan."""
        some: list[Document] = []
        async for said in Said(self._store, self._clock()).documents():
            some += said
            while len(some) >= _LOT:
                yield some[:_LOT]
                some = some[_LOT:]
        if some:
            yield some

    async def changed(self) -> bool:
        """True if a unit of work was committed since, also by another process."""
        await asyncio.sleep(LAG_S)
        return await self._written() != self._mark

    async def _written(self) -> object:
        """What changes with what is written; the ends of the logs also show a process that did not tell of it."""
        return await self._store.revision(), await self._store.heads(), await self._store.record_head()

    async def begin(self) -> None:
        """Mark the table, and delete what an interrupted move left."""
        await self._calls.write([{"PutRequest": {"Item": wire_key(MOVING)}}])
        asked: dict[str, Any] = {}
        while True:
            page, rest = await self._calls.scan(asked)
            keys = [{name: item[name] for name in ("pk", "sk")} for item in page]
            await self._write({"DeleteRequest": {"Key": key}} for key in keys if key != wire_key(MOVING))
            if rest is None:
                return
            asked["ExclusiveStartKey"] = rest

    async def take(self, documents: Sequence[Document]) -> None:
        """Write the items of these documents."""
        await self._write(put for item in self._kept.items(documents) for put in _puts(item))

    async def finish(self) -> None:
        """Write the derived items."""
        await self._write(put for item in self._kept.rest() for put in _puts(item))
        counted: dict[tuple[str, str], dict[str, int]] = {}
        for (key, name), n in self._kept.numbers.items():
            if n:
                counted.setdefault(key, {})[name] = n
        await self._write(_numbers(key, names) for key, names in counted.items())

    async def _write(self, requests: Iterable[Mapping[str, Any]]) -> None:
        left = iter(requests)
        while some := _unlike(islice(left, _AT_ONCE * WRITE_MOST)):
            parts = [some[first : first + WRITE_MOST] for first in range(0, len(some), WRITE_MOST)]
            await asyncio.gather(*(self._calls.write(part) for part in parts))

    async def end(self) -> None:
        """Remove the mark."""
        await self._calls.write([{"DeleteRequest": {"Key": wire_key(MOVING)}}])

    async def close(self) -> None:
        """Close the connections."""
        await self._store.close()


def _unlike(requests: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The last of the requests for each key, since a batch must not contain an item twice."""
    named: dict[tuple[str, str], Mapping[str, Any]] = {}
    for request in requests:
        (said,) = request.values()
        wire = said.get("Item") or said["Key"]
        named[wire["pk"]["S"], wire["sk"]["S"]] = request
    return list(named.values())


def _puts(item: Item) -> Iterable[Mapping[str, Any]]:
    wire, parts = as_written(item, secrets.token_urlsafe(9))
    yield {"PutRequest": {"Item": wire}}
    for n, part in enumerate(parts, start=1):
        yield {"PutRequest": {"Item": {**wire_key(part_key(item.key, n)), "d": binary(part)}}}


def _numbers(key: tuple[str, str], names: Mapping[str, int]) -> Mapping[str, Any]:
    counted = {f"{NUMBER}{name}": {"N": str(n)} for name, n in names.items()}
    return {"PutRequest": {"Item": {**wire_key(key), **counted}}}
