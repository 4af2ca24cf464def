"""The stdio wire: nothing but messages gets on it, and a message that never ends is answered and done with."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_mcp.mcp.tools import Selection
from cis_mcp.stdio.lines import LINE_MAX, Out, StdioLines, id_in
from tests.cli.processes import environment
from tests.support.forks import Forked, cis_mcp
from tests.support.waiting import DEADLINE_S
from tests.support.webs import INITIALIZE

PRINTS = """
import atexit, os, sys
atexit.register(print, "stray at exit")
from cis_mcp.mcp import server
building = server.build_server
def build_server(*given, **named):
    print("stray while serving")
    os.write(1, b"stray past the buffer")
    return building(*given, **named)
server.build_server = build_server
from cis_mcp.cli.main import main
main(["serve"])
"""


_LIMIT = 64 * 1024 * 1024


async def _printing(folder: Path) -> asyncio.subprocess.Process:
    """An interpreter of its own: what Python does at its start and end belongs to the test."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PRINTS),
        env=environment(folder, PYTHONUNBUFFERED=""),
        **dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE),
        limit=_LIMIT,
    )


@asynccontextmanager
async def _running(
    process: Forked | asyncio.subprocess.Process,
) -> AsyncIterator[Forked | asyncio.subprocess.Process]:
    try:
        async with asyncio.timeout(DEADLINE_S):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def _asked(process: Forked | asyncio.subprocess.Process, message: bytes) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(message + b"\n")
    await process.stdin.drain()
    answer: dict[str, Any] = json.loads(await process.stdout.readline())
    return answer


async def test_what_is_printed_never_lands_on_the_wire(tmp_path: Path) -> None:
    async with _running(await _printing(tmp_path)) as process:
        assert (await _asked(process, json.dumps(INITIALIZE).encode()))["id"] == 1
        out, err = await process.communicate(b"")
    assert (out, process.returncode) == (b"", 0)
    for stray in (b"stray while serving", b"stray past the buffer", b"stray at exit"):
        assert stray in err


async def test_a_message_without_end_is_answered_and_the_next_one_is_served(tmp_path: Path) -> None:
    forked = cis_mcp("serve", cwd=tmp_path, env=environment(tmp_path), limit=_LIMIT)
    async with _running(await forked) as process:
        await _asked(process, json.dumps(INITIALIZE).encode())
        call = b'{"jsonrpc":"2.0","id":"a7","method":"tools/call","params":{"x":"' + b"x" * (LINE_MAX + 1)
        refused = await _asked(process, call + b'"}}')
        assert refused["id"] == "a7"
        assert str(LINE_MAX) in refused["error"]["message"]
        served = await _asked(process, b'{"jsonrpc":"2.0","id":8,"method":"tools/list"}')
        assert [tool["name"] for tool in served["result"]["tools"]] == [s.name for s in Selection().listed]
        out, _ = await process.communicate(b"")
    assert (out, process.returncode) == (b"", 0)


def _pair(kind: str) -> tuple[BinaryIO, BinaryIO]:
    """Two ends of a wire: to read from, and to write to."""
    if kind == "pipe":
        incoming, outgoing = os.pipe()
        return os.fdopen(incoming, "rb"), os.fdopen(outgoing, "wb")
    if kind == "socket":
        one, other = socket.socketpair()
        return os.fdopen(one.detach(), "rb"), os.fdopen(other.detach(), "wb")
    with tempfile.NamedTemporaryFile() as file:
        return Path(file.name).open("rb"), Path(file.name).open("wb")


@given(
    st.sampled_from(["pipe", "socket", "file"]),
    st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=40)),
    st.booleans(),
)
async def test_each_line_that_fits_comes_through_and_each_other_is_refused_once(
    kind: str, lines: list[str], ended: bool
) -> None:
    given = "\n".join([*lines, ""] if ended else lines).encode()
    incoming, outgoing = _pair(kind)
    with outgoing:
        outgoing.write(given)
    reader = StdioLines(incoming, limit=20)
    refused: list[str] = []

    async def refuse(_request: str | int | None, why: str) -> None:
        refused.append(why)

    reader.refuse = refuse
    passed = [line async for line in reader]
    incoming.close()
    split = given.split(b"\n")
    if not split[-1]:
        split.pop()
    fits = [line.decode() for line in split if len(line) <= 20]
    assert passed == fits
    assert len(refused) == len(split) - len(fits)


@pytest.mark.parametrize("kind", ["pipe", "socket"])
async def test_a_client_that_reads_late_gets_everything_and_holds_nobody_up(kind: str) -> None:
    incoming, outgoing = _pair(kind)
    out = Out(outgoing)
    await out.write("ä" * 1_000_000)
    flushing = asyncio.create_task(out.flush())
    # The loop goes on while nobody reads: the wire is full by now.
    done, _ = await asyncio.wait({flushing}, timeout=0.05)
    assert not done
    read = await asyncio.to_thread(incoming.read, 2_000_000)
    await flushing
    assert read.decode() == "ä" * 1_000_000
    incoming.close()
    with pytest.raises(BrokenPipeError):
        await out.write("nobody")
        await out.flush()
    outgoing.close()


@pytest.mark.parametrize(
    ("head", "number"),
    [
        ('{"jsonrpc":"2.0","id":7,"method":"x","params":{', 7),
        ('{"id" : "a\\"b" , "method":"x"', 'a\\"b'),
        ('{"method":"x","params":{"id":7,', None),
        ('{"id":7', None),
        ("", None),
        ('{"id":99999999999999999999999999,', None),
    ],
)
def test_the_answer_has_the_id_where_the_head_shows_it(head: str, number: str | int | None) -> None:
    assert id_in(head) == number
