"""Arguments in the shapes that clients and models give them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from mcp.types import CallToolResult

from cis_mcp.mcp.tools.arguments import parse
from cis_mcp.mcp.tools.catalog import EVERY
from cis_mcp.mcp.tools.schema import argument_schema
from engine.engine import Engine
from tests.tools.caller import Mode, calling, text_of

TIMES = {"start": "2027-05-02T19:00:00", "duration": "PT2H", "timezone": "America/New_York"}
ADDED = {"toolCallId": "call_1", "tool": "x", "sessionId": "s", "action": "sendMessage", "chatInput": "Hi"}
OPTIONAL = [
    (name, field)
    for name, spec in EVERY.items()
    for field, info in spec.arguments.model_fields.items()
    if not info.is_required()
]
GIVEN = {
    "scope": "system",
    "action": "pause",
    "answer": "accept",
    "on": "true",
    "decision": "approve",
    "sender": "stripe",
    "payload": {"id": "1"},
}
REQUIRED = {
    name: {
        field: {"uid": "x", "email": "ann@example.com", "summary": "S", "start": "2027-05-02T19:00:00Z"}.get(
            field,
            GIVEN.get(field, "x"),
        )
        for field, info in spec.arguments.model_fields.items()
        if info.is_required()
    }
    for name, spec in EVERY.items()
}


async def test_what_clients_add_to_every_call_is_passed_over_and_said(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        result = await caller.client.call_tool("create_event", {"summary": "S", **TIMES, **ADDED})
        assert isinstance(result, CallToolResult)
        assert not result.is_error
        last = text_of(result).splitlines()[-1]
        assert all(name in last for name in ADDED)
        refused = await caller.client.call_tool(
            "create_event", {"summary": "S", **TIMES, **ADDED, "colour": "red"}
        )
        assert isinstance(refused, CallToolResult)
    assert "create_event has no argument “colour”" in text_of(refused)
    assert "toolCallId" not in text_of(refused)


async def test_an_argument_of_the_tool_itself_is_never_passed_over(engine: Engine) -> None:
    async with calling(engine) as caller:
        assert (
            await caller.code("control_campaign", campaign_id="x", action="sendMessage") == "invalid_argument"
        )


@pytest.mark.parametrize(("tool", "name"), OPTIONAL)
@pytest.mark.parametrize("nothing", [None, "", " "])
def test_null_and_an_empty_text_are_left_out_for_every_optional_argument(
    tool: str, name: str, nothing: object
) -> None:
    model = EVERY[tool].arguments
    without = _parsed(tool, REQUIRED[tool])
    field = model.model_fields[name]
    if nothing is not None and field.annotation not in {str, str | None}:
        return
    assert _parsed(tool, {**REQUIRED[tool], name: nothing}) == without


def _parsed(tool: str, given: dict[str, Any]) -> dict[str, Any]:
    return parse(tool, EVERY[tool].arguments, given).model_dump()


async def test_an_empty_text_empties_nothing_and_clear_does(engine: Engine) -> None:
    full = {"location": "Hall 1", "description": "Bring a ball", "url": "https://example.com/x"}
    async with calling(engine) as caller:
        uid = await caller.event(**full, recurrence="FREQ=WEEKLY;COUNT=3")
        empty = dict.fromkeys([*full, "recurrence", "organizer_name", "summary", "start"], "")
        kept = await caller.ok("update_event", uid=uid, **empty)
        assert kept["changed"] == []
        assert kept["event"]["recurrence"] == "FREQ=WEEKLY;COUNT=3"
        cleared = await caller.ok("update_event", uid=uid, clear=["location", "url"], location="")
        assert (cleared["event"]["location"], cleared["event"]["url"]) == ("", "")
        assert cleared["event"]["description"] == "Bring a ball"
        once = await caller.ok("update_event", uid=uid, clear=["recurrence"])
        assert once["event"]["recurrence"] == ""
        both = await caller.refused("update_event", uid=uid, clear=["location"], location="Hall 2")
        assert "“location” is both given and named in clear" in both["message"]
        assert await caller.code("update_event", uid=uid, clear=["summary"]) == "invalid_argument"


@pytest.mark.parametrize("word", ["null", "None", "undefined", "NULL", ["null"], ["None"]])
async def test_a_word_that_stands_for_nothing_is_no_value(engine: Engine, word: object) -> None:
    async with calling(engine) as caller:
        for name in ("summary", "location", "description", "url", "recurrence", "organizer_name"):
            refusal = await caller.refused("create_event", **{"summary": "S", **TIMES, name: word})
            assert f"“{name}” stands for no value" in refusal["message"]
        uid = await caller.event()
        assert (
            await caller.code("send_invite", uid=uid, email="ann@example.com", name=word)
            == "invalid_argument"
        )
        people = [{"email": "ann@example.com", "name": word}]
        assert await caller.code("bulk_send", uid=uid, recipients=people) == "invalid_argument"
        assert (await caller.ok("update_event", uid=uid, audience="none", dry_run=True))["changed"] == []


async def test_a_list_with_such_a_word_for_a_name_invites_a_person_without_one(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        csv = "email,name\nann@example.com,null\nbob@example.com,undefined\n"
        await caller.ok("bulk_send", uid=uid, csv=csv, start=True)
        assert (await caller.ok("bulk_send", uid=uid, csv=csv.replace("@", "2@")))["campaign"]["valid"] == 2


async def test_the_shapes_of_googles_calendar_are_understood(engine: Engine) -> None:
    async with calling(engine) as caller:
        data = await caller.ok(
            "create_event",
            summary="S",
            start={"dateTime": "2027-05-02T19:00:00", "timeZone": "America/New_York"},
            end={"dateTime": "2027-05-02T21:00:00", "timeZone": "America/New_York"},
            recurrence=["RRULE:FREQ=WEEKLY;COUNT=3"],
        )
        assert data["event"]["start"]["local"] == "2027-05-02T19:00:00-04:00"
        assert data["event"]["recurrence"] == "FREQ=WEEKLY;COUNT=3"
        days = await caller.ok(
            "create_event",
            summary="S",
            start={"date": "2027-05-02"},
            timezone="Europe/Berlin",
            all_day="true",
        )
        assert days["event"]["all_day"] is True
        for name, wrong in (
            ("end", {"dateTime": "2027-05-02T21:00:00", "timeZone": "Europe/Paris"}),
            ("recurrence", ["RRULE:FREQ=DAILY;COUNT=3", "EXDATE:20270503T190000Z"]),
        ):
            refusal = await caller.refused(
                "create_event", **{"summary": "S", **TIMES, "duration": None, name: wrong}
            )
            assert refusal["problems"][0]["field"] == name
            assert refusal["problems"][0]["example"]


async def test_people_may_be_a_list_of_addresses_one_person_or_json(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event()
        for recipients in (
            ["ann@example.com", "Bob Example <bob@example.com>"],
            json.dumps(["ann@example.com", "bob@example.com"]),
            [{"email": "ann@example.com", "name": None}, "bob@example.com", None],
        ):
            assert (await caller.ok("bulk_send", uid=uid, recipients=recipients))["campaign"]["valid"] == 2
        one = await caller.ok("bulk_send", uid=uid, recipients={"email": "ann@example.com"})
        assert one["campaign"]["valid"] == 1
        escaped = await caller.ok("bulk_send", uid=uid, csv="email,name\\nann@example.com,Ann\\n")
        assert escaped["campaign"]["valid"] == 1
        sent = await caller.ok("send_invite", uids=uid, email=["ann@example.com"], wait_s="0")
        assert sent["email"] == "ann@example.com"
        several = ["ann@example.com", "bob@example.com"]
        refusal = await caller.refused("send_invite", uid=uid, email=several)
        assert refusal["problems"][0]["example"] == "ann@example.com"


def _nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every part of a schema that is a schema itself."""
    if isinstance(node, dict):
        yield path, node
        for name, one in node.get("properties", {}).items():
            yield from _nodes(one, f"{path}.{name}")
        for name in ("items", "additionalProperties"):
            yield from _nodes(node.get(name), f"{path}.{name}")
        for one in node.get("anyOf", ()):
            yield from _nodes(one, path)


@pytest.mark.parametrize("tool", sorted(EVERY))
def test_schemas_hold_nothing_that_weak_clients_refuse(tool: str) -> None:
    spec = EVERY[tool]
    assert len(f"mcp__calendar_invites__{tool}") <= 64
    assert len(spec.handler.__doc__ or "") <= 1_024
    for path, node in _nodes(argument_schema(spec.arguments)):
        refused = {
            "$ref",
            "$defs",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "format",
            "pattern",
            "const",
            "oneOf",
        }
        assert not refused & node.keys(), path
        assert isinstance(node.get("type", ""), str), path
        assert {"type": "null"} not in node.get("anyOf", []), path
        assert all(isinstance(word, str) and word for word in node.get("enum", [])), path
        assert len(node.get("description", "")) <= 1_024
        if node.get("type") == "object" and not node.get("properties"):
            # What people call their fields, and payloads of others, have names that nobody knows before.
            assert path.endswith((".fields", ".sample", ".body", ".payload")) or path == "", path
        if node.get("properties"):
            assert node["additionalProperties"] is False, path
