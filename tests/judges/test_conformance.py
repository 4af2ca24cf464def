"""The MCP conformance suite judges the server over HTTP: as it is (leg A), and with the suite's fixtures (leg B).

The suite is a judge of the protocol: most of its scenarios call tools, prompts and resources by fixed names. Leg A
may fail exactly those that need such a name (`BASELINE`, with the reasons); leg B adds the fixtures to the same
server, behind the same middleware and transport, and may fail nothing that the revision requires.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.support.ports import free_port, listens
from tests.support.waiting import DEADLINE_S, eventually

ROOT = Path(__file__).resolve().parents[2]
NODE = ROOT / ".judges/node_modules/node/bin/node"
SUITE = ROOT / ".judges/node_modules/@modelcontextprotocol/conformance/dist/index.js"
SCORED = {"2025-11-25": 30, "2026-07-28": 37}
_LINE = re.compile(r"^([✓✗]) ([a-z0-9-]+): \d+ passed, \d+ failed$", re.MULTILINE)
_UNSCORED = re.compile(r"^  [✓✗] ([a-z0-9-]+) \(", re.MULTILINE)

_FIXTURES = "calls fixtures of fixed names, which a calendar server has no reason to offer; leg B has them"
_ASKING = "no tool of ours asks the client for input in the middle of a call"
BASELINE = {
    **dict.fromkeys(
        (
            "tools-call-image",
            "tools-call-audio",
            "tools-call-embedded-resource",
            "tools-call-mixed-content",
            "tools-call-with-progress",
            "tools-call-with-logging",
            "resources-read-text",
            "resources-read-binary",
            "resources-subscribe",
            "resources-unsubscribe",
            "resources-templates-read",
            "prompts-get-simple",
            "prompts-get-with-args",
            "prompts-get-embedded-resource",
            "prompts-get-with-image",
            "server-stateless",
        ),
        _FIXTURES,
    ),
    **dict.fromkeys(
        (
            "tools-call-sampling",
            "tools-call-elicitation",
            "elicitation-sep1034-defaults",
            "elicitation-sep1330-enums",
            "input-required-result-basic-elicitation",
            "input-required-result-basic-sampling",
            "input-required-result-basic-list-roots",
            "input-required-result-request-state",
            "input-required-result-multiple-input-requests",
            "input-required-result-multi-round",
            "input-required-result-non-tool-request",
            "input-required-result-result-type",
            "input-required-result-tampered-state",
            "input-required-result-capability-check",
        ),
        _ASKING,
    ),
    "logging-set-level": "what the server logs is for its operator, not for the model",
}
"""Scenario → why the production server fails it."""


@pytest.fixture(autouse=True)
def _installed() -> None:
    if os.environ.get("CIS_JUDGES") != "required":
        pytest.skip("the conformance suite plays in CI alone: CIS_JUDGES=required")
    assert NODE.is_file(), "run make judges"
    assert SUITE.is_file(), "run make judges"


@asynccontextmanager
async def _serving(*command: str, folder: Path) -> AsyncIterator[None]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIS_")}
    environment["CIS_DATA_DIR"] = str(folder)
    quiet = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command, cwd=ROOT, env=environment, stdout=quiet, stderr=quiet
    )
    try:
        yield
    finally:
        server.terminate()
        await server.wait()


async def _judged(port: int, revision: str, folder: Path) -> dict[str, bool]:
    """Each scenario that `revision` requires, and whether it passed."""
    await eventually(lambda: listens(port))
    suite = await asyncio.create_subprocess_exec(
        *(NODE, SUITE, "server", "--url", f"http://127.0.0.1:{port}/mcp"),
        *("--requirements", revision, "-o", folder),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(suite.communicate(), 2 * DEADLINE_S)
    summary = output.decode().partition("=== SUMMARY ===")[2]
    extra = set(_UNSCORED.findall(summary))
    return {name: mark == "✓" for mark, name in _LINE.findall(summary) if name not in extra}


@pytest.mark.parametrize("revision", SCORED)
async def test_leg_a_the_server_fails_nothing_that_has_no_reason(revision: str, tmp_path: Path) -> None:
    port = free_port()
    command = ("cis_mcp", "serve", "--http", f"127.0.0.1:{port}", "--no-auth")
    async with _serving(*command, folder=tmp_path / "data"):
        judged = await _judged(port, revision, tmp_path / "out")
    failed = {name for name, passed in judged.items() if not passed}
    assert len(judged) == SCORED[revision]
    assert failed == set(BASELINE) & set(judged), "mend the server, or the baseline and its reasons"


@pytest.mark.parametrize("revision", SCORED)
async def test_leg_b_with_the_fixtures_everything_passes(revision: str, tmp_path: Path) -> None:
    port = free_port()
    async with _serving("tests.judges.conformance_server", str(port), folder=tmp_path / "data"):
        judged = await _judged(port, revision, tmp_path / "out")
    assert [name for name, passed in judged.items() if not passed] == []
    assert len(judged) == SCORED[revision]
