"""Signals within a process, which wake everyone who was listening before."""

from __future__ import annotations

import asyncio

_TOGETHER_S = 0.5


class Waiter:
    """Waits for a signal that was given since it began to listen."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def wait(self, seconds: float) -> bool:
        """True as soon as the signal was given; False after `seconds`."""
        return await self._until(asyncio.get_running_loop().time() + seconds)

    async def rest(self, seconds: float) -> bool:
        """As `wait`, for background work, and up to half a second shorter: see `end_of_rest`."""
        return await self._until(end_of_rest(asyncio.get_running_loop().time(), seconds))

    async def _until(self, end: float) -> bool:
        try:
            async with asyncio.timeout_at(end):
                await self._event.wait()
        except TimeoutError:
            return False
        return True


def end_of_rest(now: float, seconds: float) -> float:
    """When to wake after about `seconds`; all that rest for half a second or longer wake together.

    So an idle process wakes twice a second, however many of its parts search for work.
    """
    end = now + seconds
    return end if seconds < _TOGETHER_S else end - end % _TOGETHER_S


async def rest(seconds: float) -> None:
    """Sleep for about `seconds`, and wake together with others (`end_of_rest`)."""
    now = asyncio.get_running_loop().time()
    await asyncio.sleep(end_of_rest(now, seconds) - now)


class Signal:
    """Wakes all listeners; listen first, then search for work, so that no signal is missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def listen(self) -> Waiter:
        return Waiter(self._event)

    def notify(self) -> None:
        self._event.set()
        self._event = asyncio.Event()
