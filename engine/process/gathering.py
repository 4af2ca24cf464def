"""Processes in batches what several callers request at about the same time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Failed:
    """The error of one of several items; the others are done."""

    error: BaseException


class Gathering(Generic[T, R]):
    """Collects items while earlier ones are being processed.

    `flush` processes up to `most` of them and returns the results of the first ones, at least one, in order; the rest
    follow with the next call. What it raises goes to all items that it was given. Once requested, an item is
    processed even if its caller is cancelled.
    """

    def __init__(self, flush: Callable[[Sequence[T]], Awaitable[Sequence[R | Failed]]], most: int) -> None:
        self._flush = flush
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R] | None]] = []
        self._running: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """True while nothing is being processed."""
        return self._running is None

    async def do(self, item: T) -> R:
        """Process `item`, and return its result or raise its error."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        self._start()
        return await answer

    def post(self, item: T) -> None:
        """Have `item` processed without waiting for it; `flush` must handle its errors."""
        self._waiting.append((item, None))
        self._start()

    async def drained(self) -> None:
        """Return once nothing waits and nothing is being processed."""
        while self._running is not None:
            await asyncio.wait({self._running})

    async def close(self) -> None:
        """Cancel the items being processed and those that wait."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait({self._running})

    def _start(self) -> None:
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._some(self._waiting[: self._most])
        finally:
            self._running = None

    async def _some(self, some: list[tuple[T, asyncio.Future[R] | None]]) -> None:
        done: Sequence[R | Failed]
        try:
            done = await self._flush([item for item, _ in some])
        except Exception as error:
            if any(answer is None for _, answer in some):
                log.exception("what nobody waits for could not be done")
            done = [Failed(error)] * len(some)
        del self._waiting[: len(done)]
        for (_, answer), result in zip(some, done, strict=False):
            if answer is not None and not answer.done():
                _settle(answer, result)


def _settle(answer: asyncio.Future[R], result: R | Failed) -> None:
    if isinstance(result, Failed):
        answer.set_exception(result.error)
    else:
        answer.set_result(result)
