"""What a key lets its agent see and call over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cis_mcp.mcp.tools import Selection
from cis_mcp.mcp.tools.catalog import EVERY, SPECS
from engine.engine import Engine
from engine.model.bounds import DEFAULT_VERBS
from engine.model.verbs import verbs_of
from tests.cli.processes import run
from tests.support.webs import Mode, client, key_for, served

_BESIDE = {spec.name for spec in EVERY.values() if spec.beside and verbs_of(spec.scopes) <= DEFAULT_VERBS}
"""What every key with bounds is listed beside the tools of its tier."""
CORE, EXTENDED = (
    _BESIDE | {spec.name for spec in SPECS[tier] if verbs_of(spec.scopes) <= DEFAULT_VERBS}
    for tier in ("core", "extended")
)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_key_sees_the_tools_of_its_own_tier(engine: Engine, mode: Mode) -> None:
    core, extended = await key_for(engine, tier="core"), await key_for(engine, tier="extended")
    async with served(engine, selection=Selection(tier="operator")) as address:
        for key, expected in ((core, CORE), (extended, EXTENDED)):
            async with client(address, key, mode) as agent:
                assert {tool.name for tool in (await agent.list_tools()).tools} == expected


async def test_a_key_adds_nothing_to_what_the_server_offers(engine: Engine) -> None:
    key = await key_for(engine, tier="operator")
    async with served(engine) as address, client(address, key) as agent:
        assert {tool.name for tool in (await agent.list_tools()).tools} == CORE


async def test_a_key_that_only_reads_has_only_tools_that_read(engine: Engine) -> None:
    key = await key_for(engine, read_only=True)
    async with served(engine) as address, client(address, key) as agent:
        tools = (await agent.list_tools()).tools
        assert tools
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in tools)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_tool_that_a_key_may_not_use_is_as_unknown_as_one_that_is_not_there(
    engine: Engine, mode: Mode
) -> None:
    key = await key_for(engine, tools=("get_event", "search_events"))
    arguments: dict[str, Any] = {"summary": "x", "start": "2037-05-02T19:00:00Z", "duration": "PT1H"}
    async with served(engine) as address, client(address, key, mode) as agent:
        assert {tool.name for tool in (await agent.list_tools()).tools} == {"get_event", "search_events"}
        hidden = await agent.call_tool("create_event", arguments)
        missing = await agent.call_tool("create_evening", arguments)
        assert hidden.is_error
        assert missing.is_error
        assert hidden.structured_content and missing.structured_content
        assert hidden.structured_content["code"] == missing.structured_content["code"]
        assert (await agent.call_tool("search_events", {})).structured_content["events"] == []


async def test_the_command_line_makes_a_narrow_key_and_shows_it(tmp_path: Path) -> None:
    code, _, line = await run(
        tmp_path,
        *("key", "create", "--tier", "extended", "--read-only", "--tools", "get_event,get_stats"),
    )
    assert code == 0
    _, listed, _ = await run(tmp_path, "key", "list")
    for shown in (line, listed):
        assert "tier extended, only get_event,get_stats, read only" in shown


async def test_a_key_for_a_tool_that_is_not_there_is_refused_with_the_nearest(tmp_path: Path) -> None:
    code, out, err = await run(tmp_path, "key", "create", "--tools", "get_events")
    assert (code, out) == (2, "")
    assert "get_event" in err
