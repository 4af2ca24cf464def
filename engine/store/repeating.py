"""Runs work again after a conflict, as every store does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.store.protocol import Conflict

T = TypeVar("T")
TRIES = 100
"""Units are small, and each time somebody got on: nobody loses this often in health."""


async def repeated(attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` comes to, which keeps all or nothing. Raises Conflict after TRIES of them."""
    for _ in range(TRIES - 1):
        try:
            return await attempt()
        except Conflict:
            continue
    return await attempt()
