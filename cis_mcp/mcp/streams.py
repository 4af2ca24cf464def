"""MCP over two streams of lines, like the SDK's `run_stdio_async`, but with a limit on the length of lines."""

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
"""The protocol versions that start with a handshake, the newest last."""
MODERN: tuple[str, ...] = tuple(MODERN_PROTOCOL_VERSIONS)
"""The later protocol versions, which have no handshake."""

Id = str | int | None
"""The id of a request; None if unknown."""


class Incoming(Protocol):
    """The incoming lines; one that cannot be accepted is passed to `refuse`, with its id and the reason."""

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
