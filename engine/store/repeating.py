"""Runs work again after a conflict, as every store does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.store.protocol import Conflict

T = TypeVar("T")
TRIES = 100
"""Units are small, and each time somebody got on: nobody loses this often in health."""


async def repeated(attempt: Callable[[], Awaitable[T]], tries: int = TRIES) -> T:
    """What `attempt` comes to, which keeps all or nothing. Raises Conflict after so many `tries`."""
    for _ in range(tries - 1):
        try:
            return await attempt()
        except Conflict:
            continue
    return await attempt()
