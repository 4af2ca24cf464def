"""Real `cis-mcp` processes over a folder of the test's own."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.forks import cis_mcp
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).parents[2]

WITHOUT_DEMO = """
import sys
for name in list(sys.modules):
    if name.partition(".")[0] in {"aiosmtpd", "cis_mcp", "engine"}:
        del sys.modules[name]
sys.modules["aiosmtpd"] = None
"""
"""The program is imported anew, and the package that only its extra brings is not there."""


def environment(folder: Path, **values: str) -> dict[str, str]:
    """What a process needs, and no setting from outside the test."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CIS_")}
    own = {"CIS_DATA_DIR": str(folder), "PYTHONPATH": str(ROOT), "CIS_UNDO_CAMPAIGN_S": "0"}
    return {**inherited, **own, **values}


async def run(
    folder: Path, *arguments: str, deadline_s: float = DEADLINE_S, first: str = "", **values: str
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command that ends by itself; killed at the deadline."""
    process = await started(folder, *arguments, first=first, **values)
    ending = asyncio.create_task(process.communicate())
    try:
        out, err = await asyncio.wait_for(asyncio.shield(ending), deadline_s)
    except TimeoutError:
        process.kill()
        out, err = await ending
        raise AssertionError(f"not ended after {deadline_s} s: {err.decode()[-2_000:]}") from None
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def serving(
    folder: Path, *arguments: str, **values: str
) -> AsyncIterator[tuple[str, asyncio.subprocess.Process]]:
    """The address of `cis-mcp serve --http …` once it listens, and its process; ended by SIGTERM."""
    process = await started(folder, "serve", *arguments, **values)
    assert process.stderr is not None
    draining = None
    try:
        async with asyncio.timeout(DEADLINE_S):
            while not (found := re.search(rb"MCP at (http://\S+)/mcp", await _line(process.stderr))):
                pass
        draining = asyncio.create_task(process.stderr.read())
        yield found[1].decode(), process
    finally:
        if process.returncode is None:
            process.terminate()
        async with asyncio.timeout(DEADLINE_S):
            await process.communicate() if draining is None else await draining
            await process.wait()


async def _line(stream: asyncio.StreamReader) -> bytes:
    line = await stream.readline()
    assert line, "the server ended before it served"
    return line


async def started(
    folder: Path, *arguments: str, first: str = "", **values: str
) -> asyncio.subprocess.Process:
    """A process of `cis-mcp` with pipes for all that it reads and writes; `first` is executed before."""
    return await cis_mcp(*arguments, cwd=folder, env=environment(folder, **values), first=first)
