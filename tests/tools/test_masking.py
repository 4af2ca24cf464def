"""What a key without the verb `report` sees of people's addresses and names."""

from __future__ import annotations

import pytest
from mcp import MCPError

from engine.engine import Engine
from engine.model.actors import Actor
from engine.refusals import Code, Refused
from tests.support.engines import ORGANIZER, created, invite
from tests.tools.caller import Mode, agent, calling, text_of

JANE = "jane.doe@example.com"
READER = agent(ORGANIZER, frozenset({"read"}))
REPORTER = agent(ORGANIZER, frozenset({"read", "report"}))


def hidden(text: str) -> bool:
    """True if neither her address nor her name stands in the text."""
    return "jane.doe" not in text.lower() and "Jane Doe" not in text


@pytest.mark.parametrize("tool", ["list_attendees", "list_changes"])
async def test_only_a_key_that_may_report_gets_addresses_in_full(
    engine: Engine, mode: Mode, tool: str
) -> None:
    event = await created(engine)
    await invite(engine, event, JANE, name="Jane Doe")
    named = {"uid": event.uid} if tool == "list_attendees" else {}
    async with calling(engine, mode, READER) as caller:
        assert await caller.code(tool, masked=False, **named) == "not_allowed"
        assert hidden(text_of(await caller.call(tool, **named)))
    async with calling(engine, mode, REPORTER) as caller:
        assert not (await caller.call(tool, masked=False, **named)).is_error


async def test_the_report_is_a_resource_only_of_keys_that_may_report(engine: Engine, mode: Mode) -> None:
    event = await created(engine)
    await invite(engine, event, JANE, name="Jane Doe")
    uri = f"report://{event.uid}.csv"
    async with calling(engine, mode, READER) as caller:
        with pytest.raises(MCPError, match="not_allowed"):
            await caller.client.read_resource(uri)
    async with calling(engine, mode, REPORTER) as caller:
        (content,) = (await caller.client.read_resource(uri)).contents
        assert JANE in getattr(content, "text", "")


async def test_the_engine_gives_no_report_to_a_key_that_may_not_report(engine: Engine) -> None:
    event = await created(engine)

    async def lines(actor: Actor) -> list[str]:
        return [line async for line in engine.report_csv(event.uid, actor)]

    with pytest.raises(Refused) as refused:
        await lines(READER)
    assert refused.value.code is Code.NOT_ALLOWED
    assert len(await lines(REPORTER)) == 1
