"""The record: how fast it is verified beside a bare loop that hashes the same bytes, and what a row costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from statistics import median

from bench.figures import BenchFailed, Figure
from bench.timing import Effort
from engine.engine import Engine
from engine.model.record import GENESIS, ChainRow, Head, next_row
from engine.record.verifying import verify
from engine.settings import Settings
from engine.store.protocol import Unit

_GROUP = "The record"
_AT_LEAST = 0.3
_ROWS, _FEW_ROWS = 200_000, 20_000
_CHUNK = 1_000
_ROUNDS = 5
_FACTS = {
    "at": "2027-03-01T09:00:00.000Z",
    "kind": "agent",
    "key": "k3v9x2m1p0",
    "face": "mcp",
    "command": "SendInvite",
    "outcome": "done",
    "event": "x" * 40,
    "args": "0" * 32,
    "about": "1" * 32,
    "mails": {"count": 1, "root": "2" * 64},
}


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Verifying, and appending many rows in one unit of work."""
    yield from asyncio.run(_measured(_ROWS if effort.rounds > 1 else _FEW_ROWS, folder))


async def _measured(count: int, folder: Path) -> list[Figure]:
    engine = await Engine.open(Settings(_env_file=None, data_dir=folder / "data"))
    try:
        wrote = await _written(engine, count)
        rows = await engine.store.record_rows(0, count)
        texts = [row.body.encode() for row in rows]
        pairs = [(_bare(texts), await _verified(engine, count)) for _ in range(_ROUNDS)]
    finally:
        await engine.close()
    bare, ours = (count / median(pair[n] for pair in pairs) for n in (0, 1))
    ratio = median(one / other for one, other in pairs)
    return [
        Figure(
            _GROUP,
            f"{count:,} rows read and verified",
            ours,
            "rows/s",
            at_least=_AT_LEAST,
            peer="a bare loop of two SHA-256 a row, over the same bytes in memory",
            peer_value=bare,
            ratio=ratio,
        ),
        Figure(
            _GROUP, f"a row, appended with {_CHUNK:,} others in one unit of work", wrote / count * 1e6, "µs"
        ),
    ]


def _bare(texts: list[bytes]) -> float:
    began, head = time.perf_counter(), GENESIS
    for text in texts:
        head = sha256(b"\x01" + head + sha256(b"\x00" + text).digest()).digest()
    return time.perf_counter() - began


async def _verified(engine: Engine, count: int) -> float:
    began = time.perf_counter()
    found = await verify(engine.store)
    took = time.perf_counter() - began
    if found.differences or found.rows != count:
        raise BenchFailed(f"the record could not be verified: {found}")
    return took


async def _written(engine: Engine, count: int) -> float:
    """Append the rows; returns the seconds within units of work, without their commits."""
    took = 0.0

    async def chunk(unit: Unit) -> None:
        nonlocal took
        began = time.perf_counter()
        for _ in range(_CHUNK):
            place = await unit.record_place(())
            await unit.add_row(_next(place.after), {})
        took += time.perf_counter() - began

    for _ in range(count // _CHUNK):
        await engine.store.transact(chunk)
    return took


def _next(after: Head) -> ChainRow:
    return next_row(after, _FACTS, b"3" * 26)
