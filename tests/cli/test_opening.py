"""A client's first requests are answered before the server is imported, and as the server answers them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from cis_mcp.manual.opening import conversation, handshake
from cis_mcp.mcp.instructions import instructions
from cis_mcp.mcp.server import build_server
from cis_mcp.mcp.tools import Selection, Tier
from cis_mcp.stdio.opening import Opening, OpeningAnswers, OpeningState
from cis_mcp.stdio.wire import Wire
from cis_mcp.views.version import version
from engine.engine import Engine
from tests.cli.processes import ROOT, environment
from tests.cli.test_stdio_keys import key_for
from tests.support.handshakes import over_stdio
from tests.support.waiting import DEADLINE_S

NEWEST = "2025-11-25"
APPS = {"extensions": {"io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]}}}
CALL = {
    "jsonrpc": "2.0",
    "id": 3,
    "method": "tools/call",
    "params": {"name": "list_changes", "arguments": {}},
}
CLIENT = {"name": "t", "version": "1"}

HELD = """
import os, sys
class Held:
    def find_spec(self, name, path=None, target=None):
        if name == "mcp":
            os.read(int(sys.argv[1]), 1)
sys.meta_path.insert(0, Held())
from cis_mcp.cli.main import main
main(["serve"])
"""
"""A server that does not come to import the SDK before its first argument, a pipe, is closed."""


def lines(*messages: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(message).encode() + b"\n" for message in messages)


def answers(engine: Engine, wanted: Sequence[str]) -> OpeningAnswers:
    return OpeningAnswers(wanted, partial(instructions, engine.clock(), engine.local), version())


@contextmanager
def opening(engine: Engine, wanted: Sequence[str]) -> Iterator[tuple[Opening, BinaryIO, BinaryIO]]:
    """One at work, what its client writes to, and what it reads."""
    (incoming, writing), (reading, outgoing) = os.pipe(), os.pipe()
    with (
        os.fdopen(incoming, "rb", 0) as stdin,
        os.fdopen(outgoing, "wb", 0) as stdout,
        os.fdopen(writing, "wb", 0) as client_out,
        os.fdopen(reading, "rb") as client_in,
    ):
        yield Opening(Wire(stdin, stdout), answers(engine, wanted)), client_out, client_in


@pytest.mark.parametrize("capabilities", [{}, APPS], ids=["plain", "pages"])
@pytest.mark.parametrize(
    ("tier", "tools", "exclude", "read_only"),
    [
        ("core", "", "", False),
        ("extended", "", "", False),
        ("operator", "", "get_event,create_key", False),
        ("core", "", "", True),
        ("operator", "", "", True),
        ("core", "send_invite, list_quarantine,get_stats", "get_stats", False),
    ],
)
async def test_the_first_answers_are_those_of_the_server(
    engine: Engine, tier: Tier, tools: str, exclude: str, read_only: bool, capabilities: dict[str, Any]
) -> None:
    asked = handshake(NEWEST, capabilities)
    selection = Selection.of(tier, tools, exclude, read_only=read_only)
    theirs = await conversation(build_server(engine, actor=lambda: engine.local, selection=selection), asked)
    with opening(engine, [tool.name for tool in selection.listed]) as (one, to_it, from_it):
        to_it.write(lines(*asked, CALL))
        ours = [json.loads(await asyncio.to_thread(from_it.readline)) for _ in theirs]
        begun = await asyncio.to_thread(one.taken_over)
    assert ours == theirs
    # The server hears the handshake, and all that was not answered.
    assert begun == OpeningState(lines(*asked[:2], CALL), 1)


@pytest.mark.parametrize("spoken", ["2024-11-05", NEWEST, "2026-07-28", "1", 7])
@pytest.mark.parametrize(
    "rest",
    [
        {"capabilities": {}, "clientInfo": CLIENT},
        {"capabilities": {"roots": {"listChanged": True}, "sampling": {}}, "clientInfo": CLIENT},
        {"capabilities": {"roots": {"listChanged": [1]}}, "clientInfo": CLIENT},
        {
            "capabilities": {"elicitation": {"form": {}, "url": {}}, "experimental": {"x": {}}},
            "clientInfo": CLIENT,
        },
        {"capabilities": {"extensions": {"x/y": {"z": [1]}}, **APPS}, "clientInfo": {**CLIENT, "title": "T"}},
        {"capabilities": {"sampling": 1}, "clientInfo": CLIENT},
        {"capabilities": [], "clientInfo": CLIENT},
        {"capabilities": {}, "clientInfo": {"name": "t"}},
        {"capabilities": {}, "clientInfo": {"name": 1, "version": "1"}},
        {"capabilities": {}},
        {"capabilities": {}, "clientInfo": {**CLIENT, "icons": [{"src": "https://example.com/i.png"}]}},
        {"capabilities": {}, "clientInfo": CLIENT, "_meta": {}},
    ],
)
async def test_a_handshake_is_answered_as_the_server_does_or_left_to_it(
    engine: Engine, spoken: object, rest: dict[str, Any]
) -> None:
    asked = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": spoken, **rest}}
    (theirs,) = await conversation(build_server(engine, actor=lambda: engine.local), [asked])
    ours = answers(engine, [tool.name for tool in Selection().listed]).handshake(asked["params"])
    assert ours in (None, theirs.get("result"))
    if rest == {"capabilities": {}, "clientInfo": CLIENT} and spoken in {"2024-11-05", NEWEST}:
        assert ours is not None


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"[]",
        b"\xff\xff",
        b"[" * 10_000,
        b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
        b'{"jsonrpc":"2.0","id":true,"method":"initialize","params":{}}',
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
        lines(handshake(NEWEST, {"roots": {str(n): {} for n in range(2_000)}})[0]).strip(),
    ],
    ids=lambda line: repr(line[:30]),
)
async def test_what_is_no_plain_beginning_is_left_to_the_server_whole(engine: Engine, line: bytes) -> None:
    given = line + b"\n" + lines(CALL)
    with opening(engine, ["get_event"]) as (one, to_it, _):
        to_it.write(given)
        to_it.close()
        begun = await asyncio.to_thread(one.taken_over)
        left = await asyncio.to_thread(one.wire.incoming.read)
    assert begun.answered is None
    assert begun.incoming + left == given


async def test_tools_are_listed_while_the_server_is_not_yet_imported(tmp_path: Path) -> None:
    held, release = os.pipe()
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HELD, str(held)),
        **{"cwd": ROOT, "env": environment(tmp_path), "stdin": pipe, "stdout": pipe, "pass_fds": (held,)},
        limit=1024 * 1024,
    )
    os.close(held)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(lines(*handshake(NEWEST, {}), CALL))
    async with asyncio.timeout(DEADLINE_S):
        first, listed = [json.loads(await process.stdout.readline()) for _ in range(2)]
        assert (first["id"], listed["id"]) == (1, 2)
        assert [tool["name"] for tool in listed["result"]["tools"]] == [s.name for s in Selection().listed]
        os.close(release)
        called = json.loads(await process.stdout.readline())
        assert called["id"] == 3
        assert called["result"]["structuredContent"]["changes"] == []
        rest, _ = await process.communicate(b"")
    assert (rest, process.returncode) == (b"", 0)


async def test_the_bounds_of_a_key_shape_the_first_list(tmp_path: Path) -> None:
    key = await key_for(tmp_path, "--verbs", "read")
    async with over_stdio(tmp_path, CIS_KEY=key["key"]) as wire:
        said = await wire.shake_hands(NEWEST)
        listed = {tool["name"] for tool in (await wire.ask("tools/list"))["tools"]}
    assert "Your key has bounds" in said["instructions"]
    assert "get_event" in listed
    assert not {"create_event", "send_invite"} & listed
