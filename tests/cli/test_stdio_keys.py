"""`cis-mcp serve` over stdio with a key: it acts within the key's bounds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.cli.processes import ROOT, environment, run
from tests.support.forks import launching
from tests.support.waiting import DEADLINE_S


@asynccontextmanager
async def _client(folder: Path, *options: str, **values: str) -> AsyncIterator[Client]:
    launcher, *arguments = launching("serve", *options)
    command = StdioServerParameters(
        command=launcher,
        args=arguments,
        cwd=ROOT,
        env=environment(folder, **values),
    )
    async with Client(stdio_client(command), read_timeout_seconds=DEADLINE_S) as client:
        yield client


async def key_for(folder: Path, *options: str) -> dict[str, Any]:
    _, out, _ = await run(folder, "key", "create", "--json", "--horizon", "0", *options)
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize("how", ["CIS_KEY", "--key-file"])
async def test_a_server_with_a_key_acts_within_its_bounds(tmp_path: Path, how: str) -> None:
    key = await key_for(tmp_path, "--verbs", "create,send", "--to", "*@customer.com")
    file = tmp_path / "key"
    file.write_text(key["key"] + "\n")
    options, values = (
        (("--key-file", str(file)), {}) if how == "--key-file" else ((), {"CIS_KEY": key["key"]})
    )
    async with _client(tmp_path, *options, **values) as agent:
        assert "out_of_bounds" in (agent.instructions or "")
        names = {tool.name for tool in (await agent.list_tools()).tools}
        assert {"create_event", "send_invite"} <= names
        assert not {"update_event", "bulk_send"} & names
        given = {"summary": "x", "start": "2037-05-02T19:00:00Z", "duration": "PT1H", "timezone": "UTC"}
        made = await agent.call_tool("create_event", given)
        assert made.structured_content is not None
        uid = made.structured_content["event"]["uid"]
        refused = await agent.call_tool("send_invite", {"uid": uid, "email": "eve@evil.com"})
        assert refused.structured_content is not None
        assert refused.structured_content["bound"] == "to"
        await run(tmp_path, "key", "revoke", key["id"])
        with pytest.raises(MCPError, match="ended"):
            await agent.call_tool("get_event", {"uid": uid})


async def test_a_server_without_a_key_says_that_no_bounds_hold(tmp_path: Path) -> None:
    async with _client(tmp_path) as agent:
        assert "local operator: you have no bounds" in (agent.instructions or "")


async def test_a_key_that_lets_nobody_in_ends_the_server_at_once(tmp_path: Path) -> None:
    code, _, err = await run(tmp_path, "serve", CIS_KEY="cis_nothing")
    assert code == 2
    assert "not_allowed" in err
