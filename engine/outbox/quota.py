"""What a mail service allows: read from it, and shared with all processes through the store."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from engine.model.counters import Quota
from engine.observe.logs import discreet
from engine.outbox.transport import Rejected
from engine.store import rules
from engine.store.protocol import Claims

log = logging.getLogger(__name__)

_READ_AGAIN = timedelta(seconds=rules.QUOTA_S)


@runtime_checkable
class Metered(Protocol):
    """A transport whose service limits what its account sends; `quota_name` identifies it."""

    quota_name: str

    async def quota(self) -> Quota:
        """What the service allows now. Raises Rejected if it does not say."""
        ...


class QuotaKeeper:
    """Keeps the store's copy of a quota fresh: while mail is sent, the process that finds it old reads it."""

    def __init__(self, service: Metered, store: Claims, clock: Callable[[], datetime]) -> None:
        self._service = service
        self._store = store
        self._clock = clock
        self._throttled = self._spent = False

    @classmethod
    def of(cls, transport: object, store: Claims, clock: Callable[[], datetime]) -> QuotaKeeper | None:
        """None for a transport without a quota."""
        return cls(transport, store, clock) if isinstance(transport, Metered) else None

    def throttled(self, *, spent: bool) -> None:
        """Note that the service throttles; all processes know before their next claim."""
        self._throttled = True
        self._spent |= spent

    async def name(self) -> str:
        """The name under which to claim, once what is known of the quota is new."""
        name, now = self._service.quota_name, self._clock()
        if self._throttled:
            spent, self._throttled, self._spent = self._spent, False, False
            await self._store.slow_down(name, now, spent=spent)
        read = await self._store.quota_read(name)
        if read is None or not read <= now < read + _READ_AGAIN:
            await self._read(name, now)
        return name

    async def _read(self, name: str, now: datetime) -> None:
        """Keep what the service says; without an answer, what it said before holds."""
        try:
            quota = await self._service.quota()
        except Rejected as rejected:
            log.warning("the sending quota could not be read: %s", discreet(rejected.answer)[:200])
        else:
            await self._store.read_quota(name, quota, now)
