"""Wait for something to become true, with a deadline instead of a guess; let time pass without waiting for it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 120
"""What must happen has happened by then, on any machine and whatever else it does: no figure, an end for a test."""


async def eventually(condition: Callable[[], T | Awaitable[T]], seconds: float = DEADLINE_S) -> T:
    """What `condition` gives as soon as it is truthy; fails when `seconds` are over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        found = await value if inspect.isawaitable(value) else value
        if found:
            return found
        assert time.monotonic() < deadline, f"still {found!r} after {seconds} s"
        await asyncio.sleep(0.01)


def time_passes(seconds: float) -> None:
    """Put the clock of the running loop ahead: what waits in it for so long waits no longer."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]
