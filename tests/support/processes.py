"""The real program as a process of its own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

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
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cis_mcp", *arguments),
        cwd=ROOT,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
