"""Serves what the conformance suite judges: `python -m tests.judges.conformance_server PORT`."""

from __future__ import annotations

import asyncio
import sys

from cis_mcp.http.security import guard
from cis_mcp.http.serve import listening, serve_http
from cis_mcp.run.runtime import running
from cis_mcp.run.stopping import stop_event
from engine.settings import Settings
from tests.judges.conformance_fixtures import add_fixtures


async def serve(port: int) -> None:
    """The production server, and everything that works behind it, with the suite's fixtures beside its own tools."""
    settings = Settings()
    with listening("127.0.0.1", port) as listener:
        async with running(settings) as engine:
            names = guard("127.0.0.1", settings.public_url)
            await serve_http(engine, listener, names, stop_event(), no_auth=True, prepare=add_fixtures)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
