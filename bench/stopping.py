"""How long a server takes to end after SIGTERM, while everybody it could wait for is there."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench.figures import BenchFailed, Figure
from bench.processes import SERVER, environment, free_port, process, wait_for
from bench.reading import new_event
from bench.timing import Effort
from bench.wire import HttpWire, call

_ENDS_S = 5.0
_PATIENCE_S = 120.0
_LOOK_S = 0.05
_CLIENTS = 50
_LIST = "email\n" + f"x@{'ä.' * 60}example\n" * 30_000
"""Addresses that all rules have to be asked about: they take half a minute to judge."""
_HALF = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{"


def measure(effort: Effort, folder: Path) -> Iterator[Figure]:
    """The slowest of several ends, each with waiting calls, a list that is judged, half requests, silent mail peers."""
    slowest = max(_end(folder / str(n)) for n in range(effort.starts))
    what = (
        "SIGTERM to the end, beside a waiting call, a list being judged, half requests and silent mail peers"
    )
    yield Figure("Stopping", f"{what}, slowest of {effort.starts}", slowest, "s", below=_ENDS_S)


def _end(folder: Path) -> float:
    port, inbox = free_port(), free_port()
    with socket.create_server(("127.0.0.1", 0)) as silent, ExitStack() as clients:
        # It is connected to by the system, and never greets.
        outbox = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        env = environment(folder, outbox=outbox, inbox=f"smtp://127.0.0.1:{inbox}")
        command = [*SERVER, "--http", f"127.0.0.1:{port}", "--no-auth"]
        with process(command, env, folder.with_suffix(".log")) as child:
            _occupied(clients, port, inbox)
            began = time.perf_counter()
            child.terminate()
            child.wait(timeout=_PATIENCE_S)
            return time.perf_counter() - began


def _occupied(clients: ExitStack, port: int, inbox: int) -> None:
    """Have somebody to wait for at every door."""
    for door in (port, inbox):
        wait_for(door)
    mail = clients.enter_context(socket.create_connection(("127.0.0.1", inbox)))
    mail.recv(100)
    for _ in range(_CLIENTS):
        half = clients.enter_context(socket.create_connection(("127.0.0.1", port)))
        half.sendall(_HALF)
    asking, waiting, judging = HttpWire(port), HttpWire(port), HttpWire(port)
    for wire in (asking, waiting, judging):
        clients.callback(wire.close)
    uid = new_event(asking)
    people = [{"email": f"guest{n}@example.com", "name": f"Guest {n}"} for n in range(10)]
    key = call(asking, "bulk_send", uid=uid, recipients=people, start=True)["campaign"]["id"]
    threads = clients.enter_context(ThreadPoolExecutor(2))
    threads.submit(call, waiting, "get_campaign", campaign_id=key, wait_s=600)
    threads.submit(call, judging, "bulk_send", uid=uid, csv=_LIST)
    _until_sending(asking, uid)


def _until_sending(wire: HttpWire, uid: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not call(wire, "get_stats", scope="event", key=uid)["delivery"]["sending"]:
        if time.monotonic() > deadline:
            raise BenchFailed(f"nothing was sent in {_PATIENCE_S:g} s")
        time.sleep(_LOOK_S)
