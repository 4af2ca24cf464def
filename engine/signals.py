"""A bell: rung when something happened, heard by all who listened before."""

from __future__ import annotations

import asyncio


class Waiter:
    """Hears the rings since it began to listen."""

    def __init__(self, event: asyncio.Event) -> None:
        self._event = event

    async def wait(self, seconds: float) -> bool:
        """True as soon as the bell has rung; False when `seconds` are over."""
        try:
            async with asyncio.timeout(seconds):
                await self._event.wait()
        except TimeoutError:
            return False
        return True


class Signal:
    """Wakes everyone who listens; listen first, then look, so that no ring is missed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def listen(self) -> Waiter:
        return Waiter(self._event)

    def notify(self) -> None:
        self._event.set()
        self._event = asyncio.Event()
