"""The prompts: what each needs, what may be left out, and that they speak of what exists."""

from __future__ import annotations

import re

import pytest
from mcp import MCPError

from cis_mcp.mcp.prompts import prompts
from cis_mcp.mcp.tools.catalog import EVERY
from engine.engine import Engine
from engine.refusals import Code
from tests.tools.caller import Caller, Mode, calling

_NAMES = re.compile(r"`([a-z]+(?:_[a-z]+)+)")


async def filled(caller: Caller, name: str, **values: str) -> str:
    """The words of a prompt."""
    (message,) = (await caller.client.get_prompt(name, values)).messages
    return str(message.content.model_dump()["text"])


async def test_an_argument_that_may_be_left_out_may_be(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        without = await filled(caller, "reschedule", event="Opener", change="to Sunday")
        with_zone = await filled(
            caller, "reschedule", event="Opener", change="to Sunday", timezone="Europe/Paris"
        )
        listed = {prompt.name: prompt for prompt in (await caller.client.list_prompts()).prompts}
    assert "not said" in without
    assert "{{" not in without
    assert "Europe/Paris" in with_zone
    needed = {a.name: a.required for a in listed["reschedule"].arguments or []}
    assert needed == {"event": True, "change": True, "timezone": False}


async def test_a_wrong_call_is_told_what_the_prompt_takes(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        for values in (
            {"event": "Opener"},
            {"event": "a", "change": "b", "zone": "c"},
            {"event": "x" * 6_000},
        ):
            with pytest.raises(MCPError) as raised:
                await filled(caller, "reschedule", **values)
            assert raised.value.code == -32602
            assert "event, change, timezone (may be left out)" in raised.value.message


async def test_a_value_is_words_and_no_template(engine: Engine) -> None:
    async with calling(engine) as caller:
        said = await filled(caller, "follow_up", event="{{goal}} {{goal | x}}", goal="GOAL")
    assert said.count("GOAL") == 1
    assert "{{goal}} {{goal | x}}" in said


def test_prompts_name_only_tools_arguments_and_codes_that_exist() -> None:
    known = {*EVERY, *(code.value for code in Code)}
    for spec in EVERY.values():
        known |= {*spec.arguments.model_fields, *spec.result.model_fields}
    known.add("already_invited")
    for prompt in prompts():
        named = set(_NAMES.findall(getattr(prompt, "body")))  # noqa: B009 -- the SDK's class has no such field
        assert named, prompt.name
        assert named <= known, prompt.name


@pytest.mark.parametrize(
    ("name", "values", "steps"),
    [
        (
            "set_up_trigger",
            {"system": "a CRM", "moment": "a deal is won", "event": "a kick-off"},
            [
                "list_triggers",
                "create_trigger",
                "trigger secret",
                "test_trigger",
                "make_trigger_live",
                "get_held_action",
                "list_deliveries",
                "replay_delivery",
            ],
        ),
        (
            "hand_over_to_agent",
            {"task": "invite our customers", "owner": "boss@example.org"},
            ["verbs", "may mail", "needs approval", "cis-mcp key create", "STOP", "explain_refusal", "undo"],
        ),
        (
            "promote",
            {"event": "Opener", "offer": "half price until Friday"},
            [
                "search_events",
                "get_stats",
                "update_event",
                'only_for: ["tentative"]',
                "dry_run: true",
                "without `dry_run`",
                "remind",
                "only_for: []",
            ],
        ),
        (
            "follow_up",
            {"event": "Opener", "goal": "fill the hall"},
            ["remind", "dry_run"],
        ),
    ],
)
async def test_a_prompt_leads_through_its_steps_in_their_order(
    engine: Engine, name: str, values: dict[str, str], steps: list[str]
) -> None:
    async with calling(engine) as caller:
        said = " ".join((await filled(caller, name, **values)).split())
    places = [said.find(step) for step in steps]
    assert -1 not in places, steps[places.index(-1)]
    assert places == sorted(places)
    assert all(value in said for value in values.values())
