"""Signals within a process: who listened before one was given is woken by it."""

from __future__ import annotations

import asyncio

_TOGETHER_S = 0.5


class Waiter:
    """Waits for a signal that was given since it began to listen."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def wait(self, seconds: float) -> bool:
        """True as soon as the signal was given; False when `seconds` are over."""
        return await self._until(asyncio.get_running_loop().time() + seconds)

    async def rest(self, seconds: float) -> bool:
        """As `wait`, for work in the background, which may look up to half a second sooner: see `end_of_rest`."""
        return await self._until(end_of_rest(asyncio.get_running_loop().time(), seconds))

    async def _until(self, end: float) -> bool:
        try:
            async with asyncio.timeout_at(end):
                await self._event.wait()
        except TimeoutError:
            return False
        return True


def end_of_rest(now: float, seconds: float) -> float:
    """When to look again after about `seconds`; whoever rests for half a second or longer looks together with others.

    A process that has nothing to do then wakes twice a second, however many of its parts look for work.
    """
    end = now + seconds
    return end if seconds < _TOGETHER_S else end - end % _TOGETHER_S


async def rest(seconds: float) -> None:
    """Sleep for about `seconds`, and end together with others (`end_of_rest`)."""
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(end_of_rest(now, seconds) - now)


class Signal:
    """Wakes everyone who listens; listen first, then look, so that none is missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def listen(self) -> Waiter:
        return Waiter(self._event)

    def notify(self) -> None:
        self._event.set()
        self._event = asyncio.Event()
