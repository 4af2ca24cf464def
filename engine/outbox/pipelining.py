"""The fast way out by SMTP: as many connections as there is work for, each kept busy (RFC 5321, 2920)."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Sequence

import aiosmtplib

from engine.outbox.session import Outcome, Patience, Session, Settle, Unanswered
from engine.outbox.smtp import SmtpTarget
from engine.outbox.transport import Accepted, Envelope, Rejected
from engine.outbox.wire import Offers

_MAILS_PER_CONNECTION = 1_000
_FRUITLESS_MOST = 2
"""Connections in a row on which nothing was answered, before the rest waits for better times."""
_FULL_S = 10.0
"""How long to make do with the connections there are, when the server takes no more."""
_WHY_MAX = 500


class PipeliningTransport:
    """Sends by up to `connections` connections, opened while all are busy, closed when idle for a while."""

    def __init__(self, target: SmtpTarget, local_hostname: str, patience: Patience | None = None) -> None:
        self.connections = target.connections
        self._patience = patience or Patience()
        self._door = _Door(target, local_hostname, self._patience)
        self._turns = asyncio.Semaphore(self.connections)
        self._idle: list[tuple[Session, asyncio.TimerHandle]] = []
        self._waiting: deque[asyncio.Future[Session | None]] = deque()
        self._in_use = 0
        self._full_until = 0.0
        self._leaving: set[asyncio.Task[None]] = set()
        self._closing = False

    async def send(self, envelope: Envelope) -> Accepted:
        """Hand one mail over. Raises Rejected: permanent on a 5xx answer to this mail, else temporary."""
        outcomes: list[Outcome] = []
        await self.send_many([envelope], lambda _, outcome: outcomes.append(outcome))
        (outcome,) = outcomes
        if isinstance(outcome, Rejected):
            raise outcome
        return outcome

    async def send_many(self, envelopes: Sequence[Envelope], settled: Settle) -> None:
        """Send all in order, over one connection at a time; `settled(index, outcome)` once for each.

        Never raises; where it is cancelled, what is left is settled as Rejected first.
        """
        unsettled = set(range(len(envelopes)))

        def settle(index: int, outcome: Outcome) -> None:
            unsettled.discard(index)
            settled(index, outcome)

        async with self._turns:
            try:
                why = await self._send_all(envelopes, settle)
            except asyncio.CancelledError:
                _settle_rest(unsettled, "sending was called off", settled)
                raise
        _settle_rest(unsettled, why, settled)

    async def _send_all(self, envelopes: Sequence[Envelope], settle: Settle) -> str:
        """Send until all are settled or it makes no sense to go on; gives back why."""
        following = fruitless = 0
        why = ""
        while following < len(envelopes) and fruitless < _FRUITLESS_MOST:
            try:
                session = await self._acquire()
            except Rejected as rejected:
                return rejected.answer
            before = session.answered
            try:
                await session.deliver(envelopes, following, _MAILS_PER_CONNECTION - session.mails, settle)
            finally:
                self._release(session)
            following, why = session.following, session.ended
            fruitless = 0 if session.answered > before else fruitless + bool(session.ended)
        return why

    async def greet(self) -> None:
        """Connect, and log in where the target says so, without sending anything. Raises Rejected."""
        session = await self._door.open()
        await session.quit()

    async def close(self) -> None:
        """Say goodbye on every open connection; one that is busy ends with its delivery."""
        self._closing = True
        while self._idle:
            self._retire(self._idle[-1][0])
        await asyncio.gather(*self._leaving)

    # Which connection

    async def _acquire(self) -> Session:
        """A connection for a delivery: an idle one, a new one, or the next that comes back.

        Raises Rejected where the server takes no connection at all.
        """
        while True:
            if session := self._take_idle():
                return session
            self._in_use += 1
            if not self._full():
                try:
                    return await self._door.open()
                except Rejected as rejected:
                    self._in_use -= 1
                    self._refused(rejected)
                except BaseException:
                    self._in_use -= 1
                    raise
            else:
                self._in_use -= 1
            if session := await self._next_back():
                return session

    def _take_idle(self) -> Session | None:
        while self._idle:
            session, timer = self._idle.pop()
            timer.cancel()
            if not session.ended:
                self._in_use += 1
                return session
        return None
