"""One SMTP connection as a stream of replies: commands sent, replies expected, and how it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import ClassVar
from weakref import WeakKeyDictionary

from engine.outbox.smtp.wire import ReplyReader, SmtpReply, UnreadableReply

_READ_BYTES = 16_384
_GOODBYE_S = 2.0
_CLOSING = 421
_AT_A_TIME = 8
"""Lines that are dealt with before everything else gets its turn: some 1 ms."""

Handler = Callable[[SmtpReply], None]


class Turns:
    """Handles the replies on all connections of an event loop, a few connections at a time.

    Otherwise one loop iteration serves every ready connection and starves the rest of the process.
    """

    _of: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Turns]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._call_soon = loop.call_soon
        self._waiting: deque[Line] = deque()

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Turns:
        """The instance that all connections of `loop` share."""
        if loop not in cls._of:
            cls._of[loop] = cls(loop)
        return cls._of[loop]

    def wait(self, line: Line) -> None:
        """Have `line` catch up when it is its turn."""
        self._waiting.append(line)
        if len(self._waiting) == 1:
            self._call_soon(self._go)

    def _go(self) -> None:
        for _ in range(min(_AT_A_TIME, len(self._waiting))):
            self._waiting.popleft().catch_up()
        if self._waiting:
            self._call_soon(self._go)


class Line(asyncio.BufferedProtocol):
    """Takes over an open connection; each answer goes to the handler that waits for it, in order.

    `broken(why, unsent)` is called once when the line ends otherwise than by `quit`; `unsent` is how many
    bytes of what was said are still here. `ended` says why from then on.
    """

    def __init__(self, transport: asyncio.Transport, broken: Callable[[str, int], None]) -> None:
        self._transport = transport
        self._broken = broken
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._reader = ReplyReader()
        self._expected: deque[Handler] = deque()
        self._replies: deque[SmtpReply] = deque()
        self._turns = Turns.of(self._loop)
        self._deadline = 0.0
        self._caught_up = (
            0.0  # when the answers came that are being dealt with: one look at the clock for all
        )
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self.ended = ""
        transport.set_protocol(self)

    def expect(self, handler: Handler) -> None:
        """Have the answer to what is said next handled by `handler`."""
        self._expected.append(handler)

    def say(self, data: bytes, expected: Iterable[Handler]) -> None:
        """Write `data`; `expected` handle the answers to it."""
        self._expected.extend(expected)
        self._transport.write(data)

    def wait(self, seconds: float) -> None:
        """Break the connection if nothing happens for so many seconds."""
        self._deadline = (self._caught_up or self._loop.time()) + seconds

    def watch(self, interval: float) -> None:
        """Look every so often, in seconds, whether the server is late, until `rest` is called."""
        now = self._loop.time()
        if now >= self._deadline:
            self.end("the server did not answer in time")
        else:
            self._timer = self._loop.call_at(min(self._deadline, now + interval), self.watch, interval)

    def rest(self) -> None:
        """Stop watching: no reply is expected for now."""
        if self._timer:
            self._timer.cancel()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where asyncio puts what arrives."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take answers; they are dealt with when it is this line's turn."""
        try:
            self._replies.extend(self._reader.feed(bytes(self._buffer[:nbytes])))
        except UnreadableReply as unreadable:
            self.catch_up()
            self.end(str(unreadable))
            return
        if self._replies:
            self._turns.wait(self)

    def catch_up(self) -> None:
        """Hand each answer that has come to who waits for it."""
        self._caught_up = self._loop.time()
        try:
            while self._replies:
                self._answer(self._replies.popleft())
        finally:
            self._caught_up = 0.0

    def _answer(self, reply: SmtpReply) -> None:
        if self._expected:
            self._expected.popleft()(reply)
        elif reply.code == _CLOSING:
            self.end(reply.words)
        else:
            self.end("the server answered what it was not asked")

    def end(self, why: str) -> None:
        """End the line at once."""
        if self.ended:
            return
        self.ended = why
        unsent = self._transport.get_write_buffer_size()
        self.rest()
        self._expected.clear()
        self._replies.clear()
        self._transport.abort()
        self._broken(why, unsent)

    def eof_received(self) -> None:
        """The server closed its side; what it had said before still counts."""
        self.catch_up()
        self.end("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone; what the server had said before still counts."""
        self.catch_up()
        self.end(f"the connection was lost: {exc or 'closed'}")
        if not self._closed.done():
            self._closed.set_result(None)

    async def quit(self) -> None:
        """Send QUIT, wait two seconds at most for the reply, and close."""
        if not self.ended:
            self.ended = "closed"
            self.say(b"QUIT\r\n", [lambda _: self._transport.close()])
            await asyncio.wait([self._closed], timeout=_GOODBYE_S)
        self._transport.abort()
        await self._closed
