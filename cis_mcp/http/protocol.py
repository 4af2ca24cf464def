"""HTTP on the wire: deadlines for requests, and answers written in one piece."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar

import h11
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from cis_mcp.http.connections import OpenConnections
from cis_mcp.http.limits import let_in
from cis_mcp.views.dropping import DROP

_LINGER_S = 2.0
_CLOSING_S = 60.0
_TAKEN_A_SECOND = 10_000
"""A connection that closes waits so long for what is still to be read of it, and longer by its bytes."""
_HELD_MAX = 65_536
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\nretry-after: 1\r\n"
    b"content-type: text/plain\r\ncontent-length: 21\r\n\r\ntoo many connections\n"
)


class GatheringTransport(asyncio.Transport):
    """A transport that sends what is written in one go at once, so that an answer's head and body go together.

    uvicorn writes them one after the other, and each write is a call of the system and a packet.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held: list[bytes] = []
        self._size = 0
        self._closing: asyncio.TimerHandle | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep bytes until the loop's next turn, so that head and body leave together; too many leave at once."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(bytes(data))
        self._size += len(data)
        if self._size > _HELD_MAX:
            # Who writes on and on has to hear from the socket that it is enough.
            self._send()

    def _send(self) -> None:
        held, self._held, self._size = self._held, [], 0
        if held:
            self._transport.write(b"".join(held))

    def write_eof(self) -> None:
        """Write what is kept and end the stream."""
        self._send()
        self._transport.write_eof()

    def close(self) -> None:
        """Write what is kept and close, in the end also if the other side does not read it."""
        self._send()
        left = 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()
        if left:
            late = _CLOSING_S + left / _TAKEN_A_SECOND
            self._closing = self._loop.call_later(late, self._transport.abort)
        self._transport.close()

    def closed(self) -> None:
        """Called once the connection is gone: asyncio's transport then no longer bears to be aborted."""
        if self._closing is not None:
            self._closing.cancel()

    def abort(self) -> None:
        """Close at once; what is kept is dropped."""
        self._transport.abort()

    def is_closing(self) -> bool:
        """As asyncio's transports."""
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        """As asyncio's transports."""
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        """As asyncio's transports."""
        self._transport.resume_reading()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """As asyncio's transports."""
        return self._transport.get_extra_info(name, default)


class DeadlineProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with deadlines; on its own it waits forever for the end of a request.

    `head_s`: for so long a head may come, `stressed_s` where half of all connections are taken. A body has
    `body_s`, and a second more for each `bytes_a_second` that came; then it is answered with 408.
    """

    crowd: ClassVar[OpenConnections] = OpenConnections()
    head_s: ClassVar[float] = 10
    stressed_s: ClassVar[float] = 3
    body_s: ClassVar[float] = 10
    bytes_a_second: ClassVar[float] = 50_000

    _gathering: GatheringTransport
    _timer: asyncio.TimerHandle | None = None
    _given_up = _let_in = False
    _waits_for: tuple[object, object] | None = None
    """What has to come, head or body, and the request that came before or that it belongs to."""
    _began = 0.0
    _came = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection and begin the time for its first request; one too many hears 503."""
        self._gathering = GatheringTransport(transport, self.loop)
        super().connection_made(self._gathering)
        self.app = self._droppable(self.app)
        if self.crowd.enter(self):
            self._watch()
        else:
            self._given_up = True
            self.transport.write(_FULL)
            self.transport.close()

    @property
    def host(self) -> str:
        """The client's address."""
        return self.client[0] if self.client else ""

    @property
    def idle(self) -> bool:
        """True while no request is under way."""
        return self._waited_for() is not None

    @property
    def known(self) -> bool:
        """True once a request came with a key that is good."""
        self._let_in = self._let_in or let_in(self.scope)
        return self._let_in

    def drop(self) -> None:
        """Close the connection to make room."""
        self.transport.abort()

    def _droppable(self, app: ASGIApp) -> ASGIApp:
        async def droppable(scope: Scope, receive: Receive, send: Send) -> None:
            scope["extensions"] = {**scope.get("extensions", {}), DROP: self._drop_answer}
            await app(scope, receive, send)

        return droppable

    def _drop_answer(self) -> None:
        # The application ends as if its client had left.
        self.cycle.disconnected = True
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take bytes, unless the request was already answered with 408."""
        if self._given_up:
            return
        super().data_received(data)
        self._came += len(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Begin the time for the rest of a request that had come with the one before."""
        self._let_in = self.known
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            # The next request had come together with the one that was answered.
            self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection no longer."""
        self._forget()
        self._gathering.closed()
        self.crowd.leave(self)
        super().connection_lost(exc)

    def _watch(self) -> None:
        """The time runs from the first byte of a head or body that is waited for, whatever trickles in meanwhile."""
        waits_for = self._waited_for()
        if waits_for == self._waits_for:
            return
        self._forget()
        if waits_for:
            self._waits_for, self._began, self._came = waits_for, self.loop.time(), 0
            self._timer = self.loop.call_at(self._deadline(), self._look)

    def _waited_for(self) -> tuple[object, object] | None:
        state = self.conn.their_state
        return (state, self.cycle) if state in (h11.IDLE, h11.SEND_BODY) else None

    def _deadline(self) -> float:
        if self.conn.their_state is h11.IDLE:
            return self._began + min(self.head_s, self.stressed_s if self.crowd.stressed else self.head_s)
        return self._began + self.body_s + self._came / self.bytes_a_second

    def _look(self) -> None:
        """Give up, unless the request is whole or more time was earned meanwhile."""
        if self._waited_for() != self._waits_for or self.transport.is_closing():
            self._forget()
        elif self._deadline() > self.loop.time():
            self._timer = self.loop.call_at(self._deadline(), self._look)
        else:
            self._give_up()

    def shutdown(self) -> None:
        """Called by the server as it ends; a request that is only half here is not waited for."""
        if self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.SEND_RESPONSE:
            self._refuse(503, b"service_unavailable", b"the server is stopping; send it again")
            self.transport.close()
        else:
            super().shutdown()

    def _give_up(self) -> None:
        answers = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.SEND_RESPONSE
        self._forget()
        if not answers:
            self.transport.close()
            return
        self._refuse(408, b"request_timeout", b"the body did not come in time; send it again")
        # What is still on its way is taken and dropped: to close on it would reset the connection, and the answer
        # could be lost with it.
        self._given_up = True
        self.transport.write_eof()
        self.flow.resume_reading()
        self._timer = self.loop.call_later(_LINGER_S, self.transport.close)

    def _refuse(self, status: int, error: bytes, words: bytes) -> None:
        """Answer in place of the application, which hears that its client left."""
        for event in _refusal(status, error, words):
            self.transport.write(self.conn.send(event) or b"")
        self.cycle.disconnected = True
        self.cycle.message_event.set()

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._waits_for = None


def _refusal(status: int, error: bytes, words: bytes) -> list[h11.Event]:
    body = b'{"error":"%s","error_description":"%s"}' % (error, words)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    reason = HTTPStatus(status).phrase.encode()
    return [
        h11.Response(status_code=status, headers=headers, reason=reason),
        h11.Data(data=body),
        h11.EndOfMessage(),
    ]
