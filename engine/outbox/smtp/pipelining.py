"""The SMTP transport: as many connections as there is work for, each kept busy (RFC 5321, 2920)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from engine.outbox.smtp.connections import Connections, SmtpConnector
from engine.outbox.smtp.session import DeliverySession, Patience
from engine.outbox.target import SmtpTarget
from engine.outbox.transport import Accepted, Envelope, Rejected, Settle

__all__ = ["Patience", "PipeliningTransport"]

log = logging.getLogger(__name__)

_FRUITLESS_MOST = 2
"""Connections in a row that end without an answer to any mail, before the rest waits for better times."""


class PipeliningTransport:
    """Sends by up to `connections` connections, opened while all are busy, closed when idle for a while."""

    def __init__(self, target: SmtpTarget, local_hostname: str, patience: Patience | None = None) -> None:
        patience = patience or Patience()
        self.connections = target.connections
        self._connector = SmtpConnector(target, local_hostname, patience)
        self._connections = Connections(self._connector.open, patience.idle)
        self._free = asyncio.Semaphore(self.connections)

    async def send(self, envelope: Envelope) -> Accepted:
        """Hand one mail over. Raises Rejected: permanent on a 5xx answer to this mail, else temporary."""
        outcomes: list[Accepted | Rejected] = []
        await self.send_many([envelope], lambda _, outcome: outcomes.append(outcome))
        (outcome,) = outcomes
        if isinstance(outcome, Rejected):
            raise outcome
        return outcome

    async def send_many(self, envelopes: Sequence[Envelope], settled: Settle) -> None:
        """Send all in order, one connection at a time, and call `settled(index, outcome)` once for each.

        Never raises; a delivery that is cancelled settles what is left as Rejected first.
        """
        unsettled = dict.fromkeys(range(len(envelopes)))

        def settle(index: int, outcome: Accepted | Rejected) -> None:
            del unsettled[index]
            try:
                settled(index, outcome)
            except Exception:
                log.exception("what became of a mail could not be told")

        why = "sending was called off"
        try:
            async with self._free:
                why = await self._send_all(envelopes, settle)
        finally:
            for index in list(unsettled):
                settle(index, Rejected(why, permanent=False, server=True))

    async def _send_all(self, envelopes: Sequence[Envelope], settle: Settle) -> str:
        """Send until all are settled or it makes no sense to go on; returns what stood in the way."""
        following = fruitless = 0
        why = ""
        while following < len(envelopes) and fruitless < _FRUITLESS_MOST:
            try:
                session = await self._connections.acquire()
            except Rejected as rejected:
                return rejected.answer
            await self._deliver(session, envelopes, following, settle)
            following, why = session.following, session.ended
            # One that worked before has only grown old: the next is a new one, and will tell.
            fruitless = 0 if session.answered else fruitless + bool(session.ended)
        return why

    async def _deliver(
        self, session: DeliverySession, envelopes: Sequence[Envelope], first: int, settle: Settle
    ) -> None:
        try:
            await session.deliver(envelopes, first, settle)
        finally:
            self._connections.release(session)

    async def greet(self) -> None:
        """Connect, and log in where the target says so, without sending anything. Raises Rejected."""
        session = await self._connector.open()
        await session.quit()

    async def close(self) -> None:
        """Say goodbye on every open connection; one that is busy ends with its delivery."""
        await self._connections.close()
