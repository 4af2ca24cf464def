"""Does what many ask for at about the same time in one go, in a thread of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")
_MOST = 64
_PAUSE_S = 0.05


class BatchExecutor(Generic[T]):
    """Gathers items while a batch is being worked on; the thread is nobody else's, so nothing holds it up."""

    def __init__(
        self,
        work: Callable[[Sequence[T]], Sequence[Exception | None]],
        after: Callable[[], None] | None = None,
    ) -> None:
        """`after`: what is still to do in the thread, and nobody has to wait for."""
        self._work = work
        self._after = after
        self._waiting: list[tuple[T, asyncio.Future[None]]] = []
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1)
        self._last = float("-inf")
        self._streak = 0

    @property
    def streak(self) -> int:
        """How many items have come one upon the other, without a pause."""
        paused = self._task is None and time.monotonic() - self._last > _PAUSE_S
        return 0 if paused else self._streak

    async def do(self, item: T) -> None:
        """Return when the item is done. Raises what went wrong with it.

        Who goes away meanwhile leaves it to be done all the same.
        """
        self._streak = self.streak + 1
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        await done

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:_MOST], self._waiting[_MOST:]
                await loop.run_in_executor(self._thread, self._batch, batch, loop)
        finally:
            self._last = time.monotonic()
            self._task = None

    def _batch(
        self, batch: Sequence[tuple[T, asyncio.Future[None]]], loop: asyncio.AbstractEventLoop
    ) -> None:
        try:
            outcomes = self._work([item for item, _ in batch])
        except Exception as error:  # noqa: BLE001 -- raised where each of them waits
            outcomes = [error] * len(batch)
        loop.call_soon_threadsafe(_settle_all, [done for _, done in batch], outcomes)
        if self._after:
            self._after()


def _settle_all(batch: Sequence[asyncio.Future[None]], outcomes: Sequence[Exception | None]) -> None:
    for done, error in zip(batch, outcomes, strict=True):
        _settle(done, error)


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error:
        done.set_exception(error)
    else:
        done.set_result(None)
