"""Connections kept open for the next request to the same origin; each serves one request at a time.

httpcore's own pool examines every connection for every request, which costs several times as much as the request if
many wait for one receiver.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

import httpcore

from engine.publicweb.addresses import Way
from engine.publicweb.checked import CheckedBackend

_KEPT_MAX = 100
"""The most idle connections of all origins together; those unused for longest are closed first."""
_KEPT_S = 60.0
_LOOK_S = 30.0
"""The seconds between searches for connections that were not used again."""

Origin = tuple[bytes, bytes, int]


class KeptConnections:
    """Idle open connections of one scheme; `way`: which addresses may be reached."""

    def __init__(self, way: Way, tls: ssl.SSLContext | None = None) -> None:
        self._network, self._tls = CheckedBackend(way), tls
        self._idle: list[tuple[Origin, httpcore.AsyncHTTPConnection]] = []
        self._looked = 0.0

    @asynccontextmanager
    async def connection(self, url: httpcore.URL) -> AsyncIterator[httpcore.AsyncHTTPConnection]:
        """A connection to the origin of `url` for one request, kept open after a complete response."""
        await self._drop_expired()
        origin = (url.origin.scheme, url.origin.host, url.origin.port)
        connection = await self._kept(origin) or self._new(url)
        try:
            yield connection
        except BaseException:
            await connection.aclose()
            raise
        if connection.is_idle():
            self._idle.append((origin, connection))
        else:
            await connection.aclose()
        over, self._idle = self._idle[:-_KEPT_MAX], self._idle[-_KEPT_MAX:]
        await _close(over)

    async def aclose(self) -> None:
        """Close all idle connections."""
        kept, self._idle = self._idle, []
        await _close(kept)

    def _new(self, url: httpcore.URL) -> httpcore.AsyncHTTPConnection:
        return httpcore.AsyncHTTPConnection(
            origin=url.origin, ssl_context=self._tls, keepalive_expiry=_KEPT_S, network_backend=self._network
        )

    async def _kept(self, origin: Origin) -> httpcore.AsyncHTTPConnection | None:
        """The idle connection that was used last, unless the server has closed it."""
        while found := [n for n, (known, _) in enumerate(self._idle) if known == origin]:
            _, connection = self._idle.pop(found[-1])
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return None

    async def _drop_expired(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._looked + _LOOK_S:
            return
        self._looked = now
        gone = [one for one in self._idle if one[1].has_expired()]
        self._idle = [one for one in self._idle if one not in gone]
        await _close(gone)


async def _close(connections: Iterable[tuple[Origin, httpcore.AsyncHTTPConnection]]) -> None:
    """Close each connection, even if closing another one is cancelled."""
    async with AsyncExitStack() as closing:
        for _, one in connections:
            closing.push_async_callback(one.aclose)
