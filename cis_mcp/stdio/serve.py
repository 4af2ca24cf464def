"""Serve MCP over stdin and stdout to the one client that started this process."""

from __future__ import annotations

import asyncio

from cis_mcp.mcp.server import build_server
from cis_mcp.mcp.streams import serve_streams
from cis_mcp.mcp.tools import Selection
from cis_mcp.stdio.lines import Lines, Out, Wire
from engine.engine import Engine
from engine.process.heap import settle


async def serve_stdio(engine: Engine, wire: Wire, selection: Selection, stop: asyncio.Event) -> None:
    """Serve the local operator until the client closes stdin, or `stop` is set.

    Stdin may still be read then, in a thread that cannot be broken off.
    """
    server = build_server(engine, actor=lambda: engine.local, selection=selection)
    settle()
    serving = asyncio.ensure_future(serve_streams(server, Lines(wire.incoming), Out(wire.outgoing)))
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if serving.done():
        serving.result()
