"""A tool that only reads, beside a trivial tool on the bare SDK, over stdio and over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.figures import Figure
from bench.processes import BARE, SERVER, environment, free_port, over_http, over_stdio
from bench.timing import Effort, by_turns, latency
from bench.wire import Wire, call

_GROUP = "A tool that only reads (get_event)"
_WITHIN = 1.5


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """The ratio of get_event to a trivial tool, at the median and at p99."""
    env, log = environment(folder / "reading"), folder / "reading.log"
    with ExitStack() as stack:
        ours: Wire = stack.enter_context(over_stdio(SERVER, env, log))
        bare: Wire = stack.enter_context(over_stdio(BARE, env, log))
        uid = new_event(ours)
        yield from _compare("stdio", effort, ours, bare, uid)
    port, other = free_port(), free_port()
    with ExitStack() as stack:
        serve = [*SERVER, "--http", f"127.0.0.1:{port}", "--no-auth"]
        ours = stack.enter_context(over_http(serve, port, env, log))
        bare = stack.enter_context(over_http([*BARE, str(other)], other, env, log))
        yield from _compare("HTTP", effort, ours, bare, uid)


def new_event(wire: Wire) -> str:
    """The uid of a fresh event of ordinary size."""
    made = call(
        wire,
        "create_event",
        summary="Season call for {{name}}",
        start="2031-05-06T19:30:00",
        duration="PT1H",
        timezone="Europe/Paris",
        location="Room 4, Example Hall",
        description="Hello {{name}}, bring your questions; the room opens a quarter of an hour earlier.",
    )
    return str(made["event"]["uid"])


def _compare(transport: str, effort: Effort, ours: Wire, bare: Wire, uid: str) -> Iterator[Figure]:
    def read() -> None:
        call(ours, "get_event", uid=uid)

    def trivial() -> None:
        call(bare, "echo", text=uid)

    by_turns(read, trivial, max(20, effort.reads // 5))
    rounds = [by_turns(read, trivial, effort.reads) for _ in range(effort.rounds)]
    for q in (0.5, 0.99):
        yield latency(_GROUP, f"over {transport}", rounds, q, "trivial tool, bare SDK", within=_WITHIN)
