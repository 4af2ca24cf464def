"""Works through a queue fairly, so that a busy sender does not keep others waiting."""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable

from engine.inbox.turns.claims import Turn

Work = Callable[[str], Awaitable[float | None]]
"""Works on one item; returns in how many seconds to do so again, None when it is done."""


class FairQueue:
    """At most `width` items at once, at most `share` of one kind and half of all of one client; kinds take turns.

    An item that is to be worked on again takes no place meanwhile.
    """

    def __init__(self, width: int, share: int, work: Work) -> None:
        self._width = width
        self._share = share
        self._work = work
        self._turns: dict[str, Turn] = {}
        self._waiting: OrderedDict[Turn, deque[str]] = OrderedDict()
        self._busy: Counter[Turn | str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def __contains__(self, name: str) -> bool:
        return name in self._turns

    def __len__(self) -> int:
        return len(self._turns)

    def turn(self, name: str) -> Turn:
        """Whose turn an item takes; that of no one if it is not queued."""
        return self._turns.get(name, Turn("", ""))

    def add(self, turn: Turn, name: str) -> None:
        """Have `name` worked on; once, until it is done."""
        if name not in self._turns:
            self._turns[name] = turn
            self._queue(turn, name)

    def _queue(self, turn: Turn, name: str) -> None:
        self._waiting.setdefault(turn, deque()).append(name)
        self._fill()

    def _fill(self) -> None:
        """Start what may start."""
        while len(self._tasks) < self._width and (item := self._next()):
            task = asyncio.create_task(self._serve(item))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _next(self) -> tuple[Turn, str] | None:
        """The item whose turn it is, with its kind, which counts as busy with it."""
        for turn in () if self._closed else self._waiting:
            if self._may_start(turn):
                self._count(turn, 1)
                return turn, self._take(turn)
        return None

    def _may_start(self, turn: Turn) -> bool:
        of_client = self._busy[turn.client] if turn.client else 0
        return self._busy[turn] < self._share and of_client < max(1, self._width // 2)

    def _count(self, turn: Turn, by: int) -> None:
        for bounded in (turn, turn.client) if turn.client else (turn,):
            self._busy[bounded] += by
            if not self._busy[bounded]:
                del self._busy[bounded]

    async def _serve(self, item: tuple[Turn, str] | None) -> None:
        while item is not None:
            turn, name = item
            await self._work_on(turn, name)
            self._count(turn, -1)
            item = self._next()

    def _take(self, turn: Turn) -> str:
        """The first item of a kind, which goes behind all other kinds then."""
        waiting = self._waiting[turn]
        name = waiting.popleft()
        if waiting:
            self._waiting.move_to_end(turn)
        else:
            del self._waiting[turn]
        return name

    async def _work_on(self, turn: Turn, name: str) -> None:
        again = await self._work(name)
        if again is None:
            del self._turns[name]
        else:
            asyncio.get_running_loop().call_later(again, self._queue, turn, name)

    async def close(self) -> None:
        """Stop what is being worked on; nothing is begun any more."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
