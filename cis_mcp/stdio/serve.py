"""Serve MCP over stdin and stdout to the one client that started this process."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, cast

import anyio
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCError

from cis_mcp.mcp.compat import low_level
from cis_mcp.mcp.server import build_server
from cis_mcp.mcp.tools import Selection
from cis_mcp.run.stopping import stop_event
from cis_mcp.stdio.lines import Lines, Out, Wire
from engine.engine import Engine


async def serve_stdio(engine: Engine, wire: Wire, selection: Selection) -> None:
    """Serve the local operator until the client closes stdin, or a signal says to stop.

    Stdin may still be read then, in a thread that cannot be broken off.
    """
    server = build_server(engine, actor=lambda: engine.local, selection=selection)
    gc.freeze()
    gc.enable()
    stop = stop_event()
    serving = asyncio.ensure_future(_serve(server, wire))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if serving.done():
        serving.result()


async def _serve(server: MCPServer[Any], wire: Wire) -> None:
    """What the SDK's `run_stdio_async` does, with lines that have an end."""
    # All that the SDK does with a stdin that is handed in is to iterate over its lines; with a stdout, to write and
    # to flush.
    lines = Lines(wire.incoming)
    stdin = cast("anyio.AsyncFile[str]", lines)
    stdout = cast("anyio.AsyncFile[str]", Out(wire.outgoing))
    async with stdio_server(stdin=stdin, stdout=stdout) as (incoming, outgoing):

        async def refuse(error: JSONRPCError) -> None:
            await outgoing.send(SessionMessage(error))

        lines.refuse = refuse
        # The SDK has no other way to a server over streams of ours.
        inner = low_level(server)
        await inner.run(incoming, outgoing, inner.create_initialization_options())
