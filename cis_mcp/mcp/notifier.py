"""Accepts changes at once, and sends notifications at the pace of a client that may be slow."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection

import anyio

log = logging.getLogger(__name__)

_CHECK_S = 1.0
"""The seconds between checks whether the server is about to stop, while there are no changes."""


class Notifier:
    """Sends changes by `tell`, each name once however often it changed meanwhile.

    `stays` is called before anything is sent, and every second with `news` False; once it returns false, `end`
    is called and nothing more is sent.
    """

    def __init__(
        self,
        tell: Callable[[str], Awaitable[None]],
        stays: Callable[[bool], Awaitable[bool]],
        end: Callable[[], None],
    ) -> None:
        self._tell = tell
        self._stays = stays
        self._end = end
        self._pending: dict[str, None] = {}
        self._woken = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    def changed(self, names: Collection[str]) -> None:
        """Record changes of these names."""
        self._pending.update(dict.fromkeys(names))
        self._woken.set()

    def close(self) -> None:
        """Send no more notifications."""
        self._task.cancel()

    async def _run(self) -> None:
        while await self._goes_on():
            self._woken.clear()
            while self._pending:
                name = next(iter(self._pending))
                del self._pending[name]
                try:
                    await self._tell(name)
                except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                    return
        self._end()

    async def _goes_on(self) -> bool:
        """Wait for changes, or a second; nothing is sent to whoever cannot be checked at the moment."""
        while True:
            news = await self._news()
            try:
                return await self._stays(news)
            except Exception:
                # No one may be left without news for good because the store was busy once.
                log.warning("checking a listener failed; it is tried again", exc_info=True)
                await asyncio.sleep(_CHECK_S)

    async def _news(self) -> bool:
        try:
            async with asyncio.timeout(_CHECK_S):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True
