"""Ports of the loopback: one that nobody listens on, and whether somebody does."""

from __future__ import annotations

import asyncio
import itertools
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

_BELOW_EPHEMERAL = range(10_000, 32_000)
"""Ports that the system gives to no connection of its own, so that nothing takes one before the test does."""


@cache
def _ports() -> Iterator[int]:
    """All of them, in an order of this process's own: it may be forked from one that others are forked from, too."""
    return itertools.cycle(random.sample(_BELOW_EPHEMERAL, len(_BELOW_EPHEMERAL)))


def free_port() -> int:
    for port in _ports():
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True
