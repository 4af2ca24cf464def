"""Watches stored data: listeners are notified soon after a change by any process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field

from engine.refusals import Code, Refused
from engine.store.protocol import Watching

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""The seconds between checks whether anything was written; there are none without listeners."""
_SHARE = 4
"""After a slow check, the pause is this many times as long as the check."""
WATCHED_MAX = 2_000
"""The most things watched at once by all listeners of this process together."""
_UNSEEN = object()
"""The state of what could not be looked at; it equals no other."""

Callback = Callable[[frozenset[str]], None]


@dataclass(frozen=True)
class Sight:
    """A thing that a listener watches: `look` returns a value that changes with it.

    `event`: an answer to this event counts as a change, even if the value is the same.
    """

    look: Callable[[], Awaitable[object]]
    event: str = ""


@dataclass
class _Watched:
    sight: Sight
    state: object
    callbacks: dict[object, Callback] = field(default_factory=dict)


class ResourceWatch:
    """Checks watched things whenever something was written, and notifies their listeners."""

    def __init__(self, store: Watching) -> None:
        self._store = store
        self._watched: dict[str, _Watched] = {}
        self._looking: asyncio.Task[None] | None = None
        self._revision: int | None = None
        self._newest: str | None = None

    @property
    def watched(self) -> set[str]:
        """The names of all things watched now."""
        return set(self._watched)

    async def listen(self, sights: Mapping[str, Sight], callback: Callback) -> Callable[[], None]:
        """Call `callback` with the names of those `sights` that changed from now on, until the result is called.

        A name must always stand for the same sight. A change may be reported once too often, but is never missed.
        Raises Refused: TOO_MANY.
        """
        if len(self._watched) + len(sights.keys() - self._watched.keys()) > WATCHED_MAX:
            raise Refused(
                Code.TOO_MANY,
                "The server is already watching as many resources as it can.",
                "Watch fewer, or read them when you need them.",
            )
        if self._newest is None:
            self._newest, _ = await self._store.answered(None)
        states = {name: await sight.look() for name, sight in sights.items()}
        listener = object()
        for name, sight in sights.items():
            self._watched.setdefault(name, _Watched(sight, states[name])).callbacks[listener] = callback
        self._begin()
        return lambda: self._leave(listener, sights.keys())

    def _begin(self) -> None:
        # one check in any case finds what was written between the listener's first look and now
        self._revision = None
        if self._watched and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self._run())

    def _leave(self, listener: object, names: Collection[str]) -> None:
        for name in names:
            watched = self._watched.get(name)
            if watched and watched.callbacks.pop(listener, None) and not watched.callbacks:
                del self._watched[name]
        if not self._watched:
            self._stop()

    def _stop(self) -> None:
        if self._looking:
            self._looking.cancel()
        self._looking = self._newest = None

    async def close(self) -> None:
        """Stop notifying listeners."""
        self._watched.clear()
        looking = self._looking
        self._stop()
        if looking:
            await asyncio.gather(looking, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                await self._turn()
            except Exception:
                # No one may be left without news for good because the disk was busy once.
                log.warning("watching the store failed; it is tried again", exc_info=True)
                self._revision = None
            await asyncio.sleep(max(LOOK_S, _SHARE * (loop.time() - began)))

    async def _turn(self) -> None:
        revision = await self._store.revision()
        if revision == self._revision:
            return
        # Said before anything is looked at: who begins to listen meanwhile asks for one more look.
        self._revision = revision
        newest, answered = await self._store.answered(self._newest)
        news: dict[Callback, set[str]] = {}
        failure: Exception | None = None
        for name, watched in list(self._watched.items()):
            try:
                state = await watched.sight.look()
            except Exception as error:  # noqa: BLE001 -- it is raised below
                # Whatever is found next is news: it may have changed before this look failed.
                failure, watched.state = error, _UNSEEN
                continue
            if state != watched.state or watched.sight.event in answered:
                for callback in watched.callbacks.values():
                    news.setdefault(callback, set()).add(name)
            watched.state = state
        self._newest = newest
        for callback, names in news.items():
            callback(frozenset(names))
        if failure:
            raise failure
