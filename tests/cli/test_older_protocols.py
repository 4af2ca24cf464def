"""Clients that speak an older protocol are answered in it, over stdio and HTTP, and can use the tools."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from cis_mcp.mcp.tools import Selection
from cis_mcp.mcp.tools.catalog import SPECS
from tests.support.handshakes import Wire, over_http, over_stdio

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18")
EVENT = {"summary": "Opener", "start": "2037-05-02T19:00:00Z", "duration": "PT2H", "timezone": "UTC"}


@pytest.fixture(params=["stdio", "http"])
async def wire(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Wire]:
    """A connection on which nothing was said yet."""
    async with over_http(tmp_path) if request.param == "http" else over_stdio(tmp_path) as wire:
        yield wire


def _words(result: dict[str, Any]) -> str:
    """The text of an answer, which is all that the oldest clients read."""
    (content,) = result["content"]
    assert content["type"] == "text"
    return str(content["text"])


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_of_an_older_protocol_is_answered_in_it_and_shown_the_core_tools(
    wire: Wire, version: str
) -> None:
    said = await wire.shake_hands(version)
    assert said["protocolVersion"] == version
    assert said["serverInfo"]["name"]
    assert {"tools", "resources", "prompts"} <= set(said["capabilities"])
    tools = (await wire.ask("tools/list"))["tools"]
    # A key with bounds is shown those tools as well that tell what they refuse and hold.
    beside = {spec.name for spec in SPECS["extended"] if spec.beside}
    core = [tool["name"] for tool in tools if tool["name"] not in beside]
    assert set(core) == {spec.name for spec in SPECS["core"]}
    assert core == [spec.name for spec in Selection().listed]
    for tool in tools:
        assert tool["description"]
        assert tool["inputSchema"]["type"] == "object"


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_client_of_an_older_protocol_reads_what_it_made_and_why_it_is_refused(
    wire: Wire, version: str
) -> None:
    await wire.shake_hands(version)
    made = await wire.call("create_event", **EVENT)
    uid = made["structuredContent"]["event"]["uid"]
    assert made["structuredContent"]["event"]["id"] in _words(made)
    found = await wire.call("get_event", uid=uid)
    assert found["structuredContent"]["event"]["summary"] == "Opener"
    assert "Opener" in _words(found)
    assert "2037-05-02" in _words(found)
    refused = await wire.ask("tools/call", name="get_event", arguments={"uid": "x" * 40})
    assert refused["isError"] is True
    assert _words(refused).startswith("unknown_event: ")
