"""Connections to one mail server: opened when there is work, shared, closed when there is none."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import cast

import aiosmtplib

from engine.outbox.smtp.session import DeliverySession, Patience
from engine.outbox.smtp.wire import Extensions, SmtpReply
from engine.outbox.target import SmtpTarget
from engine.outbox.transport import Rejected

_FULL_S = 10.0
"""How long to make do with the connections there are after the server took no more."""
_WHY_MAX = 500


class SmtpConnector:
    """Opens connections: TCP, TLS, EHLO and login are aiosmtplib's, what follows is a Session's."""

    def __init__(self, target: SmtpTarget, local_hostname: str, patience: Patience) -> None:
        self._target = target
        self._local_hostname = local_hostname
        self._patience = patience
        self._context: ssl.SSLContext | None = None
        self._making_context = asyncio.Lock()

    async def open(self) -> DeliverySession:
        """One connection, ready for mails. Raises Rejected, temporary: it says nothing about any mail."""
        if self._target.user and not self._target.tls and self._target.starttls is False:
            raise _shut("a password is never sent in clear text: use smtps:// or starttls=yes")
        try:
            client = self._client(await self._trust())
            await self._introduce(client)
        except aiosmtplib.SMTPResponseException as error:
            words = SmtpReply(error.code, (error.message.encode("utf-8", "replace"),)).words
            raise _shut(words) from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            raise _shut(f"cannot connect: {str(error) or 'no answer in time'}") from error
        return DeliverySession(cast("asyncio.Transport", client.transport), _offers(client), self._patience)

    async def _trust(self) -> ssl.SSLContext:
        """The system's certificate authorities: read once, since that takes milliseconds."""
        async with self._making_context:
            if self._context is None:
                self._context = await asyncio.to_thread(self._target.trust)
        return self._context

    def _client(self, context: ssl.SSLContext) -> aiosmtplib.SMTP:
        target = self._target
        start_tls = True if target.user and not target.tls else target.starttls
        return aiosmtplib.SMTP(
            hostname=target.host,
            port=target.port,
            username=target.user or None,
            password=target.password or None,
            use_tls=target.tls,
            start_tls=None if target.tls else start_tls,
            tls_context=context,
            local_hostname=self._local_hostname,
            timeout=self._patience.connect,
        )

    async def _introduce(self, client: aiosmtplib.SMTP) -> None:
        try:
            with _heeding_cancellation():
                async with asyncio.timeout(self._patience.connect):
                    await client.connect()
                    if client.is_ehlo_or_helo_needed:
                        await _hello(client)
        except BaseException:
            client.close()
            raise


@contextmanager
def _heeding_cancellation() -> Iterator[None]:
    """End as cancelled where a cancellation came inside, even if the library swallowed it.

    It waits with Python's `wait_for`, which before 3.12 drops a cancellation that comes together with an answer.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


async def _hello(client: aiosmtplib.SMTP) -> None:
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


def _shut(why: str) -> Rejected:
    return Rejected(why[:_WHY_MAX], permanent=False, server=True)


def _offers(client: aiosmtplib.SMTP) -> Extensions:
    size = client.esmtp_extensions.get("size", "").strip()
    return Extensions(
        pipelining=client.supports_extension("pipelining"),
        eight_bit=client.supports_extension("8bitmime"),
        utf8=client.supports_extension("smtputf8"),
        takes_size=client.supports_extension("size"),
        size=int(size) if size.isascii() and size.isdigit() and len(size) < 20 else 0,
    )


class Connections:
    """Hands out connections; the caller sees to it that not too many are wanted at once."""

    def __init__(self, open_one: Callable[[], Awaitable[DeliverySession]], idle_s: float) -> None:
        self._open_one = open_one
        self._idle_s = idle_s
        self._idle: dict[DeliverySession, asyncio.TimerHandle] = {}
        self._waiting: deque[asyncio.Future[DeliverySession | None]] = deque()
        self._leaving: set[asyncio.Task[None]] = set()
        self._in_use = 0
        self._full_until = 0.0
        self._closing = False

    async def acquire(self) -> DeliverySession:
        """An idle connection, a new one, or, where the server takes no more, the next that comes back.

        Raises Rejected if none is open and none can be opened.
        """
        while True:
            session = self._take_idle() or await self._open() or await self._next_back()
            if session:
                return session

    def _take_idle(self) -> DeliverySession | None:
        while self._idle:
            session, timer = self._idle.popitem()
            timer.cancel()
            if not session.ended:
                self._in_use += 1
                return session
            self._leave(session)
        return None

    async def _open(self) -> DeliverySession | None:
        now = asyncio.get_running_loop().time()
        if self._in_use and now < self._full_until:
            return None
        self._in_use += 1
        try:
            return await self._open_one()
        except Rejected as rejected:
            self._full_until = now + _FULL_S
            self._give_up(rejected)
            if not self._in_use:
                raise
            return None
        except BaseException:
            self._give_up()
            raise

    def _give_up(self, rejected: Rejected | None = None) -> None:
        """One is in use no longer. Where it was the last, no one waits in vain."""
        self._in_use -= 1
        while not self._in_use and self._waiting:
            self._wake(rejected)

    def _wake(self, what: DeliverySession | Rejected | None) -> bool:
        """Give `what` to the first who waits; None means: try again. False if no one waits."""
        while self._waiting:
            waiter = self._waiting.popleft()
            if waiter.done():
                continue
            if isinstance(what, Rejected):
                waiter.set_exception(_shut(what.answer))
            else:
                waiter.set_result(what)
            return True
        return False

    async def _next_back(self) -> DeliverySession | None:
        waiter: asyncio.Future[DeliverySession | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception() and waiter.result():
                self.release(cast("DeliverySession", waiter.result()))
            raise

    def release(self, session: DeliverySession) -> None:
        """Take back a connection: for who waits, to be kept a while, or to be closed."""
        if session.ended or session.worn or self._closing:
            self._leave(session)
            # One fewer: the server may take a new one.
            self._full_until = 0.0
            self._give_up()
            self._wake(None)
        elif not self._wake(session):
            self._in_use -= 1
            timer = asyncio.get_running_loop().call_later(self._idle_s, self._expire, session)
            self._idle[session] = timer

    def _expire(self, session: DeliverySession) -> None:
        del self._idle[session]
        self._leave(session)

    def _leave(self, session: DeliverySession) -> None:
        task = asyncio.create_task(session.quit())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def close(self) -> None:
        """Say goodbye on every idle connection, and on the others when they come back."""
        self._closing = True
        while self._idle:
            session, timer = self._idle.popitem()
            timer.cancel()
            self._leave(session)
        await asyncio.gather(*self._leaving)
