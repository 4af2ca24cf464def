"""What a server loads before it is asked for anything, and for its first call."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from cis_mcp.mcp.tools import LISTED
from tests.cli.processes import ROOT, environment

_LATER = {
    "botocore",
    "dkim",
    "email_validator",
    "engine.aws.client",
    "engine.commands.pages.links",
    "engine.inbox.routes.create",
    "engine.inbox.sources.imap",
    "engine.inbox.sources.sqs",
    "engine.outbox.ses",
    "engine.search.asking",
    "engine.triggers.lookups",
    "h11",
    "httpcore",
    "icalendar",
    "imapclient",
    "jinja2",
    "rich",
    "spf",
    "xml.etree.ElementTree",
}
"""What only a rule, a search, a page, a mail or another setting needs."""


_SERVED = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=open(sys.argv[1], "w")))
from cis_mcp.cli.main import main
main(["serve"])
"""
_START = "2031-05-02T19:00"
_EVENT = {"summary": "Game", "start": _START, "end": "2031-05-02T21:00", "timezone": "Europe/Paris"}
_CALLS = {"get_stats": {"scope": "system"}, "create_event": _EVENT}


def _loaded_for(folder: Path, tool: str, arguments: dict[str, str]) -> set[str]:
    """The modules of a server that was asked for its tools, and for this one call."""
    params = {
        "initialize": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": _CLIENT},
        "tools/list": {},
        "tools/call": {"name": tool, "arguments": arguments},
    }
    noted = folder / "modules"
    command = [sys.executable, "-c", _SERVED, str(noted)]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(folder / "data"), stdin=pipe, stdout=pipe
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        answer: dict[str, object] = {}
        for number, (method, given) in enumerate(params.items(), 1):
            asked = {"jsonrpc": "2.0", "id": number, "method": method, "params": given}
            server.stdin.write(json.dumps(asked).encode() + b"\n")
            server.stdin.flush()
            answer = json.loads(server.stdout.readline())["result"]
        server.stdin.close()
    assert not answer["isError"], answer
    return set(noted.read_text().split())


_TOOLS = {tool.module for tool in LISTED.values()}
_CLIENT = {"name": "t", "version": "1"}


@pytest.fixture(scope="module")
def loaded_for(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], set[str]]:
    """What a server has loaded that was asked for its tools, and for a call of this one; each is started once."""
    return cache(lambda tool: _loaded_for(tmp_path_factory.mktemp(tool), tool, _CALLS[tool]))


def test_a_server_on_stdio_starts_without_what_it_may_never_need(
    loaded_for: Callable[[str], set[str]],
) -> None:
    loaded = loaded_for("get_stats")
    assert {"cis_mcp.run.runtime", "cis_mcp.stdio.serve"} <= loaded
    assert not _LATER & loaded


@pytest.mark.parametrize(
    ("tool", "modules"), [("get_stats", {"reports"}), ("create_event", {"events", "proposals"})]
)
def test_the_first_call_imports_what_its_tool_is_made_of_and_no_other_tool(
    tool: str, modules: set[str], loaded_for: Callable[[str], set[str]]
) -> None:
    loaded = loaded_for(tool)
    assert loaded & _TOOLS == {f"cis_mcp.mcp.tools.{module}" for module in modules}
    assert sorted(loaded & _LATER) == []
