"""MCP over two streams of lines: what the SDK's `run_stdio_async` does, with lines that have an end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Protocol, cast

import anyio
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, ErrorData, JSONRPCError
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from cis_mcp.mcp.compat import low_level
from cis_mcp.mcp.server import CisServer

HANDSHAKES: tuple[str, ...] = tuple(HANDSHAKE_PROTOCOL_VERSIONS)
"""The versions of the protocol that begin with a handshake, the newest last."""
MODERN: tuple[str, ...] = tuple(MODERN_PROTOCOL_VERSIONS)
"""Those since, which have none."""

Id = str | int | None
"""Of a request; None if it is not known."""


class Incoming(Protocol):
    """The lines that come; one that cannot be taken is handed to `refuse`, with its id and why."""

    refuse: Callable[[Id, str], Awaitable[None]] | None

    def __aiter__(self) -> AsyncIterator[str]: ...


class OutgoingLines(Protocol):
    """The stream of outgoing lines."""

    async def write(self, text: str) -> None:
        """Keep `text` until the next flush."""

    async def flush(self) -> None:
        """Send what was written."""


async def serve_streams(server: CisServer, incoming: Incoming, outgoing: OutgoingLines) -> None:
    """Serve the one client behind two streams until `incoming` ends."""
    # All that the SDK does with a stdin that is handed in is to iterate over its lines; with a stdout, to write and
    # to flush.
    stdin = cast("anyio.AsyncFile[str]", incoming)
    stdout = cast("anyio.AsyncFile[str]", outgoing)
    async with stdio_server(stdin=stdin, stdout=stdout) as (received, sent):

        async def refuse(request: Id, why: str) -> None:
            await sent.send(SessionMessage(_refusal(request, why)))

        incoming.refuse = refuse
        # The SDK has no other way to a server over streams of ours.
        inner = low_level(server)
        await inner.run(received, sent, inner.create_initialization_options())


def _refusal(request: Id, why: str) -> JSONRPCError:
    error = ErrorData(code=INVALID_REQUEST, message=why)
    # A number stays one: whoever asked looks for the very id that it sent.
    return JSONRPCError.model_validate({"jsonrpc": "2.0", "error": error, "id": request})
