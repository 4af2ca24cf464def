"""A slow network on one machine: passes connections on to a port and holds every byte up for a while.

Run it as `python -m bench.delay PORT TARGET_PORT ROUND_TRIP_MS`; each way takes half of the round trip.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections import deque
from collections.abc import Callable

_TICK_S = 0.0005
"""Who would arrive within so long arrives with who arrives now: half of what a timer is exact to."""


class _Road:
    """What is on its way: all of it takes equally long, so that one timer serves all."""

    def __init__(self, delay_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._delay_s = delay_s
        self._travelling: deque[tuple[float, Callable[..., object], tuple[object, ...]]] = deque()

    def send(self, arrive: Callable[..., object], *what: object) -> None:
        """Call `arrive(*what)` when the delay is over."""
        if not self._travelling:
            self._loop.call_later(self._delay_s, self._arrived)
        self._travelling.append((self._loop.time() + self._delay_s, arrive, what))

    def _arrived(self) -> None:
        now = self._loop.time() + _TICK_S
        while self._travelling and self._travelling[0][0] <= now:
            _, arrive, what = self._travelling.popleft()
            arrive(*what)
        if self._travelling:
            self._loop.call_at(self._travelling[0][0], self._arrived)


class _Way(asyncio.Protocol):
    """One end of a connection; what arrives leaves at the other end, later."""

    def __init__(self, road: _Road) -> None:
        self._road = road
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self.other: _Way | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        for data in self._early:
            transport.write(data)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self._road.send(self.other.write, data)

    def connection_lost(self, exc: Exception | None) -> None:
        assert self.other is not None
        self._road.send(self.other.close)

    def write(self, data: bytes) -> None:
        if self._transport is None:
            self._early.append(data)
        else:
            self._transport.write(data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


class _Entrance(_Way):
    """The end that clients come to; opens the other one."""

    def __init__(self, road: _Road, target_port: int) -> None:
        super().__init__(road)
        self._target_port = target_port
        self._opening: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.other = _Way(self._road)
        self.other.other = self
        opened = asyncio.get_running_loop().create_connection(self._the_other, "127.0.0.1", self._target_port)
        self._opening = asyncio.create_task(opened)

    def _the_other(self) -> _Way:
        assert self.other is not None
        return self.other


async def serve(port: int, target_port: int, round_trip_s: float) -> None:
    """Pass on until cancelled."""
    entrance = functools.partial(_Entrance, _Road(round_trip_s / 2), target_port)
    server = await asyncio.get_running_loop().create_server(entrance, "127.0.0.1", port, backlog=500)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]) / 1000))
