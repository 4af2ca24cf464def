"""Serve MCP over stdin and stdout to the one client that started this process."""

from __future__ import annotations

import asyncio
import gc
import sys

from cis_mcp.server import build_server
from cis_mcp.stopping import stop_event
from cis_mcp.tools import Tier
from engine.engine import Engine


async def serve_stdio(engine: Engine, tier: Tier = "core") -> bool:
    """Serve the local operator until the client closes stdin, or a signal says to stop.

    Returns False where stdin is still being read: that read cannot be broken off, so the process has to be
    ended without waiting for it.
    """
    server = build_server(engine, actor=lambda: engine.local, tier=tier)
    gc.freeze()
    gc.enable()
    stop = stop_event()
    serving = asyncio.ensure_future(server.run_stdio_async())
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    # A buffered print that is flushed at exit would land on the wire.
    sys.stdout = sys.stderr
    if serving.done():
        serving.result()
    return serving.done()
