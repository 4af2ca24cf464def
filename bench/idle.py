"""What servers cost that have nothing to do: one, and many that share one store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.figures import Figure
from bench.processes import SERVER, environment, over_stdio
from bench.timing import Effort
from bench.usage import together
from bench.wire import call

_GROUP = "A server with nothing to do"
_MANY = 10
_OF_A_CORE = 0.2
"""Percent."""


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Processor time of idle servers over stdio, on one data folder."""
    for servers in (1, _MANY):
        shares = _idle(servers, effort.idle_s, folder / f"idle{servers}", folder / "idle.log")
        name = "an idle server" if servers == 1 else f"each of {servers} idle servers on one store"
        yield Figure(_GROUP, name, median(shares), "% of a core", below=_OF_A_CORE)


def _idle(servers: int, seconds: float, data: Path, log: Path) -> list[float]:
    """The percentage of a core that each server takes, once all have come to rest."""
    with ExitStack() as stack:
        wires = [
            stack.enter_context(over_stdio(SERVER, environment(data), log, longest_s=seconds + 300))
            for _ in range(servers)
        ]
        for wire in wires:
            call(wire, "list_changes")
        time.sleep(min(seconds, 10))
        before, began = [together(wire.pid).cpu_s for wire in wires], time.perf_counter()
        time.sleep(seconds)
        after, took = [together(wire.pid).cpu_s for wire in wires], time.perf_counter() - began
    return [100 * (later - earlier) / took for earlier, later in zip(before, after, strict=True)]
