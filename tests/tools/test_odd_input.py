"""Tools that only read mail nobody, and no odd uid, name or address gets an odd answer."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cis_mcp.mcp.tools import EVERYTHING
from cis_mcp.mcp.tools.catalog import EVERY
from engine.commands.webhooks.webhooks import CreateWebhook
from engine.engine import Engine
from engine.refusals import Code
from tests.support.approvals import waiting
from tests.support.engines import claim, created, deliver, do, invite, jobs_done
from tests.tools.caller import Mode, agent, calling
from tests.tools.test_quarantine import set_aside
from tests.tools.test_size import messages
from tests.triggers.crm import deal, delivered, trigger

READING = [tool.name for tool in EVERYTHING.listed if tool.read_only]
TELLING = {"create_event", "update_event", "cancel_event", "send_invite", "bulk_send", "control_campaign"}
ODD = [
    "",
    " ",
    "x",
    "'; DROP TABLE event; --",
    "../../etc/passwd",
    "{{uid}}",
    "%2e%2e",
    "\0",
    "😀" * 40,
    "null",
]


async def test_what_only_reads_sends_nothing(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, "ann@example.com")
    await deliver(engine)
    hook = await trigger(engine)
    await delivered(engine, hook, deal())
    await deliver(engine)
    arguments: dict[str, dict[str, Any]] = {
        "get_attendee": {"uid": event.uid, "email": "ann@example.com"},
        "get_stats": {"scope": "event", "key": event.uid},
        "get_held_action": {"id": await waiting(engine, event.uid, location="Hall 9")},
        "export_person": {"address": "ann@example.com"},
        "show_quarantined": {"id": await set_aside(engine)},
        "preview_invite": {"uid": event.uid, "email": "ann@example.com"},
        "test_trigger": {"name": hook.name},
        "list_deliveries": {"name": hook.name},
        "read_message": {"id": "message000"},
        "list_postings": {
            "webhook_id": (await do(engine, CreateWebhook(url="https://a.b/", kinds=frozenset()))).webhook.id
        },
    }
    await messages(engine, 1)
    async with calling(engine, selection=EVERYTHING) as caller:
        for tool in READING:
            given_ = {"uid": event.uid} if "uid" in EVERY[tool].arguments.model_fields else {}
            await caller.ok(tool, **arguments.get(tool, given_))
        for uri in (f"event://{event.uid}", f"report://{event.uid}.csv"):
            assert (await caller.client.read_resource(uri)).contents
    await jobs_done(engine)
    assert await claim(engine) == []


async def test_nobody_is_mailed_by_a_key_that_may_only_read_or_for_another_organizer(
    engine: Engine, mode: Mode
) -> None:
    event = await created(engine)
    for actor in (agent("ann@example.com"), agent(event.organizer, frozenset({"read"}))):
        async with calling(engine, mode, actor) as caller:
            result = await caller.call("send_invite", uid=event.uid, email="victim@example.com", wait_s=0)
            assert result.is_error
            rows = [{"email": "victim@example.com"}]
            assert (await caller.call("bulk_send", uid=event.uid, recipients=rows, start=True)).is_error
    assert await claim(engine) == []


def test_no_tool_that_mails_takes_a_page_to_lead_people_to() -> None:
    for spec in EVERY.values():
        leading = {"landing", "redirect", "return_url", "next"} & set(spec.arguments.model_fields)
        # A link for newsletters mails nobody, and leads to our pages and the operator's hosts alone.
        assert not leading or spec.name in {"create_link", "update_link"}
        if spec.name in TELLING - {"create_event"}:
            assert spec.hints.open_world_hint
            assert not spec.hints.read_only_hint


@pytest.mark.parametrize("uid", ODD)
async def test_an_unknown_uid_is_a_refusal_of_every_tool_that_takes_one(engine: Engine, uid: str) -> None:
    more: dict[str, dict[str, Any]] = {
        "update_event": {"summary": "x"},
        "send_invite": {"email": "ann@example.com"},
        "bulk_send": {"recipients": [{"email": "ann@example.com"}]},
        "get_attendee": {"email": "ann@example.com"},
        "withdraw_invite": {"email": "ann@example.com"},
        "answer_proposal": {"email": "ann@example.com", "answer": "accept"},
    }
    async with calling(engine, selection=EVERYTHING) as caller:
        for spec in EVERY.values():
            if "uid" in spec.arguments.model_fields:
                code = await caller.code(spec.name, uid=uid, **more.get(spec.name, {}))
                assert code in {Code.UNKNOWN_EVENT, Code.INVALID_ARGUMENT}, spec.name
        assert await caller.code("get_stats", scope="event", key=uid or None) in {
            "unknown_event",
            "invalid_argument",
        }


async def test_a_person_without_a_name_is_invited_listed_and_reported(engine: Engine) -> None:
    event = await created(engine)
    async with calling(engine) as caller:
        await caller.ok("send_invite", uid=event.uid, email="ann@example.com", name="", wait_s=0)
        (person,) = (await caller.ok("list_attendees", uid=event.uid))["attendees"]
        assert (person["email"], person["name"]) == ("a*******@example.com", "")
        assert (await caller.ok("send_report", uid=event.uid))["rows"] == 1


async def test_statistics_of_the_system_are_plain_numbers(engine: Engine) -> None:
    event = await created(engine)
    await invite(engine, event, "ann@example.com")
    async with calling(engine) as caller:
        data = await caller.ok("get_stats", scope="system")
    assert data["rsvp"] == {"noaction": 1, "accepted": 0, "declined": 0, "tentative": 0, "delegated": 0}
    assert all(
        type(n) is int for part in ("rsvp", "origin", "prodid", "delivery") for n in data[part].values()
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(uid=st.text(max_size=200))
async def test_no_uid_reads_anything_but_its_event(engine: Engine, uid: str) -> None:
    async with calling(engine) as caller:
        assert await caller.code("get_event", uid=uid) in {"unknown_event", "invalid_argument"}
