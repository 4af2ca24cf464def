"""A campaign from its start to the last 250 in the ledger, beside nodemailer and postfix's own sender."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench import crowd, lists, peers
from bench.figures import BenchFailed, Figure
from bench.processes import SERVER, environment, over_stdio, sink, slow_way
from bench.reading import new_event
from bench.timing import MILLISECONDS, Effort, speed
from bench.usage import PeakMemory, together
from bench.wire import StdioWire, call

_GROUP = "A campaign, from its start to the last 250 written down"
_OF_NODEMAILER, _OF_SMTP_SOURCE, _OF_NO_DELAY = 4, 1 / 5, 1 / 2
_MANY = 100_000
_GROWTH = 1.2
_PEAK_MB = 300
_ROUNDS = 3
_PEER_MOST = 10_000
"""A peer's rate does not change with the number, and nodemailer would take minutes."""
_ROUND_TRIP_MS = 20
_DELAY_CONNECTIONS = 200
_LONGEST_S = 1_800.0


@dataclass(frozen=True)
class Sent:
    """One campaign: mails a second, and CPU seconds of our processes for each."""

    rate: float
    cpu_s: float


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Campaigns; lists drafted; a large event counted and reported; campaigns over a slow network."""
    with sink(folder / "campaign.log") as (port, sink_name):
        size = lists.mail_size(folder)
        yield from _beside_peers(
            effort, folder, port, f"into {sink_name}, mails of {size / 1000:.1f} kB", size
        )
        yield from _delayed(effort, folder, port)
    yield from lists.measure(effort, folder)
    yield from crowd.measure(effort, folder)


def _beside_peers(effort: Effort, folder: Path, port: int, what: str, size: int) -> Iterator[Figure]:
    n, few = effort.recipients, min(effort.few, effort.recipients)
    many, small = list[Sent](), list[Sent]()
    by_nodemailer, by_smtp_source = list[float | None](), list[float | None]()
    with _server(folder, "campaign", port) as ours, PeakMemory(ours.pid) as memory:
        send(ours, folder, few)
        for _ in range(min(_ROUNDS, effort.rounds)):
            small += [send(ours, folder, few), send(ours, folder, few)]
            many.append(send(ours, folder, n))
            by_nodemailer.append(peers.by_nodemailer(port, min(n, _PEER_MOST), size))
            by_smtp_source.append(peers.by_smtp_source(port, min(n, _PEER_MOST), size))
    cold = [_from_cold(folder, port, n, number) for number in range(len(many))]
    for name, found in ((f"{n:,} {what}", many), (f"{n:,} from cold {what}", cold)):
        rates = [sent.rate for sent in found]
        yield from _compared(name, rates, peers.NODEMAILER, by_nodemailer, _OF_NODEMAILER)
        yield from _compared(name, rates, peers.SMTP_SOURCE, by_smtp_source, _OF_SMTP_SOURCE)
    yield _cost(n, many, few, small)
    name = f"memory of all processes at one time, {n:,} drafted and sent"
    yield Figure(_GROUP, name, memory.mb, "MB", below=_PEAK_MB)


def _from_cold(folder: Path, port: int, n: int, number: int) -> Sent:
    """The first that a server sends: its second process starts for it, and nothing was prepared before."""
    with _server(folder, f"cold{number}", port) as ours:
        return send(ours, folder, n)


def _compared(
    name: str, ours: list[float], peer: str, theirs: list[float | None], at_least: float
) -> Iterator[Figure]:
    """Nothing where the peer is not installed."""
    found = [rate for rate in theirs if rate is not None]
    if found:
        yield speed(_GROUP, name, ours, peer, found, "mails/s", at_least=at_least)


def _cost(n: int, many: list[Sent], few: int, small: list[Sent]) -> Figure:
    """CPU of our processes for one invite, which should not grow with the number of them.

    Judged from 100,000 on: below, the start of the second process weighs.
    """
    each, before = median(s.cpu_s for s in many), median(s.cpu_s for s in small)
    return Figure(
        group=_GROUP,
        name=f"CPU of one invite, {n:,} of them",
        value=each * MILLISECONDS,
        unit="ms",
        within=_GROWTH if n >= _MANY else None,
        peer=f"one of {few:,}",
        peer_value=before * MILLISECONDS,
        ratio=each / before,
    )


def _delayed(effort: Effort, folder: Path, port: int) -> Iterator[Figure]:
    """Two of our servers, each behind the same kind of way to the sink, by turns."""
    direct, slow = list[float](), list[float]()
    log = folder / "delayed.log"
    n = min(effort.recipients, _PEER_MOST)
    with ExitStack() as stack:
        ways = [stack.enter_context(slow_way(port, ms, log)) for ms in (0, _ROUND_TRIP_MS)]
        servers = [
            stack.enter_context(_server(folder, name, f"{way}?connections={_DELAY_CONNECTIONS}"))
            for name, way in zip(("near", "far"), ways, strict=True)
        ]
        for ours in servers:
            send(ours, folder, min(effort.few, n))
        for _ in range(min(_ROUNDS, effort.rounds)):
            direct.append(send(servers[0], folder, n).rate)
            slow.append(send(servers[1], folder, n).rate)
    name = f"{n:,} with {_ROUND_TRIP_MS} ms of delay, {_DELAY_CONNECTIONS} connections"
    yield speed(_GROUP, name, slow, "the same way without delay", direct, "mails/s", at_least=_OF_NO_DELAY)


def _server(folder: Path, name: str, target: int | str) -> AbstractContextManager[StdioWire]:
    env = environment(folder / name, outbox=f"smtp://127.0.0.1:{target}")
    return over_stdio(SERVER, env, folder / f"{name}.log", longest_s=_LONGEST_S)


def send(ours: StdioWire, folder: Path, n: int) -> Sent:
    """Draft a list of `n` for a new event, then start it and wait."""
    uid = new_event(ours)
    return started(ours, uid, lists.draft(ours, uid, lists.csv_file(folder, n)), n)


def started(ours: StdioWire, uid: str, draft: dict[str, Any], n: int) -> Sent:
    """Start the draft of a list of `n`, and wait until all are sent."""
    before, began = together(ours.pid).cpu_s, time.perf_counter()
    control = {"campaign_id": draft["id"], "confirm_token": draft["confirm_token"]}
    call(ours, "control_campaign", action="start", **control)
    _until(lambda: _sent(call(ours, "get_stats", scope="event", key=uid)["delivery"]) == n)
    took = time.perf_counter() - began
    # The chores at its end are part of what it costs, and the next one finds the server at rest.
    ended = call(ours, "get_campaign", campaign_id=draft["id"], wait_s=300)["campaign"]
    if ended["state"] != "finished":
        raise BenchFailed(f"all mails went out, but the campaign is {ended['state']}")
    return Sent(rate=n / took, cpu_s=(together(ours.pid).cpu_s - before) / n)


def _sent(delivery: dict[str, int]) -> int:
    """How many were sent, as it is called now, or was before (bench.compare)."""
    return delivery.get("sent", delivery.get("accepted", 0))


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _LONGEST_S
    while not done():
        if time.monotonic() > deadline:
            raise BenchFailed(f"the campaign did not finish in {_LONGEST_S:g} s")
        time.sleep(0.05)
