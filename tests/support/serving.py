"""A server for one test: whatever it has accepted is closed, and was closed, when its block ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_LIMIT = 1 << 16


class _Connections:
    """All that were accepted; each ends when its talk does, or with the others."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._accepted: list[tuple[asyncio.StreamWriter, asyncio.Task[None]]] = []

    def begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Called where asyncio would take a coroutine: one that is cancelled before it ran would close nothing."""
        self._accepted.append((writer, asyncio.create_task(self._talks(reader, writer))))

    async def _talks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._talk(reader, writer)
        except (OSError, EOFError):
            pass  # the client has gone
        finally:
            writer.close()

    async def end(self) -> None:
        """Break what is open, and wait until it is closed."""
        for writer, task in self._accepted:
            task.cancel()
            abort(writer.transport)
        for writer, task in self._accepted:
            await asyncio.gather(task, writer.wait_closed(), return_exceptions=True)


def abort(transport: asyncio.BaseTransport) -> None:
    """Break a connection; asyncio of Python 3.11.2 does not bear that where one with TLS was closed twice."""
    assert isinstance(transport, asyncio.WriteTransport)
    with suppress(AttributeError):
        transport.abort()


@asynccontextmanager
async def serving(
    talk: Talk, *, tls: ssl.SSLContext | None = None, port: int = 0, limit: int = _LIMIT
) -> AsyncIterator[int]:
    """The port of the loopback at which each client has its `talk`; the connection is closed behind it.

    A client that goes away ends its talk, and so does the end of the block.
    """
    connections = _Connections(talk)
    server = await asyncio.start_server(
        connections.begin, "127.0.0.1", port, ssl=tls, limit=limit, backlog=200
    )
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        await no_more(server)
        await connections.end()
        await server.wait_closed()


async def no_more(server: asyncio.Server) -> None:
    """Accept nothing more; what was accepted just now has its protocol when this returns."""
    server.close()
    for _ in range(3):
        await asyncio.sleep(0)
