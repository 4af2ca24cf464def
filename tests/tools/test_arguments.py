"""What a caller hears of wrong arguments."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_mcp.mcp.tools.arguments import parse
from cis_mcp.mcp.tools.catalog import EVERY, SPECS
from cis_mcp.mcp.tools.lists import BulkSendArguments
from cis_mcp.mcp.tools.mistakes import WrongArguments
from cis_mcp.mcp.tools.schema import argument_schema
from engine.engine import Engine
from engine.refusals import Code, Refused
from tests.tools.caller import Mode, calling, text_of

EVERY_TOOL = SPECS["operator"]


@pytest.mark.parametrize("spec", EVERY_TOOL, ids=lambda spec: spec.handler.__name__)
def test_every_argument_is_described_or_shown_by_an_example(spec: Any) -> None:
    for name, field in spec.arguments.model_fields.items():
        assert field.description or field.examples or name in {"limit"}, name


async def test_an_unknown_argument_is_refused_and_the_likely_one_named(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        data = await caller.refused("get_event", uid="x", colour="red")
        assert data["code"] == "invalid_argument"
        assert "get_event has no argument “colour”" in data["message"]
        near = await caller.refused("create_event", summry="x", start="2027-05-02T19:00:00Z")
    assert "Did you mean “summary”?" in near["message"]


async def test_of_an_argument_with_several_forms_all_are_named_once(engine: Engine) -> None:
    async with calling(engine) as caller:
        data = await caller.refused("update_event", uid="x", location="Bar", audience="everyone")
    (problem,) = data["problems"]
    assert problem["field"] == "audience"
    assert problem["expected"] == (
        'one of "auto", "accepted-or-tentative", "not-declined", "all", "none", or a list, each of it text'
    )
    assert data["message"].count("“audience”") == 1


@pytest.mark.parametrize("name", ["attendees", "guests", "emails", "recipients"])
async def test_who_gives_guests_with_an_event_is_told_how_people_are_invited(
    engine: Engine, name: str
) -> None:
    made = {"summary": "Lunch", "start": "2027-05-02T19:00:00Z", "duration": "PT1H"}
    async with calling(engine) as caller:
        data = await caller.refused("create_event", **made, **{name: ["ann@example.com"]})
        assert (await caller.ok("search_events"))["events"] == []
    assert "invited afterwards: send_invite (one), bulk_send (a list)" in data["message"]


async def test_a_missing_argument_is_named_with_an_example(engine: Engine) -> None:
    async with calling(engine) as caller:
        data = await caller.refused("send_invite", uid="x")
    assert (
        data["message"] == '“email” is missing: it should be text (one address). Example: "ann@example.com".'
    )
    assert data["problems"] == [{"field": "email", "expected": "text", "example": "ann@example.com"}]


async def test_a_wrong_argument_is_named_without_its_value(engine: Engine) -> None:
    async with calling(engine) as caller:
        data = await caller.refused("send_invite", uid="x", email="a@example.com", wait_s="s3cret-value")
    assert "“wait_s” is wrong" in data["message"]
    assert "s3cret" not in json.dumps(data)
    assert "pydantic" not in json.dumps(data)


async def test_a_wrong_choice_is_answered_with_the_right_ones(engine: Engine) -> None:
    async with calling(engine) as caller:
        data = await caller.refused("control_campaign", campaign_id="x", action="begin")
    for action in ("start", "pause", "resume", "cancel"):
        assert f'"{action}"' in data["message"]


@pytest.mark.parametrize(
    ("tool", "name", "meant"),
    [
        ("create_event", "title", "summary"),
        ("create_event", "start_time", "start"),
        ("create_event", "timeZone", "timezone"),
        ("create_event", "rrule", "recurrence"),
        ("send_invite", "event_id", "uid"),
        ("send_invite", "recipient", "email"),
        ("bulk_send", "attendees", "recipients"),
        ("search_events", "page_token", "cursor"),
        ("cancel_event", "message", "note"),
        ("list_changes", "curser", "since"),
    ],
)
def test_what_other_servers_call_an_argument_is_answered_with_our_name(
    tool: str, name: str, meant: str
) -> None:
    with pytest.raises(Refused) as raised:
        parse(tool, EVERY[tool].arguments, {name: "x"})
    if meant == "since":
        assert "Its arguments are: since, kinds, masked, limit" in raised.value.message
    else:
        assert f"“{name}”. Did you mean “{meant}”?" in raised.value.message
        assert f"“{meant}” is missing" not in raised.value.message


def test_a_mistake_inside_a_list_is_placed_and_its_names_told() -> None:
    rows = [{"email": "ann@example.com"}, {"mail": "bob@example.com", "email": "b@example.com"}]
    with pytest.raises(WrongArguments) as raised:
        parse("bulk_send", BulkSendArguments, {"uid": "x", "recipients": rows})
    assert raised.value.message == (
        "“recipients.1” has no argument “mail”. Did you mean “email”? Its arguments are: email, name, fields."
    )
    assert [problem.field for problem in raised.value.problems] == ["recipients.1.mail"]


def test_a_text_that_is_too_long_is_told_the_limit_that_no_schema_shows() -> None:
    with pytest.raises(WrongArguments) as raised:
        parse("get_event", EVERY["get_event"].arguments, {"uid": "x" * 300})
    assert "text of at most 200 characters" in raised.value.message
    assert "maxLength" not in json.dumps(argument_schema(EVERY["get_event"].arguments))


async def test_text_that_looks_like_json_stays_text(engine: Engine) -> None:
    async with calling(engine) as caller:
        uid = await caller.event(summary="{}", description='["a"]')
        data = await caller.ok("get_event", uid=uid)
    assert (data["event"]["summary"], data["event"]["description"]) == ("{}", '["a"]')


async def test_an_unknown_tool_is_an_error_that_names_the_nearest(engine: Engine, mode: Mode) -> None:
    async with calling(engine, mode) as caller:
        data = await caller.refused("send_invites")
        assert (data["code"], data["hint"].split()[3]) == ("unknown_tool", "send_invite?")
        other = await caller.refused("zzz")
        assert "There are: create_event, update_event" in other["hint"]
        for name in ("create_page", "create_key", "cancel_campaign", "send_mail"):
            hint = (await caller.refused(name))["hint"]
            led = set(hint.strip("?").split()) if hint.startswith("Did you mean") else set()
            assert not led & {"create_event", "cancel_event", "send_invite"}, (name, hint)


async def test_a_crash_is_answered_with_a_code_and_never_with_its_text(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "@".join(("ann", "example.com"))

    def broken() -> None:
        raise RuntimeError(secret)

    caplog.set_level(logging.INFO)
    async with calling(engine) as caller:
        monkeypatch.setattr(engine, "clock", broken)
        result = await caller.call("create_event", summary="x", start="2027-05-02T19:00Z", duration="PT1H")
    assert result.is_error
    assert result.structured_content is not None
    assert (result.structured_content["code"], result.structured_content["sent"]) == ("internal", None)
    assert secret not in text_of(result) + caplog.text
    assert "create_event failed with RuntimeError" in caplog.text
    monkeypatch.undo()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(EVERY_TOOL), st.data())
def test_what_is_refused_is_never_repeated(spec: Any, data: st.DataObject) -> None:
    secret = "hunter2-hunter2"
    wrong = st.sampled_from(
        [secret, [secret], {"x": secret}, {"email": [secret]}, [[secret]], [{"email": {"a": secret}}]]
    )
    names = st.sampled_from(list(spec.arguments.model_fields) or ["x"])
    try:
        parse(spec.name, spec.arguments, data.draw(st.dictionaries(names, wrong, min_size=1)))
    except WrongArguments as refused:
        said = refused.message + json.dumps([problem.model_dump(mode="json") for problem in refused.problems])
        assert secret not in said


_ARGUMENTS = sorted({name for spec in EVERY_TOOL for name in spec.arguments.model_fields})


@given(
    st.sampled_from(EVERY_TOOL), st.dictionaries(st.sampled_from(_ARGUMENTS) | st.text(), _JSON, max_size=6)
)
def test_any_arguments_are_either_understood_or_refused(spec: Any, arguments: dict[str, Any]) -> None:
    try:
        parsed = parse(spec.handler.__name__, spec.arguments, arguments)
    except Refused as refused:
        assert refused.code is Code.INVALID_ARGUMENT
        assert refused.hint
        assert len(refused.message) < 3_000
        assert "pydantic" not in refused.message
    else:
        assert isinstance(parsed, spec.arguments)


@pytest.mark.parametrize("name", ["\ud800", "a\udfff"])
def test_half_a_surrogate_pair_is_refused(name: str) -> None:
    with pytest.raises(Refused) as raised:
        parse("bulk_send", BulkSendArguments, {"uid": "x", "recipients": [{"email": "a@b.c", "name": name}]})
    assert raised.value.code is Code.INVALID_ARGUMENT


def test_deep_json_in_an_argument_is_refused() -> None:
    with pytest.raises(Refused):
        parse("bulk_send", BulkSendArguments, {"uid": "x", "recipients": "[" * 100_000})
