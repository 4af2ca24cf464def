"""What a server loads before it is asked for anything, and for its first call."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cis_mcp.mcp.tools import LISTED
from tests.cli.processes import ROOT, environment

_LOADED = "import sys; import cis_mcp.run.runtime, cis_mcp.stdio.serve; print(*sys.modules)"
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


def test_a_server_on_stdio_starts_without_what_it_may_never_need() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], cwd=ROOT, capture_output=True, check=True)
    assert not _LATER & set(done.stdout.decode().split())


_SERVED = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=open(sys.argv[1], "w")))
from cis_mcp.cli.main import main
main(["serve"])
"""
_START = "2031-05-02T19:00"
_EVENT = {"summary": "Game", "start": _START, "end": "2031-05-02T21:00", "timezone": "Europe/Paris"}


def _loaded_for(folder: Path, tool: str, arguments: dict[str, object]) -> set[str]:
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


@pytest.mark.parametrize(
    ("tool", "arguments", "modules"),
    [("get_stats", {"scope": "system"}, {"reports"}), ("create_event", _EVENT, {"events", "proposals"})],
)
def test_the_first_call_imports_what_its_tool_is_made_of_and_no_other_tool(
    tool: str, arguments: dict[str, object], modules: set[str], tmp_path: Path
) -> None:
    loaded = _loaded_for(tmp_path, tool, arguments)
    assert loaded & _TOOLS == {f"cis_mcp.mcp.tools.{module}" for module in modules}
    assert sorted(loaded & _LATER) == []
