"""An event with very many attendees: its statistics asked for, its report read as a stream.

`python -m bench.crowd DATABASE UID` reads the report and prints its rows and by how many MB memory grew.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import BenchFailed, Figure
from bench.processes import ROOT, SERVER, environment, over_stdio
from bench.reading import new_event
from bench.timing import MILLISECONDS, Effort, quantile
from bench.usage import usage
from bench.wire import Wire, call
from engine.attendee_report import csv_lines
from engine.model.people import Attendee, Origin, Partstat
from engine.store.sqlite.store import SqliteStore

_GROUP = "An event with very many attendees"
_STATS_MS, _GROWTH_MB = 5, 50
"""SQLite keeps 32 MB of pages itself, however many rows there are."""
_CHUNK = 10_000
_CALLS = 200
_STATUSES = tuple(Partstat)


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """get_stats over stdio, and the report read line by line in a process of its own."""
    n = effort.attendees
    data = folder / "crowd"
    with over_stdio(SERVER, environment(data), folder / "crowd.log") as ours:
        uid = new_event(ours)
        asyncio.run(_fill(data / "cis.sqlite3", uid, n))
        seconds = [_stats(ours, uid, n) for _ in range(min(_CALLS, effort.reads))]
    for q in (0.5, 0.99):
        value = quantile(seconds, q) * MILLISECONDS
        yield Figure(_GROUP, f"get_stats, {n:,} attendees, p{q * 100:g}", value, "ms", below=_STATS_MS)
    took, growth_mb = _streamed(data / "cis.sqlite3", uid, n)
    yield Figure(_GROUP, f"report of {n:,} rows as a stream", took, "s")
    yield Figure(_GROUP, f"memory growth while {n:,} rows stream", growth_mb, "MB", below=_GROWTH_MB)


async def _fill(database: Path, uid: str, n: int) -> None:
    """Add attendees, through the store."""
    store = await SqliteStore.open(database)
    now = datetime.now(UTC)
    try:
        for first in range(0, n, _CHUNK):
            people = [_attendee(uid, i, now) for i in range(first, min(n, first + _CHUNK))]
            async with store.unit() as unit:
                await unit.add_attendees(people)
    finally:
        await store.close()


def _attendee(uid: str, number: int, now: datetime) -> Attendee:
    return Attendee(
        event_uid=uid,
        email=f"member{number}@example.com",
        token=f"{number:024d}",
        name=f"Guest {number}",
        partstat=_STATUSES[number % len(_STATUSES)],
        origin=Origin.BULK,
        prodid="-//Example Inc//Example Calendar 1.0//EN",
        created=now,
    )


def _stats(ours: Wire, uid: str, n: int) -> float:
    began = time.perf_counter()
    found = call(ours, "get_stats", scope="event", key=uid)
    took = time.perf_counter() - began
    if found["attendees"] != n:
        raise BenchFailed(f"get_stats counts {found['attendees']} attendees of {n}")
    return took


def _streamed(database: Path, uid: str, n: int) -> tuple[float, float]:
    """Seconds, and MB by which memory grew."""
    command = [sys.executable, "-m", "bench.crowd", str(database), uid]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True, cwd=ROOT)
    said = json.loads(run.stdout)
    if said["rows"] != n + 1:
        raise BenchFailed(f"the report of {n} attendees and a header has {said['rows']} lines")
    return float(said["seconds"]), float(said["growth_mb"])


async def _read(database: Path, uid: str) -> dict[str, float]:
    store = await SqliteStore.open(database)
    try:
        before, rows, began = usage(os.getpid()), 0, time.perf_counter()
        async for _ in csv_lines(store.every_attendee(uid)):
            rows += 1
        seconds = time.perf_counter() - began
        growth_mb = usage(os.getpid()).peak_mb - before.resident_mb
        return {"rows": rows, "seconds": seconds, "growth_mb": growth_mb}
    finally:
        await store.close()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_read(Path(sys.argv[1]), sys.argv[2]))))
