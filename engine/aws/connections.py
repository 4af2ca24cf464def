"""HTTP/1.1 over persistent connections (RFC 9112): the part of it that AWS services use."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from engine.aws.errors import Unanswered, Unreached

_CONNECT_S = 10.0
_ANSWER_S = 60.0
_IDLE_S = 4.0
"""The seconds after which an idle connection is not reused, since the service may be closing it."""
_HEAD_MAX = 65_536
_BODY_MAX = 20_000_000
_INTERIM, _NO_CONTENT = 200, (204, 304)


@dataclass(frozen=True, slots=True)
class ServiceEndpoint:
    """The address of a service: scheme, host and port of an http or https URL without a path."""

    host: str
    port: int
    tls: bool

    @classmethod
    def of(cls, url: str) -> ServiceEndpoint:
        """Parse a URL. Raises ValueError with a sentence on what is wrong."""
        parts = urlsplit(url)
        unwanted = parts.path.strip("/") or parts.query or parts.username
        if parts.scheme not in {"http", "https"} or not parts.hostname or unwanted:
            raise ValueError("an endpoint is given as https://host[:port]")
        tls = parts.scheme == "https"
        return cls(parts.hostname, parts.port or (443 if tls else 80), tls)

    @property
    def authority(self) -> str:
        """The value of the Host header, with the port unless it is the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.tls else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ServiceResponse:
    """A response; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class _Connection:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    since: float = 0.0


class ServiceConnections:
    """Connections to one endpoint; the caller limits how many requests are in progress at once."""

    def __init__(self, endpoint: ServiceEndpoint) -> None:
        self._endpoint = endpoint
        self._idle: list[_Connection] = []
        self._closed = False
        self._context: ssl.SSLContext | None = None
        self._making_context = asyncio.Lock()

    async def ask(self, request: bytes) -> ServiceResponse:
        """Send one request, head and body, and read the response. Raises Unreached, Unanswered."""
        self._closed = False
        connection = self._kept() or await self._open()
        try:
            async with asyncio.timeout(_ANSWER_S):
                response, keep = await _exchange(connection, request)
        except BaseException as error:
            unsent = connection.writer.transport.get_write_buffer_size()
            connection.writer.transport.abort()
            if not isinstance(error, (OSError, EOFError, ValueError, asyncio.LimitOverrunError)):
                raise  # cancelled
            why = str(error) or "no answer in time"
            raise (Unreached if unsent else Unanswered)(why) from error
        self._give_back(connection, keep)
        return response

    async def close(self) -> None:
        """Close idle connections now and busy ones after their response; a later request opens a new one."""
        self._closed = True
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.writer.close()  # all of them first: waiting may be cancelled
        for connection in idle:
            with suppress(OSError):
                await connection.writer.wait_closed()

    def _kept(self) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            gone = connection.reader.at_eof() or connection.writer.is_closing()
            if not gone and now - connection.since < _IDLE_S:
                return connection
            connection.writer.transport.abort()
        return None

    async def _open(self) -> _Connection:
        end = self._endpoint
        try:
            async with asyncio.timeout(_CONNECT_S):
                context = await self._trust() if end.tls else None
                reader, writer = await asyncio.open_connection(
                    end.host, end.port, ssl=context, limit=_HEAD_MAX
                )
        except OSError as error:
            raise Unreached(
                f"cannot connect to {end.host}: {error.strerror or error or 'no answer'}"
            ) from error
        return _Connection(reader, writer)

    async def _trust(self) -> ssl.SSLContext:
        """The system's certificate authorities, or those in AWS_CA_BUNDLE; read once, since that takes milliseconds."""
        async with self._making_context:
            if self._context is None:
                self._context = await asyncio.to_thread(_context)
        return self._context

    def _give_back(self, connection: _Connection, keep: bool) -> None:
        if keep and not self._closed and not connection.writer.is_closing():
            connection.since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            connection.writer.close()


def _context() -> ssl.SSLContext:
    import os

    return ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)


async def _exchange(connection: _Connection, request: bytes) -> tuple[ServiceResponse, bool]:
    """The response, and whether the connection may be used again."""
    connection.writer.write(request)
    await connection.writer.drain()
    status, headers = await _head(connection.reader)
    while status < _INTERIM:
        status, headers = await _head(connection.reader)
    headed = request.startswith(b"HEAD ")
    body, whole = (b"", True) if headed else await _body(connection.reader, status, headers)
    return ServiceResponse(status, headers, body), whole and headers.get("connection", "").lower() != "close"


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdecimal():
        raise ValueError("what answered speaks no HTTP/1.1")
    pairs = (line.partition(":") for line in lines if line)
    return int(rest[:3]), {name.strip().lower(): value.strip() for name, _, value in pairs}


async def _body(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    """The body, and whether its length was given, rather than marked by the end of the connection."""
    if status in _NO_CONTENT:
        return b"", True
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader), True
    length = headers.get("content-length")
    if length is None:
        return await _rest(reader), False
    return await reader.readexactly(_bounded(int(length))), True


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        _bounded(len(found) + size)
        found += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return bytes(found)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    found = bytearray()
    while piece := await reader.read(_HEAD_MAX):
        found += piece
        _bounded(len(found))
    return bytes(found)


def _bounded(length: int) -> int:
    if not 0 <= length <= _BODY_MAX:
        raise ValueError("the answer is too long")
    return length
