"""What a key without the verb `report` sees of people's addresses and names."""

from __future__ import annotations

import pytest
from mcp import MCPError

from engine.commands.answers.proposals import RecordProposal
from engine.engine import SYSTEM, Engine
from engine.model.actors import Actor
from engine.model.events import Event
from engine.model.messages import MessageState
from engine.refusals import Code, Refused
from tests.bounds.making import made
from tests.support.engines import ORGANIZER, claim, created, do, drafted, invite, jobs_done, settle
from tests.tools.caller import Caller, Mode, agent, calling, text_of

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


async def all_of(caller: Caller, tool: str, resource: str = "", **arguments: object) -> str:
    """What a tool answers, as text and data, and what the resource with the same content says."""
    result = await caller.call(tool, **arguments)
    assert not result.is_error, text_of(result)
    found = f"{text_of(result)}\n{result.structured_content}"
    if resource:
        (content,) = (await caller.client.read_resource(resource)).contents
        found += getattr(content, "text", "")
    return found


async def seen(engine: Engine, tool: str, resource: str = "", **arguments: object) -> dict[str, str]:
    """What is seen with `read` alone, and with one other verb beside it."""
    found = {}
    for verb in ("read", "report", "update", "bulk", "approve"):
        async with calling(
            engine, tier="extended", actor=agent(ORGANIZER, frozenset({"read", verb}))
        ) as caller:
            found[verb] = await all_of(caller, tool, resource, **arguments)
    return found


def shown_to(found: dict[str, str]) -> set[str]:
    """The verbs with which she is seen in full; with the others not even her beginning."""
    return {verb for verb, text in found.items() if not hidden(text)}


async def proposed(engine: Engine) -> Event:
    """An event for which she proposes another time."""
    event = await created(engine)
    jane = (await invite(engine, event, JANE, name="Jane Doe")).attendee
    await do(engine, RecordProposal(token=jane.token, span=event.span), SYSTEM)
    return event


async def test_who_proposes_another_time_is_shown_to_keys_that_may_answer_or_report(engine: Engine) -> None:
    event = await proposed(engine)
    found = await seen(engine, "get_event", f"event://{event.uid}", uid=event.uid)
    assert shown_to(found) == {"report", "update"}
    assert "j*******@example.com" in found["read"]


async def test_rows_of_a_list_are_shown_to_keys_that_may_send_lists_or_report(engine: Engine) -> None:
    event = await created(engine)
    draft = await drafted(engine, event, [JANE, JANE.upper(), "jane.doe at example"])
    found = await seen(
        engine, "get_campaign", f"campaign://{draft.campaign.id}", campaign_id=draft.campaign.id
    )
    assert shown_to(found) == {"report", "bulk"}


async def test_a_message_that_failed_names_nobody_to_a_key_that_may_only_read(engine: Engine) -> None:
    uid = (await created(engine)).uid
    async with calling(engine) as caller:
        started = await caller.ok("bulk_send", uid=uid, recipients=[{"email": JANE}], start=True)
        await jobs_done(engine)
        await settle(
            engine,
            await claim(engine),
            MessageState.FAILED,
            code=Code.REJECTED_BY_SERVER,
            text=f"550 <{JANE.title()}> is unknown",
        )
    named = started["campaign"]["id"]
    found = await seen(engine, "get_campaign", f"campaign://{named}", campaign_id=named)
    assert shown_to(found) == {"report", "bulk"}
    assert shown_to(await seen(engine, "list_changes")) == set()


async def test_whom_a_held_action_would_mail_is_shown_to_keys_that_may_decide_or_report(
    engine: Engine,
) -> None:
    event = await created(engine)
    await invite(engine, event, JANE)
    asks = await made(engine, verbs="update", approval=["everything"])
    async with calling(engine, actor=asks.actor) as caller:
        result = await caller.call("update_event", uid=event.uid, location="Elsewhere", audience="all")
        assert result.structured_content
        assert hidden(text_of(result))
    found = await seen(engine, "get_held_action", id=result.structured_content["held"]["id"])
    assert shown_to(found) == {"report", "approve"}


async def test_the_do_not_mail_list_is_listed_for_keys_that_may_change_it_or_report(engine: Engine) -> None:
    async with calling(engine, tier="extended") as caller:
        await caller.ok("suppress", addresses=[JANE], organizer=ORGANIZER)
    async with calling(engine, tier="extended", actor=READER) as caller:
        assert await caller.code("list_suppressions") == "not_allowed"
        (one,) = (await caller.ok("list_suppressions", address=JANE))["entries"]
        assert one["target"] == JANE
    for verb in ("report", "suppress"):
        async with calling(
            engine, tier="extended", actor=agent(ORGANIZER, frozenset({"read", verb}))
        ) as caller:
            assert JANE in await all_of(caller, "list_suppressions")
