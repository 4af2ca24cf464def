"""What a question costs while the same process sends a large campaign; how much memory a fresh server holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench import lists
from bench.figures import BenchFailed, Figure
from bench.processes import SERVER, environment, over_stdio, sink
from bench.reading import new_event
from bench.timing import MILLISECONDS, Effort, quantile
from bench.usage import usage
from bench.wire import StdioWire, call

_GROUP = "While a campaign runs in the same process"
_STATS_MS = 50
_RESIDENT_MB = 110 * 1.048576
"""110 MiB."""
_PAUSE_S = 0.01
_LONGEST_S = 600.0


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Memory after the first call of a tool, then get_stats again and again while a campaign goes out."""
    n = effort.crowd
    with sink(folder / "busy.log") as (port, name):
        env = environment(folder / "busy", outbox=f"smtp://127.0.0.1:{port}")
        with over_stdio(SERVER, env, folder / "busy.log", longest_s=_LONGEST_S) as ours:
            call(ours, "get_stats", scope="system")
            yield Figure(
                "Starting",
                "memory after the first call of a tool",
                usage(ours.pid).resident_mb,
                "MB",
                below=_RESIDENT_MB,
            )
            seconds, rate = _asked(ours, folder, n)
    for q in (0.5, 0.99):
        value = quantile(seconds, q) * MILLISECONDS
        below = _STATS_MS if q == 0.99 else None
        yield Figure(_GROUP, f"get_stats while {n:,} go into {name}, p{q * 100:g}", value, "ms", below=below)
    yield Figure(_GROUP, f"the campaign of {n:,} meanwhile", rate, "mails/s")


def _asked(ours: StdioWire, folder: Path, n: int) -> tuple[list[float], float]:
    """How long each get_stats took until all had gone, and mails a second."""
    uid = new_event(ours)
    draft = lists.draft(ours, uid, lists.csv_file(folder, n))
    control = {"campaign_id": draft["id"], "confirm_token": draft["confirm_token"]}
    call(ours, "control_campaign", action="start", **control)
    began, seconds = time.perf_counter(), list[float]()
    while time.perf_counter() - began < _LONGEST_S:
        asked = time.perf_counter()
        delivery = call(ours, "get_stats", scope="event", key=uid)["delivery"]
        seconds.append(time.perf_counter() - asked)
        if delivery["sent"] == n:
            return seconds, n / (time.perf_counter() - began)
        time.sleep(_PAUSE_S)
    raise BenchFailed(f"the campaign did not finish in {_LONGEST_S:g} s")
