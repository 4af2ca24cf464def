"""What tests leave open fails in the test that did so."""

from __future__ import annotations

import asyncio
import socket

import pytest

from tests.support.leftovers import LeftOpenError, collect
from tests.support.relay import relaying


class Keeping(asyncio.Protocol):
    """Holds its transport, as most do: neither goes before the collector comes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport


async def _left_open(port: int) -> None:
    transport, _ = await asyncio.get_running_loop().create_connection(Keeping, "127.0.0.1", port)
    # The loop holds what it reads from.
    transport.pause_reading()


@pytest.mark.parametrize("whole", [True, False])
async def test_a_connection_that_nothing_closes_is_found_at_once(whole: bool) -> None:
    async with relaying() as relay:
        await _left_open(relay.port)
        with pytest.raises(LeftOpenError, match="unclosed transport"):
            collect(whole=whole)


@pytest.mark.parametrize("whole", [True, False])
def test_a_socket_in_a_circle_of_references_is_found_at_once(whole: bool) -> None:
    circle: list[object] = [socket.socket()]
    circle.append(circle)
    del circle
    with pytest.raises(LeftOpenError, match="unclosed <socket"):
        collect(whole=whole)


async def test_what_is_closed_is_not_complained_of() -> None:
    async with relaying() as relay:
        _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.close()
        await writer.wait_closed()
    collect()
