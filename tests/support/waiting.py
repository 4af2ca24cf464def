"""Wait for something to become true, with a deadline instead of a guess; let time pass without waiting for it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_SOON_S, _LATER_S = 0.001, 0.01
"""How long to leave a condition before it is looked at again: most hold within a few thousandths of a second."""

DEADLINE_S = 120
"""What must happen has happened by then, on any machine and whatever else it does: no figure, an end for a test."""


async def eventually(condition: Callable[[], T | Awaitable[T]], seconds: float = DEADLINE_S) -> T:
    """What `condition` gives as soon as it is truthy; fails when `seconds` are over."""
    began = time.monotonic()
    while True:
        value = condition()
        found = await value if inspect.isawaitable(value) else value
        if found:
            return found
        waited = time.monotonic() - began
        assert waited < seconds, f"still {found!r} after {seconds} s"
        await asyncio.sleep(min(max(waited / 4, _SOON_S), _LATER_S))


def time_flies(factor: float) -> None:
    """Have the clock of the running loop go so much faster: what rests in it rests as much less."""
    loop = asyncio.get_running_loop()
    before = loop.time
    began = before()
    loop.time = lambda: began + (before() - began) * factor  # type: ignore[method-assign]


def time_passes(seconds: float) -> None:
    """Put the clock of the running loop ahead: what waits in it for so long waits no longer."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]
