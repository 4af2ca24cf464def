"""A network backend for httpcore that connects only to checked addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import httpcore

from engine.publicweb.addresses import Way, reachable


class CheckedBackend(httpcore.AsyncNetworkBackend):
    """Connects to a host at an address that was resolved and checked for this connection."""

    def __init__(self, way: Way) -> None:
        self._way = way
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 -- httpcore's own
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await reachable(host.strip("[]"), port, self._way)
        for number, address in enumerate(addresses, start=1):
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(addresses):
                    raise
        raise httpcore.ConnectError("no address")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
