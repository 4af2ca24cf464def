"""Does several things at once, those with the same key one after the other and in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

Work = Callable[[str], Awaitable[float | None]]
"""Does one thing; gives back in how many seconds it wants to be done again, None where it is done."""


class Lanes:
    """A lane for each key. Whatever waits behind in its lane takes no one else's place."""

    def __init__(self, width: int, work: Work) -> None:
        self._width = width
        self._work = work
        self._lanes: dict[str, deque[str]] = {}
        self._ready: deque[str] = deque()
        self._names: set[str] = set()
        self._serving = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def __len__(self) -> int:
        return len(self._names)

    def add(self, key: str, name: str) -> None:
        """Have `name` done behind all that was added with the same key; once, while it is not done."""
        if name in self._names:
            return
        self._names.add(name)
        lane = self._lanes.get(key)
        if lane is None:
            self._lanes[key] = deque([name])
            self._wake(key)
        else:
            lane.append(name)

    def _wake(self, key: str) -> None:
        self._ready.append(key)
        if self._serving < self._width and not self._closed:
            self._serving += 1
            task = asyncio.create_task(self._serve())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self) -> None:
        try:
            while self._ready:
                await self._serve_one(self._ready.popleft())
        finally:
            self._serving -= 1

    async def _serve_one(self, key: str) -> None:
        lane = self._lanes[key]
        again = await self._work(lane[0])
        if again is not None:
            asyncio.get_running_loop().call_later(again, self._wake, key)
            return
        self._names.discard(lane.popleft())
        if lane:
            self._ready.append(key)
        else:
            del self._lanes[key]

    async def close(self) -> None:
        """Stop what is being done; nothing is begun any more."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
