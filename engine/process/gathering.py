"""Does at one go what several ask for at about the same time."""

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
    """What went wrong with one of several items; the others are done."""

    error: BaseException


class Gathering(Generic[T, R]):
    """Gathers items while those before them are being done.

    `flush` does up to `most` of them and returns what became of the first ones, at least of one, in their order;
    the rest comes with the next. What it raises goes to all that it was given. Once asked for, an item is done even
    if whoever asked goes away.
    """

    def __init__(self, flush: Callable[[Sequence[T]], Awaitable[Sequence[R | Failed]]], most: int) -> None:
        self._flush = flush
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R] | None]] = []
        self._running: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        """True while nothing is being done."""
        return self._running is None

    async def do(self, item: T) -> R:
        """What became of `item`. Raises what went wrong with it."""
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        self._start()
        return await answer

    def post(self, item: T) -> None:
        """Have `item` done without waiting for it; `flush` answers for what goes wrong with it."""
        self._waiting.append((item, None))
        self._start()

    async def drained(self) -> None:
        """Return once nothing is waiting any more and nothing is being done."""
        while self._running is not None:
            await asyncio.wait({self._running})

    async def close(self) -> None:
        """Give up what is being done and what waits."""
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
