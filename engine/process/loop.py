"""The event loop of processes that serve or send: libuv's where it is installed, else the standard library's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, run in a new event loop that ends with it.

    A command that is soon over takes asyncio.run: the import of the library would cost more than it saves.
    """
    with asyncio.Runner(loop_factory=_new()) as runner:
        return runner.run(work)


def _new() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
