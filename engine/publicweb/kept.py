"""Connections that are kept open for the next request to the same origin; each serves one request at a time.

httpcore's own pool looks at every connection for every request, which costs several times what the request does where
many wait for one receiver.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpcore

from engine.publicweb.addresses import Way
from engine.publicweb.checked import Checked

_KEPT_MAX = 100
_KEPT_S = 60.0
_LOOK_S = 30.0
"""Between two looks for connections that nobody used again."""

Origin = tuple[bytes, bytes, int]


class Kept:
    """Connections of one scheme, open and without a request; `way`: which addresses may be reached."""

    def __init__(self, way: Way, tls: ssl.SSLContext | None = None) -> None:
        self._network, self._tls = Checked(way), tls
        self._idle: dict[Origin, list[httpcore.AsyncHTTPConnection]] = {}
        self._looked = 0.0

    @asynccontextmanager
    async def connection(self, url: httpcore.URL) -> AsyncIterator[httpcore.AsyncHTTPConnection]:
        """A connection to the origin of `url` for one request; kept if that has been answered whole."""
        await self._drop_expired()
        origin = (url.origin.scheme, url.origin.host, url.origin.port)
        connection = await self._kept(origin) or self._new(url)
        try:
            yield connection
        except BaseException:
            await connection.aclose()
            raise
        if connection.is_idle() and sum(map(len, self._idle.values())) < _KEPT_MAX:
            self._idle.setdefault(origin, []).append(connection)
        else:
            await connection.aclose()

    async def aclose(self) -> None:
        """Close all that are kept."""
        kept, self._idle = self._idle, {}
        for connections in kept.values():
            for one in connections:
                await one.aclose()

    def _new(self, url: httpcore.URL) -> httpcore.AsyncHTTPConnection:
        return httpcore.AsyncHTTPConnection(
            origin=url.origin, ssl_context=self._tls, keepalive_expiry=_KEPT_S, network_backend=self._network
        )

    async def _kept(self, origin: Origin) -> httpcore.AsyncHTTPConnection | None:
        """The connection that was used last, if its other end has not closed it."""
        kept = self._idle.get(origin, [])
        while kept:
            connection = kept.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        self._idle.pop(origin, None)
        return None

    async def _drop_expired(self) -> None:
        now = asyncio.get_running_loop().time()
        if now < self._looked + _LOOK_S:
            return
        self._looked = now
        for origin, kept in list(self._idle.items()):
            gone = [one for one in kept if one.has_expired()]
            self._idle[origin] = [one for one in kept if one not in gone]
            for one in gone:
                await one.aclose()
