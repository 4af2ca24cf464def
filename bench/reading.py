"""Tools that only read, beside a trivial tool on the bare SDK: over stdio and HTTP, for one client and for sixteen."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.figures import Figure
from bench.processes import BARE, SERVER, another_over_http, environment, free_port, over_http, over_stdio
from bench.timing import Effort, Round, by_turns, latency
from bench.wire import StdioWire, Wire, call

_GROUP = "A tool that only reads"
_WITHIN = 1.5
_PEER = "trivial tool, bare SDK"
_CLIENTS = 16
_PEOPLE = 10
_SHARE = 4
"""Each tool has so small a part of the calls that one tool alone would have."""

Asked = tuple[str, dict[str, Any]]


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """The ratio of each reading tool to a trivial tool, at the median and at p99."""
    env, log = environment(folder / "reading"), folder / "reading.log"
    with ExitStack() as stack:
        ours = stack.enter_context(over_stdio(SERVER, env, log))
        bare = stack.enter_context(over_stdio(BARE, env, log))
        asked = _filled(ours)
        for tool in asked:
            yield from _alone("stdio", effort, ours, bare, tool)
        for tool in asked:
            yield from _compared(
                f"{tool[0]} over stdio, {_CLIENTS} at a time", _piped(effort, ours, bare, tool)
            )
    port, other = free_port(), free_port()
    with ExitStack() as stack:
        serve = [*SERVER, "--http", f"127.0.0.1:{port}", "--no-auth"]
        wires = [stack.enter_context(over_http(serve, port, env, log))]
        peers = [stack.enter_context(over_http([*BARE, str(other)], other, env, log))]
        for tool in asked:
            yield from _alone("HTTP", effort, wires[0], peers[0], tool)
        wires += [stack.enter_context(another_over_http(port)) for _ in range(_CLIENTS - 1)]
        peers += [stack.enter_context(another_over_http(other)) for _ in range(_CLIENTS - 1)]
        for tool in asked:
            yield from _compared(
                f"{tool[0]} over HTTP, {_CLIENTS} clients", _crowded(effort, wires, peers, tool)
            )


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


def _filled(ours: Wire) -> list[Asked]:
    """An event to which a campaign invited a few people; the reading tools, each with what it is asked."""
    uid = new_event(ours)
    people = [{"email": f"guest{n}@example.com", "name": f"Guest {n}"} for n in range(_PEOPLE)]
    draft = call(ours, "bulk_send", uid=uid, recipients=people, start=True)["campaign"]
    call(ours, "get_campaign", campaign_id=draft["id"], wait_s=20)
    return [
        ("get_event", {"uid": uid}),
        ("search_events", {"query": "season"}),
        ("get_stats", {"scope": "event", "key": uid}),
        ("get_campaign", {"campaign_id": draft["id"]}),
        ("list_attendees", {"uid": uid}),
    ]


def _alone(transport: str, effort: Effort, ours: Wire, bare: Wire, asked: Asked) -> Iterator[Figure]:
    """One call after the other, ours and the peer's by turns."""
    name, arguments = asked

    def read() -> None:
        call(ours, name, **arguments)

    def trivial() -> None:
        call(bare, "echo", text="x" * 40)

    calls = max(20, effort.reads // _SHARE)
    by_turns(read, trivial, max(10, calls // 5))
    yield from _compared(
        f"{name} over {transport}", [by_turns(read, trivial, calls) for _ in range(effort.rounds)]
    )


def _compared(name: str, rounds: Sequence[Round]) -> Iterator[Figure]:
    for q in (0.5, 0.99):
        yield latency(_GROUP, name, rounds, q, _PEER, within=_WITHIN)


def _piped(effort: Effort, ours: StdioWire, bare: StdioWire, asked: Asked) -> list[Round]:
    """Sixteen requests written at once, again and again: how long each waits for its answer."""
    times = max(2, effort.reads // _SHARE // _CLIENTS)

    def burst(wire: StdioWire, name: str, arguments: dict[str, Any]) -> list[float]:
        return [second for _ in range(times) for second in wire.burst(name, arguments, _CLIENTS)]

    burst(ours, *asked)
    burst(bare, "echo", {"text": "x"})
    return [Round(burst(ours, *asked), burst(bare, "echo", {"text": "x" * 40})) for _ in range(effort.rounds)]


def _crowded(effort: Effort, ours: Sequence[Wire], bare: Sequence[Wire], asked: Asked) -> list[Round]:
    """Sixteen clients, each on a connection of its own, that ask one after the other.

    Each asks so often that the first calls of all of them, which come at once, are not the whole of p99.
    """
    times = max(2, effort.reads // _CLIENTS)

    def crowd(wires: Sequence[Wire], name: str, arguments: dict[str, Any]) -> list[float]:
        with ThreadPoolExecutor(len(wires)) as clients:
            each = list(clients.map(lambda wire: _timed(lambda: call(wire, name, **arguments), times), wires))
        return [second for seconds in each for second in seconds]

    crowd(ours, *asked)
    crowd(bare, "echo", {"text": "x"})
    return [Round(crowd(ours, *asked), crowd(bare, "echo", {"text": "x" * 40})) for _ in range(effort.rounds)]


def _timed(ask: Callable[[], object], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - began)
    return taken
