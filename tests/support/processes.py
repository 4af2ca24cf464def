"""The real program as a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.forks import DEVNULL, cis_mcp

ROOT = Path(__file__).parents[2]


@asynccontextmanager
async def program(
    folder: Path, *arguments: str, **settings: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`cis-mcp <arguments>` over `folder`; killed where it still runs at the end."""
    environment = {
        name if name.startswith("AWS_") else f"CIS_{name}": value
        for name, value in {"DATA_DIR": str(folder), **settings}.items()
    }
    process = await cis_mcp(
        *arguments, cwd=ROOT, env=environment, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
