"""The MCP Inspector reads our tool list over stdio, in both eras of the protocol, and finds nothing wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSPECTOR = ROOT / ".judges/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
NODE = shutil.which("node")


def _inspect(era: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIS_")}
    environment |= {"CIS_DATA_DIR": str(folder), "MCP_INSPECTOR_SECRET_STORE": "memory"}
    server = [sys.executable, "-m", "cis_mcp", "serve"]
    command = [
        str(NODE),
        str(INSPECTOR),
        "--cli",
        "--protocol-era",
        era,
        *server,
        *arguments,
        "--format",
        "json",
    ]
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(autouse=True)
def _installed() -> None:
    if NODE and INSPECTOR.is_file():
        return
    assert os.environ.get("CIS_JUDGES") != "required", "the Inspector is not installed: run make judges"
    pytest.skip("the Inspector is not installed: run make judges")


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_finds_no_fault_in_the_tool_list(era: str, tmp_path: Path) -> None:
    run = _inspect(era, tmp_path, "--method", "tools/list", "--strict")
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(json.loads(run.stdout)["result"]["tools"]) == 12


def test_the_inspector_creates_an_event_and_is_told_of_a_refusal(tmp_path: Path) -> None:
    call = ("--method", "tools/call", "--tool-name")
    event = ("summary=Match", "start=2031-05-02T19:00:00", "duration=PT2H", "timezone=Europe/Paris")
    created = _inspect("modern", tmp_path, *call, "create_event", *_given(*event))
    assert created.returncode == 0, created.stdout + created.stderr
    assert '"weekday"' in created.stdout
    refused = _inspect("modern", tmp_path, *call, "get_event", *_given("uid=" + "x" * 40))
    assert refused.returncode == 5, refused.stdout + refused.stderr
    assert "unknown_event" in refused.stdout


def _given(*arguments: str) -> list[str]:
    return [piece for argument in arguments for piece in ("--tool-arg", argument)]
