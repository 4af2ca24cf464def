"""Wait for something to become true, with a deadline instead of a guess."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(condition: Callable[[], T | Awaitable[T]], seconds: float = 10) -> T:
    """What `condition` gives as soon as it is truthy; fails when `seconds` are over."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        value = condition()
        found = await value if inspect.isawaitable(value) else value
        if found:
            return found
        assert loop.time() < deadline, f"still {found!r} after {seconds} s"
        await asyncio.sleep(0.01)
