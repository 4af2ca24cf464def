"""Ports of the loopback: one that nobody listens on, and whether somebody does."""

from __future__ import annotations

import asyncio
import fcntl
import itertools
import os
import random
import socket
import tempfile
from collections import deque
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_BELOW_EPHEMERAL = range(10_000, 32_000)
"""Ports that the system gives to no connection of its own, so that nothing takes one before the test does."""


@cache
def _ports() -> Iterator[int]:
    """All of them, in an order of this process's own: it may be forked from one that others are forked from, too."""
    return itertools.cycle(random.sample(_BELOW_EPHEMERAL, len(_BELOW_EPHEMERAL)))


_HELD_MOST = 100
"""Ports that a process keeps others from. What it drew before them is long since listened on, or never will be."""
_HELD: deque[int] = deque()


@cache
def _locks() -> int:
    """A descriptor of a file, whose nth byte is locked by the process that drew port n while it runs at most."""
    return os.open(
        Path(tempfile.gettempdir(), f"cis-test-ports-{os.getuid()}"), os.O_RDWR | os.O_CREAT, 0o600
    )


def free_port() -> int:
    """One that nobody listens on, and that no other process of tests is given meanwhile."""
    for port in itertools.islice(_ports(), len(_BELOW_EPHEMERAL)):
        if _locked(port) and _unused(port):
            return port
    raise AssertionError("no port is free")


def _locked(port: int) -> bool:
    """Keep others from a port, and no longer from the oldest; False if another process keeps it."""
    try:
        fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    _HELD.append(port)
    if len(_HELD) > _HELD_MOST:
        fcntl.lockf(_locks(), fcntl.LOCK_UN, 1, _HELD.popleft())
    return True


def _unused(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
