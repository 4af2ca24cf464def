"""The list of tools as a client gets it: which there are in each tier, what they promise, how much there is to read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mcp.types import Tool

from cis_mcp.server import build_server
from cis_mcp.tools import Tier
from engine.engine import Engine
from tests.tools.caller import Mode, calling

CORE = [
    "create_event",
    "update_event",
    "cancel_event",
    "get_event",
    "search_events",
    "send_invite",
    "bulk_send",
    "get_campaign",
    "control_campaign",
    "get_stats",
    "list_attendees",
    "send_report",
]
EXPLAINING = ["explain_send", "import_calendar"]
QUARANTINE = ["list_quarantine", "show_quarantined", "release_quarantined", "drop_quarantined"]
NAMES: dict[Tier, list[str]] = {"core": CORE, "extended": [*CORE, *EXPLAINING, *QUARANTINE]}
READING = {
    *("get_event", "search_events", "get_campaign", "get_stats", "list_attendees", "explain_send"),
    *QUARANTINE[:2],
}
TOKENS_MAX = 6_000
"""Of the core's list, at four characters a token: every model that connects reads all of it."""

TIERS: list[Tier] = ["core", "extended"]


async def _listed(engine: Engine, tier: Tier, mode: Mode = "auto") -> list[Tool]:
    async with calling(engine, mode, tier=tier) as caller:
        return (await caller.client.list_tools()).tools


def _dumped(tools: list[Tool]) -> list[dict[str, Any]]:
    return [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]


@pytest.mark.parametrize("tier", TIERS)
async def test_each_tier_has_exactly_its_tools(engine: Engine, mode: Mode, tier: Tier) -> None:
    assert [tool.name for tool in await _listed(engine, tier, mode)] == NAMES[tier]


async def test_without_a_tier_there_are_the_twelve_of_the_core(engine: Engine) -> None:
    server = build_server(engine, actor=lambda: engine.local)
    assert [tool.name for tool in await server.list_tools()] == CORE
    assert len(CORE) == 12


async def test_the_core_is_read_within_its_budget(engine: Engine, mode: Mode) -> None:
    dumped = _dumped(await _listed(engine, "core", mode))
    size = len(json.dumps({"tools": dumped}, separators=(",", ":"), ensure_ascii=False))
    assert size / 4 <= TOKENS_MAX, f"tools/list of the core: {size} characters, {size // 4} tokens"


@pytest.mark.parametrize("tier", TIERS)
async def test_every_tool_sets_all_hints_and_describes_itself(engine: Engine, tier: Tier) -> None:
    for tool in await _listed(engine, tier):
        assert tool.annotations is not None
        hints = tool.annotations.model_dump(exclude={"title"})
        assert len(hints) == 4
        assert None not in hints.values(), tool.name
        assert tool.title
        assert len(tool.description or "") > 40
        assert tool.output_schema is not None


@pytest.mark.parametrize("tier", TIERS)
async def test_argument_schemas_are_closed_and_without_references(engine: Engine, tier: Tier) -> None:
    for tool in await _listed(engine, tier):
        assert tool.input_schema["additionalProperties"] is False
        assert "$ref" not in json.dumps(tool.input_schema), tool.name


async def test_reading_tools_say_that_they_read_and_no_others(engine: Engine) -> None:
    listed = await _listed(engine, "extended")
    assert {t.name for t in listed if t.annotations and t.annotations.read_only_hint} == READING


@pytest.mark.parametrize("tier", TIERS)
async def test_a_schema_that_points_to_another_tool_points_to_one_that_spells_it_out(
    engine: Engine, tier: Tier
) -> None:
    listed = {tool["name"]: tool for tool in _dumped(await _listed(engine, tier))}
    pointed = {
        (field, words.removeprefix("as ").removesuffix(" gives it"))
        for tool in listed.values()
        for field, schema in tool["outputSchema"]["properties"].items()
        if (words := schema.get("description", "")).endswith(" gives it")
    }
    assert pointed
    for field, name in pointed:
        schema = json.dumps(listed[name]["outputSchema"])
        assert "$defs" in schema or field == "statistics"
        assert "gives it" not in json.dumps(listed[name]["outputSchema"]["properties"].get(field, {}))


async def test_the_extended_tier_is_told_of_in_the_instructions_and_only_there(
    engine: Engine, mode: Mode
) -> None:
    for tier in TIERS:
        async with calling(engine, mode, tier=tier) as caller:
            assert ("explain_send" in (caller.client.instructions or "")) is (tier == "extended")
