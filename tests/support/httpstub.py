"""A small HTTP/1.1 server for tests, on which a handler answers, hangs up or says nothing."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

from tests.support.serving import serving


@dataclass(frozen=True)
class Asked:
    """One request as it came; names of headers are in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path


@dataclass(frozen=True)
class Told:
    """An answer: with its length, or `raw` bytes as they are; without either, the connection ends."""

    status: int = 200
    headers: Mapping[str, str] | None = None
    body: bytes = b""
    raw: bytes | None = None
    last: bool = False
    """The connection ends behind this answer."""

    @property
    def wire(self) -> bytes:
        if self.raw is not None:
            return self.raw
        lines = "".join(f"{name}: {value}\r\n" for name, value in (self.headers or {}).items())
        reason = HTTPStatus(self.status).phrase
        return (
            f"HTTP/1.1 {self.status} {reason}\r\n{lines}content-length: {len(self.body)}\r\n\r\n".encode()
            + self.body
        )


Handler = Callable[[Asked], Awaitable[Told | None]]
"""None hangs up without an answer."""


@dataclass
class Stub:
    port: int
    connections: int = 0
    ended: int = 0
    """Connections that the client ended between two requests."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def answering(
    handler: Handler, port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Stub]:
    """A server on a port of this machine, any unless one is named; what is still open at the end is closed."""
    stub = Stub(0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        stub.connections += 1
        while asked := await _asked(reader):
            told = await handler(asked)
            if told is None:
                return
            writer.write(told.wire)
            await writer.drain()
            if told.last:
                return
        stub.ended += 1

    async with serving(talk, port=port, tls=tls) as stub.port:
        yield stub


async def _asked(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Asked(method, target, headers, await reader.readexactly(int(headers.get("content-length", "0"))))
