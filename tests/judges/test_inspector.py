"""The MCP Inspector reads our tools and calls each of the core, over stdio and HTTP, in both eras of the protocol."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cis_mcp.mcp.tools.catalog import SPECS
from tests.cli.processes import run, serving
from tests.support.waiting import DEADLINE_S

ROOT = Path(__file__).resolve().parents[2]
INSPECTOR = ROOT / ".judges/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js"
NODE = shutil.which("node")


def _inspect(
    era: str, folder: Path, *arguments: str, http: tuple[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """One run of the Inspector, over stdio, or over HTTP at the address and with the key of `http`."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CIS_")}
    environment["MCP_INSPECTOR_SECRET_STORE"] = "memory"
    # The Inspector hands little of its own environment on to a server that it starts.
    server = [sys.executable, "-m", "cis_mcp", "serve", "-e", f"CIS_DATA_DIR={folder}"]
    if http is not None:
        server = [http[0], "--transport", "http", "--header", f"Authorization: Bearer {http[1]}"]
    command = [
        *(str(NODE), str(INSPECTOR), "--cli", "--protocol-era", era),
        *server,
        *arguments,
        *("--format", "json", "--connect-timeout", str(1_000 * DEADLINE_S)),
    ]
    return subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )


@pytest.fixture(autouse=True)
def _installed() -> None:
    if os.environ.get("CIS_JUDGES") != "required":
        pytest.skip("the Inspector plays in CI alone: CIS_JUDGES=required")
    assert NODE, "run make judges"
    assert INSPECTOR.is_file(), "run make judges"


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_finds_no_fault_in_the_tool_list(era: str, tmp_path: Path) -> None:
    run = _inspect(era, tmp_path, "--method", "tools/list", "--strict")
    assert run.returncode == 0, run.stdout + run.stderr
    assert len(json.loads(run.stdout)["result"]["tools"]) == len(SPECS["core"])


@pytest.mark.parametrize("era", ["legacy", "modern"])
async def test_the_inspector_finds_no_fault_in_the_tool_list_over_http(era: str, tmp_path: Path) -> None:
    _, key, _ = await run(tmp_path, "key", "create", "--horizon", "0")
    async with serving(tmp_path, "--http", "127.0.0.1:0") as (address, _):
        asked, target = ("--method", "tools/list", "--strict"), (f"{address}/mcp", key.strip())
        listed = await asyncio.to_thread(_inspect, era, tmp_path, *asked, http=target)
    assert listed.returncode == 0, listed.stdout + listed.stderr
    names = [tool["name"] for tool in json.loads(listed.stdout)["result"]["tools"]]
    beside = {spec.name for spec in SPECS["operator"] if spec.beside}
    assert [name for name in names if name not in beside] == [spec.name for spec in SPECS["core"]]


def test_the_inspector_creates_an_event_and_is_told_of_a_refusal(tmp_path: Path) -> None:
    call = ("--method", "tools/call", "--tool-name")
    created = _inspect("modern", tmp_path, *call, "create_event", *_given(*EVENT))
    assert created.returncode == 0, created.stdout + created.stderr
    assert '"weekday"' in created.stdout
    refused = _inspect("modern", tmp_path, *call, "get_event", *_given("uid=" + "x" * 40))
    assert refused.returncode == 5, refused.stdout + refused.stderr
    assert "unknown_event" in refused.stdout


def _given(*arguments: str) -> list[str]:
    return [piece for argument in arguments for piece in ("--tool-arg", argument)]


EVENT = ("summary=Match", "start=2031-05-02T19:00:00", "duration=PT2H", "timezone=Europe/Paris")
CALLS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("create_event", EVENT, "event"),
    ("get_event", ("uid={uid}",), "event"),
    ("search_events", ("query=match",), "events"),
    ("update_event", ("uid={uid}", "location=Hall 2"), "changed"),
    ("send_invite", ("uid={uid}", "email=ann@example.com", "wait_s=20"), "status"),
    ("bulk_send", ("uid={uid}", "csv=email\nbob@example.com"), "campaign"),
    ("get_campaign", ("campaign_id={campaign}",), "campaign"),
    ("control_campaign", ("campaign_id={campaign}", "action=start", "confirm_token={token}"), "campaign"),
    ("get_stats", ("scope=event", "key={uid}"), "attendees"),
    ("list_attendees", ("uid={uid}",), "attendees"),
    ("send_report", ("uid={uid}",), "rows"),
    ("get_attendee", ("uid={uid}", "email=ann@example.com"), "messages"),
    ("list_changes", (), "changes"),
    ("remind", ("uid={uid}", "dry_run=true"), "left_out"),
    ("withdraw_invite", ("uid={uid}", "email=ann@example.com"), "mailed"),
    ("answer_proposal", ("uid={uid}", "email=ann@example.com", "answer=decline"), "unknown_proposal"),
    ("cancel_event", ("uid={uid}", "audience=none"), "event"),
)
WAYS = (("stdio", "legacy"), ("http", "modern"), ("stdio", "modern"), ("http", "legacy"))
TURNS = range(4) if os.environ.get("CIS_SOAK") else range(1)


@pytest.mark.parametrize("turn", TURNS)
async def test_the_inspector_calls_every_core_tool(turn: int, tmp_path: Path) -> None:
    """Three tools go each way; with CIS_SOAK=1 every tool goes all four."""
    assert {name for name, _, _ in CALLS} == {spec.name for spec in SPECS["core"]}
    known: dict[str, str] = {}
    _, key, _ = await run(tmp_path, "key", "create", "--horizon", "0")
    async with serving(tmp_path, "--http", "127.0.0.1:0") as (address, _):
        for number, (tool, arguments, field) in enumerate(CALLS):
            transport, era = WAYS[(number + turn) % len(WAYS)]
            filled = [argument.format(**known) for argument in arguments]
            call = ("--method", "tools/call", "--tool-name", tool, *_given(*filled))
            target = (f"{address}/mcp", key.strip()) if transport == "http" else None
            called = await asyncio.to_thread(_inspect, era, tmp_path, *call, http=target)
            refused = field == "unknown_proposal"
            assert called.returncode == (5 if refused else 0), called.stdout + called.stderr
            if refused:
                assert field in called.stdout
                continue
            found = _structured(json.loads(called.stdout))
            assert field in found
            known |= _names_in(found)


def _structured(answer: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = answer.get("result", answer)["structuredContent"]
    return result


def _names_in(found: dict[str, Any]) -> dict[str, str]:
    """What later calls need."""
    event, campaign = found.get("event") or {}, found.get("campaign") or {}
    names = {"uid": event.get("uid"), "campaign": campaign.get("id"), "token": campaign.get("confirm_token")}
    return {name: value for name, value in names.items() if value}


@pytest.mark.parametrize("era", ["legacy", "modern"])
def test_the_inspector_finds_the_page_of_each_tool_that_has_one(era: str, tmp_path: Path) -> None:
    run = _inspect(era, tmp_path, "--method", "tools/list", "--app-info", "--advertise-apps")
    assert run.returncode == 0, run.stdout + run.stderr
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert {one["resourceMimeType"] for one in found if one["hasApp"]} == {"text/html;profile=mcp-app"}
    pages = {one["toolName"]: one["resourceUri"] for one in found if one["hasApp"]}
    assert pages["get_stats"] == pages["get_campaign"] == "ui://cis/dashboard.html"
    assert pages["search_events"] == "ui://cis/picker.html"
    plain = _inspect(era, tmp_path, "--method", "tools/list", "--app-info")
    assert '"hasApp":true' not in plain.stdout
