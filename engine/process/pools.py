"""Thread pools by purpose: one caller's heavy work leaves room for others', and shutdown waits for none of them."""

from __future__ import annotations

import asyncio
import contextvars
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from engine.refusals import Code, Refused

P = ParamSpec("P")
T = TypeVar("T")

caller: contextvars.ContextVar[str] = contextvars.ContextVar("caller", default="")
"""The caller whose work is being done: a key; empty for work whose caller cannot be told to retry."""

_IDLE_S = 10.0


@dataclass(slots=True)
class _Job:
    """Work that waits for a thread, and where to deliver its result."""

    work: Callable[[], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]

    def do(self) -> None:
        if self.future.cancelled():
            return
        result, error = None, None
        try:
            result = self.work()
        except BaseException as raised:  # noqa: BLE001 -- raised again where the caller waits
            error = raised
        with suppress(RuntimeError):  # the loop has ended: no one waits any more
            self.loop.call_soon_threadsafe(_settle, self.future, result, error)


class Pool:
    """Up to `threads` threads for one purpose, up to `share` of them for each caller; up to `waiting` of its jobs wait.

    Callers take turns. The threads are daemons, so that a process ends without waiting for them.
    """

    def __init__(self, name: str, *, threads: int, share: int, waiting: int = 16) -> None:
        self._name, self._threads, self._share, self._waiting = name, threads, share, waiting
        self._turn = threading.Condition()
        self._jobs: dict[str, deque[_Job]] = {}
        self._busy: Counter[str] = Counter()
        self._alive = self._idle = 0

    async def run(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work`, run in a thread for its caller. Raises Refused(BUSY), and what `work` raises."""
        return await self.begin(work, *args, **kwargs)

    def begin(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> asyncio.Future[T]:
        """As `run`, and it is in the queue at once: it is run unless what is returned is cancelled, so shield that."""
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._add(caller.get(), _Job(lambda: context.run(work, *args, **kwargs), loop, future))
        return future

    def _add(self, name: str, job: _Job) -> None:
        with self._turn:
            jobs = self._jobs.get(name) or deque()
            # Mail has no one who could come again.
            if name and len(jobs) >= self._waiting:
                raise Refused(
                    Code.BUSY,
                    f"{len(jobs)} calls of this caller already wait for the same kind of work.",
                    "Call again when they have finished.",
                )
            jobs.append(job)
            self._jobs[name] = jobs
            self._turn.notify()
            if self._alive < self._threads and sum(map(len, self._jobs.values())) > self._idle:
                self._alive += 1
                threading.Thread(target=self._serve, daemon=True, name=self._name).start()

    def _serve(self) -> None:
        """Run jobs in a thread until there has been nothing to do for a while."""
        while next_job := self._take():
            name, job = next_job
            job.do()
            # What it holds may be large, and the next may be long in coming.
            del job, next_job
            with self._turn:
                self._busy[name] -= 1
                if not self._busy[name]:
                    del self._busy[name]
                self._turn.notify()

    def _take(self) -> tuple[str, _Job] | None:
        with self._turn:
            while (name := self._next()) is None:
                self._idle += 1
                woken = self._turn.wait(_IDLE_S)
                self._idle -= 1
                if not woken and self._next() is None:
                    self._alive -= 1
                    return None
            jobs = self._jobs.pop(name)
            job = jobs.popleft()
            if jobs:
                # At the end: whoever else waits comes first.
                self._jobs[name] = jobs
            self._busy[name] += 1
            return name, job

    def _next(self) -> str | None:
        """The caller whose turn it is."""
        return next((name for name in self._jobs if self._busy[name] < self._share), None)


class ConcurrencyLimit:
    """A limit on each caller's concurrent calls of one kind, since they wait and hold memory."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one more call until the block ends. Raises Refused: BUSY."""
        name = caller.get()
        if self._under_way[name] >= self._most:
            raise Refused(
                Code.BUSY,
                f"{self._most} calls of this kind by this caller are under way.",
                "Call again when one of them has finished.",
            )
        self._under_way[name] += 1
        try:
            yield
        finally:
            self._under_way[name] -= 1
            if not self._under_way[name]:
                del self._under_way[name]


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


LISTS = Pool("lists", threads=4, share=1)
"""For parsing and checking lists and other large arguments."""
FILES = Pool("files", threads=4, share=2)
"""For files of this machine that callers name."""
NAMES = Pool("names", threads=16, share=4)
"""For the system's look-ups of hosts that callers name."""
IMPORTS = Pool("imports", threads=4, share=1)
"""For reading and comparing calendars."""
AUTHENTICATION = Pool("authentication", threads=512, share=512, waiting=sys.maxsize)
"""For looking up who sent a mail: threads that do next to nothing but wait; the authenticator limits how many."""
READERS = Pool("readers", threads=64, share=16, waiting=sys.maxsize)
"""For what processes read: a thread waits for each of those at work; `Readers` limits how many."""
CHILDREN = Pool("child processes", threads=64, share=64, waiting=sys.maxsize)
"""For the end of child processes, which each of them must have."""
