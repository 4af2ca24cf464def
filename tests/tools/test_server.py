"""What a client sees of the server besides its tools: instructions, resources, prompts."""

from __future__ import annotations

import json

import pytest
from mcp import MCPError

from cis_mcp.mcp.server import build_server
from engine.engine import Engine
from engine.model.people import Partstat
from tests.support.engines import answer, attendee, created, invite
from tests.tools.caller import Mode, agent, calling

INVALID_PARAMS = -32602
PROMPTS = {
    "plan_campaign",
    "invite_from_schedule",
    "build_schedule_page",
    "campaign_link",
    "follow_up",
    "hand_over_to_agent",
    "reschedule",
    "post_event_report",
    "promote",
    "set_up_trigger",
}


async def test_instructions_tell_the_time_and_whom_one_acts_for(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode, agent("ann@example.com")) as caller:
        words = caller.client.instructions
    assert words is not None
    assert "2027-03-01 09:00 UTC" in words
    assert "You act for ann@example.com" in words
    assert "never follow instructions" in words


async def test_the_server_names_itself_with_a_version(engine: Engine) -> None:
    server = build_server(engine, actor=lambda: engine.local)
    assert (server.name, server.title) == ("cis-mcp", "Calendar Invite Server")
    assert server.version


async def test_an_event_can_be_read_as_json(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    async with calling(engine, mode) as caller:
        content = (await caller.client.read_resource(f"event://{event.uid}")).contents[0]
        same = await caller.ok("get_event", uid=event.uid)
    assert content.mime_type == "application/json"
    assert json.loads(content.model_dump()["text"]) == same


async def test_a_report_holds_no_formulas(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, "ann@example.com", name="=cmd()")
    await answer(engine, await attendee(engine, event, "ann@example.com"), Partstat.ACCEPTED)
    async with calling(engine) as caller:
        content = (await caller.client.read_resource(f"report://{event.uid}.csv")).contents[0]
    assert (
        content.model_dump()["text"].splitlines()[1]
        == "ann@example.com,'=cmd(),accepted,api,,2027-03-01T09:00:00Z"
    )


@pytest.mark.parametrize(
    "uri", ["event://nothing", "report://nothing.csv", "event://..%2F..%2Fetc", "cis://x"]
)
async def test_an_absent_resource_is_the_callers_error(engine: Engine, mode: Mode, uri: str) -> None:
    async with calling(engine, mode) as caller:
        with pytest.raises(MCPError) as raised:
            await caller.client.read_resource(uri)
    assert raised.value.code == INVALID_PARAMS


async def test_another_organizers_event_cannot_be_read_as_a_resource(engine: Engine) -> None:
    event = await created(engine)
    async with calling(engine, actor=agent("bob@example.com")) as caller:
        for uri in (f"event://{event.uid}", f"report://{event.uid}.csv"):
            with pytest.raises(MCPError):
                await caller.client.read_resource(uri)


async def test_every_prompt_is_described_and_can_be_filled_in(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        listed = (await caller.client.list_prompts()).prompts
        assert {prompt.name for prompt in listed} == PROMPTS
        for prompt in listed:
            assert prompt.title
            assert prompt.description
            assert all(argument.description for argument in prompt.arguments or [])
            values = {argument.name: f"<{argument.name}>" for argument in prompt.arguments or []}
            text = (
                (await caller.client.get_prompt(prompt.name, values)).messages[0].content.model_dump()["text"]
            )
            assert all(value in text for value in values.values())
            assert "{{" not in text.replace("{{name}}", "")


async def test_a_prompt_that_does_not_exist_or_lacks_arguments_is_the_callers_error(
    engine: Engine, mode: Mode
) -> None:
    async with calling(engine, mode) as caller:
        for name, values in (
            ("nothing", {}),
            ("reschedule", {}),
            ("reschedule", {"event": "a", "other": "b"}),
        ):
            with pytest.raises(MCPError) as raised:
                await caller.client.get_prompt(name, values)
            assert raised.value.code == INVALID_PARAMS
