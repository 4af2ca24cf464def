"""Connections to receivers are kept open, used one request at a time, and never after their other end closed them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpcore
import pytest

from engine.publicweb.kept import KeptConnections
from engine.publicweb.outside import Outside, OutsideResponse
from tests.support.engines import settings_in
from tests.support.waiting import eventually
from tests.webhooks.receiver import LOCAL


@dataclass
class Server:
    """Answers each request with `answer`, and counts connections; `open`: those that are."""

    answer: bytes = b"HTTP/1.1 204 No Content\r\n\r\n"
    connections: int = 0
    open: set[asyncio.StreamWriter] = field(default_factory=set)
    gate: asyncio.Event | None = None
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open.add(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                if self.gate:
                    await self.gate.wait()
                writer.write(self.answer)
        except (OSError, EOFError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()


@asynccontextmanager
async def serving(folder: Path, **values: object) -> AsyncIterator[tuple[Server, Outside]]:
    one = Server(**values)  # type: ignore[arg-type]
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    outside = Outside(settings_in(folder, **LOCAL))
    try:
        async with server:
            yield one, outside
            await outside.close()
    finally:
        await outside.close()


async def asked(server: Server, outside: Outside, *, seconds: float = 30.0) -> OutsideResponse:
    return await outside.request(
        "GET", f"http://127.0.0.1:{server.port}/", {}, b"", seconds=seconds, most=100
    )


async def test_one_connection_serves_requests_one_after_another_and_many_at_once_have_their_own(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as (server, outside):
        for _ in range(5):
            assert (await asked(server, outside)).status == 204
        assert server.connections == 1
        await asyncio.gather(*(asked(server, outside) for _ in range(4)))
        assert server.connections == 4
        await asyncio.gather(*(asked(server, outside) for _ in range(4)))
        assert server.connections == 4
        await outside.close()
        await eventually(lambda: not server.open)


async def test_a_connection_that_its_other_end_closed_is_not_used_again(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, outside):
        await asked(server, outside)
        for writer in list(server.open):
            writer.close()
        await eventually(lambda: not server.open)
        assert (await asked(server, outside)).status == 204
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 1000,
    ],
)
async def test_after_an_answer_that_says_so_or_was_not_read_whole_the_next_request_has_a_new_connection(
    tmp_path: Path, answer: bytes
) -> None:
    async with serving(tmp_path, answer=answer) as (server, outside):
        for _ in range(2):
            assert (await asked(server, outside)).status == 200
        assert server.connections == 2


async def test_a_request_that_is_given_up_leaves_no_connection_behind(tmp_path: Path) -> None:
    async with serving(tmp_path, gate=asyncio.Event()) as (server, outside):
        task = asyncio.ensure_future(asked(server, outside))
        await eventually(lambda: server.connections == 1)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert server.gate
        server.gate.set()
        await eventually(lambda: not server.open)
        assert (await asked(server, outside)).status == 204
        assert server.connections == 2


async def test_what_nobody_used_again_is_closed_when_others_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.publicweb.kept._KEPT_S", 0.0)
    monkeypatch.setattr("engine.publicweb.kept._LOOK_S", 0.0)
    async with serving(tmp_path) as (first, outside), serving(tmp_path) as (second, _):
        await asked(first, outside)
        await asked(second, outside)
        await eventually(lambda: not first.open)


async def test_no_more_connections_are_kept_than_there_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.publicweb.kept._KEPT_MAX", 2)
    async with serving(tmp_path) as (server, outside):
        await asyncio.gather(*(asked(server, outside) for _ in range(4)))
        await eventually(lambda: len(server.open) == 2)


async def test_one_receiver_does_not_keep_out_those_that_come_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.publicweb.kept._KEPT_MAX", 1)
    async with serving(tmp_path) as (first, outside), serving(tmp_path) as (second, _):
        await asked(first, outside)
        await asked(second, outside)
        await eventually(lambda: not first.open)
        await asked(second, outside)
        assert second.connections == 1


async def test_a_connection_that_could_not_be_made_is_not_kept(tmp_path: Path) -> None:
    async with serving(tmp_path) as (server, outside):
        pass
    with pytest.raises(httpcore.ConnectError):
        await asked(server, outside)
    assert isinstance(kept := outside._kept["http"], KeptConnections)
    assert not kept._idle
