"""Wait for something to become true, with a deadline instead of a guess; let time pass without waiting for it."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")

_SOON_S, _LATER_S = 0.001, 0.03
"""How long to leave a condition before it is looked at again: most hold within a few thousandths of a second."""
_REST, _RESTED_S = 3, 0.1
"""A look that took long is left for so many times as long, up to this: what is waited for needs the processor, too."""

DEADLINE_S = 120
"""What must happen has happened by then, on any machine and whatever else it does: no figure, an end for a test."""


async def eventually(condition: Callable[[], T | Awaitable[T]], seconds: float = DEADLINE_S) -> T:
    """What `condition` gives as soon as it is truthy; fails when `seconds` are over."""
    began = time.monotonic()
    while True:
        looked = time.monotonic()
        value = condition()
        found = await value if inspect.isawaitable(value) else value
        if found:
            return found
        now = time.monotonic()
        assert now - began < seconds, f"still {found!r} after {seconds} s"
        soon = min(max((now - began) / 4, _SOON_S), _LATER_S)
        await asyncio.sleep(max(soon, min(_REST * (now - looked), _RESTED_S)))


_AHEAD: WeakKeyDictionary[asyncio.AbstractEventLoop, list[float]] = WeakKeyDictionary()
"""By how much each loop's clock was put ahead: one number, however often time passes."""


def time_passes(seconds: float) -> None:
    """Put the clock of the running loop ahead: what waits in it for so long waits no longer."""
    loop = asyncio.get_running_loop()
    if loop not in _AHEAD:
        ahead, before = _AHEAD.setdefault(loop, [0.0]), loop.time
        loop.time = lambda: before() + ahead[0]  # type: ignore[method-assign]
    _AHEAD[loop][0] += seconds
