"""What `cis-mcp serve` and `cis-mcp worker` run: the engine with its inbox and dispatcher, and a face before it."""

from __future__ import annotations

import logging
import os

from cis_mcp.runtime import running
from cis_mcp.stopping import stop_event
from engine.settings import Settings


async def over_stdio(settings: Settings) -> int:
    """Serve MCP over stdio until stdin is closed or a signal comes."""
    from cis_mcp.stdio import serve_stdio

    async with running(settings, inbox=True) as engine:
        ended = await serve_stdio(engine)
    if not ended:
        # A thread is still reading stdin and cannot be stopped; everything else is closed by now.
        logging.shutdown()
        os._exit(0)
    return 0


async def over_http(settings: Settings, host: str, port: int, *, no_auth: bool) -> int:
    """Serve MCP over HTTP until a signal comes; raises Refused, OSError."""
    from cis_mcp.http import serve_http

    async with running(settings, inbox=True) as engine:
        await serve_http(engine, host, port, no_auth=no_auth)
    return 0


async def worker(settings: Settings) -> int:
    """Run inbox and dispatcher until a signal comes."""
    async with running(settings, inbox=True):
        logging.getLogger(__name__).info("worker runs")
        await stop_event().wait()
    return 0
