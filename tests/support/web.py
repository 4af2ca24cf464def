"""A web server with TLS on loopback, and the way to it that fetching must be given by hand."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from engine.publicweb.addresses import Address, Way
from tests.support.certificates import server_context
from tests.support.serving import serving

LOOPBACK = ip_address("127.0.0.1")


@dataclass
class Web:
    """What the server says by path, and what it was asked."""

    port: int
    tls: ssl.SSLContext
    answers: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    connected: int = 0

    def url(self, path: str, host: str = "localhost") -> str:
        return f"https://{host}:{self.port}{path}"

    def says(
        self, path: str, body: bytes = b"", *headers: str, status: str = "200 OK", length: bool = True
    ) -> str:
        """Have the server answer `path`; returns its URL."""
        lines = [f"HTTP/1.1 {status}", *headers, *([f"Content-Length: {len(body)}"] if length else [])]
        self.answers[path] = "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body
        return self.url(path)

    def way(
        self,
        *,
        allowed: Callable[[Address], bool] = LOOPBACK.__eq__,
        resolves: Callable[[str], list[str]] = lambda _: [str(LOOPBACK)],
        seconds: float = 10,
    ) -> Way:
        """A way that leads to this server, and trusts its certificate."""

        async def resolve(host: str, _port: int) -> list[str]:
            self.resolved.append(host)
            return resolves(host)

        return Way(allowed=allowed, resolve=resolve, tls=self.tls, seconds=seconds)

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connected += 1
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.asked.append(head)
        writer.write(self.answers.get(head.split(" ")[1], b"HTTP/1.1 404 Not Found\r\n\r\n"))
        await writer.drain()


@asynccontextmanager
async def serving_web(folder: Path) -> AsyncIterator[Web]:
    """A TLS server for localhost, stopped at the end."""
    context, authority = server_context(folder)
    web = Web(0, ssl.create_default_context(cafile=str(authority)))
    async with serving(web.answer, tls=context) as web.port:
        yield web
