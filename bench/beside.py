"""A campaign while visitors look at a page of the same process, beside the same campaign alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from bench import lists, web
from bench.figures import BenchFailed, Figure
from bench.processes import SERVER, another_over_http, environment, free_port, process, sink, wait_for
from bench.reading import new_event
from bench.timing import Effort
from bench.usage import together
from bench.wire import HttpWire, call

_GROUP = "Pages and REST"
_PAGE = "/s/season"
_WITHIN = 1.03
_LOOKS = 500
"""Looks at the page between two questions whether the campaign is over."""
_ROUNDS = 3
_MOST = 20_000


class _Visitors:
    """Looks at a page over and over, at most some thousand a second, until they are to stop."""

    def __init__(self, port: int) -> None:
        self.looks = 0
        self._port, self._over = port, threading.Event()

    def stop(self) -> None:
        self._over.set()

    def look(self) -> None:
        """Run in a thread of its own."""
        while not self._over.is_set():
            asyncio.run(web.load(self._port, _PAGE, _LOOKS))
            self.looks += _LOOKS
            self._over.wait(0.2)


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """Processor time of all our processes: campaigns with visitors, less what their looks take alone."""
    asyncio.run(web.filled(folder / "beside"))
    log, http = folder / "beside.log", free_port()
    with sink(log) as (smtp, _):
        env = environment(folder / "beside", outbox=f"smtp://127.0.0.1:{smtp}")
        command = [*SERVER, "--http", f"127.0.0.1:{http}", "--no-auth"]
        with process(command, env, log) as server:
            wait_for(http)
            with another_over_http(http) as wire:
                yield _beside(effort, folder, wire, (server.pid, http))


def _beside(effort: Effort, folder: Path, wire: HttpWire, server: tuple[int, int]) -> Figure:
    pid, port = server
    n = min(effort.recipients, _MOST)
    _campaign(wire, folder, min(n, effort.few), pid)
    alone, beside = list[float](), list[float]()
    for _ in range(min(_ROUNDS, effort.rounds)):
        alone.append(_campaign(wire, folder, n, pid))
        look = _one_look(pid, port)
        with _visiting(port) as visitors:
            spent = _campaign(wire, folder, n, pid)
        beside.append(spent - visitors.looks * look)
    return Figure(
        _GROUP,
        f"a campaign of {n:,} beside visitors of a page, without the time of the pages",
        median(beside),
        "s of processor time",
        within=_WITHIN,
        peer="alone",
        peer_value=median(alone),
        ratio=median(b / a for a, b in zip(alone, beside, strict=True)),
    )


@contextmanager
def _visiting(port: int) -> Iterator[_Visitors]:
    visitors = _Visitors(port)
    thread = threading.Thread(target=visitors.look)
    thread.start()
    try:
        yield visitors
    finally:
        visitors.stop()
        thread.join()


def _one_look(pid: int, port: int) -> float:
    """Seconds of processor time that a look takes while nothing else happens."""
    asyncio.run(web.load(port, _PAGE, _LOOKS))
    before = together(pid).cpu_s
    for _ in range(10):
        asyncio.run(web.load(port, _PAGE, _LOOKS))
    return (together(pid).cpu_s - before) / (10 * _LOOKS)


def _campaign(wire: HttpWire, folder: Path, n: int, pid: int) -> float:
    """Seconds of processor time of one campaign, from its start to its end."""
    draft = lists.draft(wire, new_event(wire), lists.csv_file(folder, n))
    before = together(pid).cpu_s
    control = {"campaign_id": draft["id"], "confirm_token": draft["confirm_token"]}
    call(wire, "control_campaign", action="start", **control)
    for _ in range(100):
        ended = call(wire, "get_campaign", campaign_id=draft["id"], wait_s=60)["campaign"]
        if ended["state"] == "finished":
            return together(pid).cpu_s - before
    raise BenchFailed(f"the campaign is {ended['state']}")
