"""Slots that are shared fairly: busy callers wait for those who ask for little."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

_LOOKED_AT = 8
"""Requests of one kind that are looked at for one that may go; the rest keeps its order."""
Bounds = Mapping[str, int]
"""What bounds a request, each with its share of the slots."""


class FairSlots:
    """At most `width` at once, and of everything that bounds a request at most its share; kinds take turns."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._busy: Counter[str] = Counter()
        self._in_use = 0
        self._waiting: OrderedDict[str, deque[tuple[Bounds, asyncio.Future[None]]]] = OrderedDict()

    @asynccontextmanager
    async def slot(self, kind: str, bounds: Bounds) -> AsyncIterator[None]:
        """Hold a slot, within `bounds`, in the turn of its `kind`."""
        await self._acquire(kind, bounds)
        try:
            yield
        finally:
            self._release(bounds)

    async def _acquire(self, kind: str, bounds: Bounds) -> None:
        if not self._waiting and self._free(bounds):
            self._take(bounds)
            return
        granted = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(kind, deque()).append((bounds, granted))
        self._grant()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._release(bounds)
            raise

    def _free(self, bounds: Bounds) -> bool:
        return self._in_use < self._width and all(self._busy[key] < share for key, share in bounds.items())

    def _take(self, bounds: Bounds) -> None:
        self._in_use += 1
        self._busy.update(bounds.keys())

    def _release(self, bounds: Bounds) -> None:
        self._in_use -= 1
        for key in bounds:
            self._busy[key] -= 1
            if not self._busy[key]:
                del self._busy[key]
        self._grant()

    def _grant(self) -> None:
        """Give free slots to the kinds in turn."""
        for kind in list(self._waiting):
            if self._in_use >= self._width:
                return
            if self._granted(kind):
                self._waiting.move_to_end(kind)
            if not self._waiting[kind]:
                del self._waiting[kind]

    def _granted(self, kind: str) -> bool:
        requests = self._waiting[kind]
        while requests and requests[0][1].done():
            requests.popleft()
        for index in range(min(_LOOKED_AT, len(requests))):
            bounds, granted = requests[index]
            if not granted.done() and self._free(bounds):
                del requests[index]
                self._take(bounds)
                granted.set_result(None)
                return True
        return False
