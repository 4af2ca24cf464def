"""Receives requests at hooks: each is proven by its raw bytes and stored before the response."""

from __future__ import annotations

import asyncio
from collections import Counter

from engine.commands.base import Command
from engine.commands.triggers.deliveries import CountUnproven, KeepDeliveries, KeepPosted, KeptDeliveries
from engine.engine import SYSTEM, Engine
from engine.model.triggers import Posted, Trigger
from engine.triggers.arrivals import arrived
from engine.triggers.proofs.connector import HookResponse
from engine.triggers.proofs.proving import connector, provable, proven

BODY_MAX = 256 * 1024
"""The most bytes of a request's body at a hook."""
_WRITE_S = 1.0
"""The least seconds between writes of the counter of unproven requests, so that flooding a hook costs little."""


class Receiver:
    """Receives requests for one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._unproven: Counter[str] = Counter()
        self._written = 0.0

    async def trigger(self, name: str) -> Trigger | None:
        """The trigger whose hook has this name, or None."""
        return await self._engine.store.trigger_named(name)

    async def take(self, trigger: Trigger, posted: Posted) -> HookResponse | None:
        """Store a request and return the response; None for an unproven request, which is only counted.

        Raises Refused: BUSY.
        """
        if not proven(posted, trigger.proof, trigger.secrets, self._engine.clock()):
            await self._count(trigger)
            return None
        sender, as_kept = connector(trigger.proof), provable(posted, trigger.proof)
        kept: Command[KeptDeliveries] = KeepPosted(trigger_id=trigger.id, posted=as_kept)
        if not sender.batch(posted):
            found = arrived(posted, trigger.proof)
            kept = KeepDeliveries(trigger_id=trigger.id, arrived=found, posted=as_kept)
        await self._engine.apply(kept, SYSTEM)
        return sender.answer

    async def _count(self, trigger: Trigger) -> None:
        self._unproven[trigger.id] += 1
        now = asyncio.get_running_loop().time()
        if now - self._written < _WRITE_S:
            return
        self._written = now
        counted, self._unproven = self._unproven, Counter()
        for trigger_id, times in counted.items():
            await self._engine.apply(CountUnproven(trigger_id=trigger_id, times=times), SYSTEM)
