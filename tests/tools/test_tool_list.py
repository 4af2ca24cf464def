"""The list of tools as a client gets it: which there are in each tier, what they promise, how much there is to read."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from mcp.shared.inbound import x_mcp_header_map
from mcp.types import Tool

from cis_mcp.mcp.server import build_server
from cis_mcp.mcp.tools import Tier
from cis_mcp.mcp.tools.catalog import EVERY
from engine.engine import Engine
from engine.model.bounds import DEFAULT_VERBS
from engine.model.verbs import verbs_of
from tests.tools import golden
from tests.tools.caller import Mode, calling

CORE = [
    "create_event",
    "update_event",
    "cancel_event",
    "get_event",
    "search_events",
    "send_invite",
    "remind",
    "withdraw_invite",
    "answer_proposal",
    "bulk_send",
    "get_campaign",
    "control_campaign",
    "get_stats",
    "list_attendees",
    "send_report",
    "get_attendee",
    "list_changes",
]
EXTENDED = [
    *CORE,
    "import_calendar",
    "create_page",
    "update_page",
    "publish_events",
    "list_pages",
    "create_link",
    "update_link",
    "set_landing_hosts",
    "list_links",
    "preview_invite",
    "list_suppressions",
    "suppress",
    "unsuppress",
    "create_trigger",
    "list_triggers",
    "test_trigger",
    "list_deliveries",
    "replay_delivery",
    "make_trigger_live",
    "fire_trigger",
    "create_webhook",
    "list_webhooks",
    "control_webhook",
    "list_postings",
    "replay_posting",
    "list_organizers",
    "list_record",
    "list_messages",
    "read_message",
    "reply_message",
    "explain_refusal",
    "get_held_action",
    "undo",
    "decide_held_action",
    "stop_sending",
    "create_key",
]
OPERATOR = [
    *EXTENDED,
    "list_quarantine",
    "show_quarantined",
    "release_quarantined",
    "drop_quarantined",
    "register_organizer",
    "suspend_organizer",
    "resume_organizer",
    "set_organizer_approval",
    "list_keys",
    "revoke_key",
    "check_server",
    "get_settings",
    "set_organizer",
    "forget_person",
    "export_person",
]
NAMES: dict[Tier, list[str]] = {"core": CORE, "extended": EXTENDED, "operator": OPERATOR}
READING = {
    *("get_event", "search_events", "get_campaign", "get_stats", "list_attendees", "get_attendee"),
    *("list_changes", "list_quarantine", "show_quarantined", "list_keys"),
    *("check_server", "get_settings", "list_record", "list_pages", "list_suppressions", "get_held_action"),
    *("export_person", "list_messages", "read_message", "explain_refusal"),
    *(
        "list_triggers",
        "test_trigger",
        "list_deliveries",
        "list_webhooks",
        "list_postings",
        "list_organizers",
    ),
    *("list_links", "preview_invite"),
}
TOOLS_MAX = 17
TOKENS_MAX = 6_500
"""Of the core's list, at four characters a token: every model that connects reads all of it."""

BOUNDED_TOKENS_MAX = 7_300
"""Of the core's list and what stands beside it for a key with bounds."""

TIERS: list[Tier] = ["core", "extended", "operator"]


async def _listed(engine: Engine, tier: Tier, mode: Mode = "auto") -> list[Tool]:
    async with calling(engine, mode, tier=tier) as caller:
        return (await caller.client.list_tools()).tools


def _dumped(tools: list[Tool]) -> list[dict[str, Any]]:
    return [golden.dumped(tool) for tool in tools]


@pytest.mark.parametrize("tier", TIERS)
async def test_each_tier_has_exactly_its_tools(engine: Engine, mode: Mode, tier: Tier) -> None:
    assert [tool.name for tool in await _listed(engine, tier, mode)] == NAMES[tier]


async def test_without_a_tier_there_is_the_core(engine: Engine) -> None:
    server = build_server(engine, actor=lambda: engine.local)
    assert [tool.name for tool in await server.list_tools()] == CORE
    assert len(CORE) <= TOOLS_MAX


async def test_the_core_is_read_within_its_budget(engine: Engine, mode: Mode) -> None:
    size = golden.size(_dumped(await _listed(engine, "core", mode)))
    tokens = size / golden.CHARACTERS_A_TOKEN
    assert tokens <= TOKENS_MAX, f"tools/list of the core: {size} characters, {tokens} tokens"


async def test_what_a_key_with_bounds_reads_besides_is_within_its_budget(engine: Engine) -> None:
    beside = {name for name, spec in EVERY.items() if spec.beside and verbs_of(spec.scopes) <= DEFAULT_VERBS}
    assert {"explain_refusal", "get_held_action"} <= beside
    read = [tool for tool in await _listed(engine, "operator") if tool.name in {*CORE, *beside}]
    assert len(read) == len(CORE) + len(beside)
    tokens = golden.size(_dumped(read)) / golden.CHARACTERS_A_TOKEN
    assert tokens <= BOUNDED_TOKENS_MAX, f"{tokens} tokens"


async def test_what_clients_read_of_each_tool_is_as_it_was(engine: Engine) -> None:
    held, wanted = golden.held(), await golden.wanted(engine)
    assert held.keys() == wanted.keys(), "renew the golden copies with “make snapshots”"
    changed = [name for name in wanted if held[name] != wanted[name]]
    assert not changed, "look whether that is meant, then “make snapshots”"


async def test_no_tool_asks_for_its_arguments_in_headers(engine: Engine) -> None:
    """Else the server would have to hold the headers of a call against its schema, which it saves itself."""
    tools = await _listed(engine, "operator")
    assert {tool.name for tool in tools} == set(EVERY)
    assert [tool.name for tool in tools if x_mcp_header_map(tool.input_schema)] == []


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
    listed = await _listed(engine, "operator")
    assert {t.name for t in listed if t.annotations and t.annotations.read_only_hint} == READING


@pytest.mark.parametrize("tier", TIERS)
async def test_results_are_listed_by_name_and_type_and_what_is_nested_is_open(
    engine: Engine, tier: Tier
) -> None:
    for tool in _dumped(await _listed(engine, tier)):
        schema = tool["outputSchema"]
        assert set(schema) == {"properties", "type"}
        assert schema["properties"], tool["name"]
        assert all(set(node) == {"type"} for node in schema["properties"].values()), tool["name"]


async def test_the_origins_are_spelled_out_once(engine: Engine) -> None:
    listed = json.dumps(_dumped(await _listed(engine, "core")))
    assert listed.count("mailchimpcta") == 1


@pytest.mark.parametrize("tier", TIERS)
async def test_instructions_speak_of_the_tools_that_there_are_and_of_no_others(
    engine: Engine, mode: Mode, tier: Tier
) -> None:
    async with calling(engine, mode, tier=tier) as caller:
        words = caller.client.instructions or ""
    assert ("import_calendar" in words) is (tier != "core")
    named = set(re.findall(r"[a-z]+_[a-z_]+", words)) & set(EVERY)
    assert named
    assert named <= set(NAMES[tier])


@pytest.mark.parametrize("tier", TIERS)
async def test_every_description_leads_on_to_tools_that_exist(engine: Engine, tier: Tier) -> None:
    listed = await _listed(engine, tier)
    schemas = json.dumps(_dumped(listed))
    for tool in listed:
        words = set(re.findall(r"\b[a-z]+_[a-z]+\b", tool.description or ""))
        assert all(word in NAMES[tier] or f'"{word}"' in schemas for word in words), (tool.name, words)
