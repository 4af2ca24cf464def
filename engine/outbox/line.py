"""One SMTP connection as a line: what is said, which answers are expected for it, and how it ends."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable

from engine.outbox.wire import Reply, ReplyReader, Unreadable

_READ_BYTES = 16_384
_GOODBYE_S = 2.0
_CLOSING = 421

Handler = Callable[[Reply], None]


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
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self.ended = ""
        transport.set_protocol(self)

    def say(self, data: bytes, expected: Iterable[Handler]) -> None:
        """Write `data`; `expected` handle the answers to it."""
        self._expected.extend(expected)
        self._transport.write(data)

    def wait(self, seconds: float) -> None:
        """Break the line where nothing happens for so long."""
        self._deadline = self._loop.time() + seconds

    def watch(self, interval: float) -> None:
        """Look every so often, in seconds, whether the server is late, until `rest` is called."""
        now = self._loop.time()
        if now >= self._deadline:
            self.end("the server did not answer in time")
        else:
            self._timer = self._loop.call_at(min(self._deadline, now + interval), self.watch, interval)

    def rest(self) -> None:
        """Stop watching: nothing is expected for now."""
        if self._timer:
            self._timer.cancel()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where asyncio puts what arrives."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Hand each answer that has come to who waits for it."""
        try:
            for reply in self._reader.feed(bytes(self._buffer[:nbytes])):
                self._answer(reply)
        except Unreadable as unreadable:
            self.end(str(unreadable))

    def _answer(self, reply: Reply) -> None:
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
        self._transport.abort()
        self._broken(why, unsent)

    def eof_received(self) -> None:
        """The server closed its side."""
        self.end("the server closed the connection")

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.end(f"the connection was lost: {exc or 'closed'}")
        if not self._closed.done():
            self._closed.set_result(None)

    async def quit(self) -> None:
        """Say goodbye, wait two seconds at most for the answer, and close."""
        if not self.ended:
            self.ended = "closed"
            self.say(b"QUIT\r\n", [lambda _: self._transport.close()])
            await asyncio.wait([self._closed], timeout=_GOODBYE_S)
        self._transport.abort()
        await self._closed
