"""Does in one batch what many callers ask for at about the same time, in a thread of its own."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from engine.process.gathering import Failed, Gathering

log = logging.getLogger(__name__)

T = TypeVar("T")
_MOST = 64
_PAUSE_S = 0.05


class BatchExecutor(Generic[T]):
    """Gathers items while a batch is being worked on; its thread does nothing else, so nothing delays it."""

    def __init__(
        self,
        work: Callable[[Sequence[T]], Sequence[Exception | None]],
        after: Callable[[], None] | None = None,
    ) -> None:
        """`after`: what is still to do in the thread, and no one has to wait for."""
        self._work = work
        self._after = after
        self._items: Gathering[T, None] = Gathering(self._batch, _MOST)
        self._thread = ThreadPoolExecutor(1)
        self._last = float("-inf")
        self._streak = 0

    @property
    def streak(self) -> int:
        """How many items have come one upon the other, without a pause."""
        paused = self._items.idle and time.monotonic() - self._last > _PAUSE_S
        return 0 if paused else self._streak

    async def do(self, item: T) -> None:
        """Return when the item is done. Raises what went wrong with it.

        If the caller goes away meanwhile, the item is done all the same.
        """
        self._streak = self.streak + 1
        await self._items.do(item)

    async def _batch(self, items: Sequence[T]) -> list[Failed | None]:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Sequence[Exception | None]] = loop.create_future()
        # One wake-up of the thread and one of the loop for each batch: with few mails in each, wake-ups cost most.
        self._thread.submit(self._in_thread, items, done, loop)
        try:
            outcomes = await done
        finally:
            self._last = time.monotonic()
        return [Failed(error) if error else None for error in outcomes]

    def _in_thread(
        self,
        items: Sequence[T],
        done: asyncio.Future[Sequence[Exception | None]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        try:
            outcomes = self._work(items)
        except Exception as error:  # noqa: BLE001 -- raised where each of them waits
            outcomes = [error] * len(items)
        loop.call_soon_threadsafe(_settle, done, outcomes)
        if self._after:
            try:
                self._after()
            except Exception:
                log.exception("what follows a batch failed")


def _settle(done: asyncio.Future[Sequence[Exception | None]], outcomes: Sequence[Exception | None]) -> None:
    if not done.done():
        done.set_result(outcomes)
