"""One instance of a function: its event loop, which outlives the calls, and what stays open between them.

Lambda freezes the process between two calls. The loop runs only during a call; other tasks in it, such as handling
mail, continue with the next call.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, Protocol, TypeVar

from engine.observe import logs
from engine.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


def settings_of_function() -> Settings:
    """The settings in force, from the function's environment variables. Raises ValueError."""
    settings = Settings()
    logs.adjust(settings.log, settings.log_level)
    return settings


class Announcing(Protocol):
    """What announces that something was written."""

    async def announce(self) -> None:
        """Let other processes notice it at once."""
        ...


async def announced(store: Announcing, work: Awaitable[R]) -> R:
    """Do `work`, and let other processes notice what it wrote before Lambda freezes this one, perhaps for good."""
    try:
        return await work
    finally:
        await store.announce()


class FunctionInstance(Generic[T]):
    """Opens what `opened` returns at the first call, and keeps it open as long as the process lives."""

    def __init__(self, opened: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._opened = opened
        self.loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._life: asyncio.Task[None] | None = None
        self._held: T | None = None

    @property
    def held(self) -> T:
        """What is kept open, opened now if necessary. Raises what opening raises; the next call tries again."""
        asyncio.set_event_loop(self.loop)
        if self._held is None or self._life is None or self._life.done():
            ready: asyncio.Future[T] = self.loop.create_future()
            self._life = self.loop.create_task(self._kept(ready))
            self._held = self.loop.run_until_complete(ready)
        return self._held

    def run(self, work: Callable[[T], Coroutine[object, object, R]]) -> R:
        """Do `work` with what is open."""
        return self.loop.run_until_complete(work(self.held))

    def close(self) -> None:
        """Close what is open, and end what still runs in the loop. Lambda itself never calls this."""
        self._over.set()
        try:
            if self._life:
                self.loop.run_until_complete(self._life)
        finally:
            self.loop.run_until_complete(_ended(asyncio.all_tasks(self.loop)))
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            asyncio.set_event_loop(None)
            self.loop.close()

    async def _kept(self, ready: asyncio.Future[T]) -> None:
        try:
            async with self._opened() as found:
                ready.set_result(found)
                await self._over.wait()
        except Exception as error:
            if ready.done():
                log.critical("what the function needs has ended; it is opened anew", exc_info=True)
                raise
            ready.set_exception(error)


async def _ended(tasks: Collection[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
