"""The web application as a function of AWS Lambda: one whole answer to each request, and where the rest is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from cis_mcp.functions.web import WebFunction
from cis_mcp.http import one_answer
from cis_mcp.http.serve import refuse_open_bind
from engine.model.triggers import DeliveryState
from engine.refusals import Refused
from engine.settings import Settings
from tests.cli.processes import environment
from tests.http.test_rebinding import MODERN_HEADERS
from tests.http.test_unkeyed import MODERN
from tests.support.engines import created, engine_in, settings_in
from tests.support.functions import ByFunction, event_of
from tests.support.webs import INITIALIZE, JSON_HEADERS, LIST_TOOLS, Mode, bearing, key_for
from tests.triggers.crm import deal, deliveries, signed, trigger

HERE = "https://api.invites.example.com"
LIVE = "https://live.invites.example.com"
_SOON = (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="minutes")
EVENT = {"summary": "Gala", "start": _SOON, "duration": "PT2H", "timezone": "UTC"}


@pytest.fixture
async def key(tmp_path: Path) -> str:
    async with engine_in(tmp_path, domain="invites.example.com") as engine:
        await created(engine, summary="Before")
        return await key_for(engine, "ann@example.com")


def _settings(folder: Path, **values: object) -> Settings:
    given = {"public_url": HERE, "streams_url": LIVE, "domain": "invites.example.com", **values}
    return settings_in(folder, **given)


@pytest.fixture
async def web(tmp_path: Path, key: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a key."""
    function = WebFunction(_settings(tmp_path))
    transport = ByFunction(function, function.instance.close)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=bearing(key)) as client:
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_agent_does_its_work_by_mcp_in_both_eras(web: httpx.AsyncClient, mode: Mode) -> None:
    transport = streamable_http_client(f"{HERE}/mcp", http_client=web)
    async with Client(transport, mode=mode) as agent:
        made = await agent.call_tool("create_event", EVENT)
        assert not made.is_error, made.content
        found = await agent.call_tool("search_events", {"query": "gala"})
        assert "Gala" in str(found.structured_content)


async def test_mcp_answers_as_json_without_a_session_and_promises_no_news(web: httpx.AsyncClient) -> None:
    answer = await web.post("/mcp", json=INITIALIZE, headers=JSON_HEADERS)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert "mcp-session-id" not in answer.headers
    capabilities = answer.json()["result"]["capabilities"]
    assert "subscribe" not in str(capabilities) and "listChanged" not in str(capabilities)
    assert "tools" in capabilities


DISCOVER = {"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {"_meta": MODERN}}
_KEYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "reads": {"read_only": True},
    "sends": {"scopes": frozenset({"read", "send"})},
    "operates": {"scopes": frozenset({"read", "admin"}), "tier": "operator"},
    "named": {"tools": ("get_event", "search_events")},
}


@pytest.mark.parametrize("kind", _KEYS)
@pytest.mark.parametrize("greeting", [INITIALIZE, DISCOVER])
async def test_the_first_greeting_is_answered_as_the_application_answers_the_next(
    tmp_path: Path, kind: str, greeting: dict[str, Any]
) -> None:
    """The first without the SDK and the application, which the list of tools then opens."""
    async with engine_in(tmp_path, domain="invites.example.com") as engine:
        key = await key_for(engine, "ann@example.com", **_KEYS[kind])
    function = WebFunction(_settings(tmp_path))
    transport = ByFunction(function, function.instance.close)
    headers = {**bearing(key), **JSON_HEADERS}
    if greeting is DISCOVER:
        headers |= {**MODERN_HEADERS, "mcp-method": "server/discover"}
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers) as client:
        first = await client.post("/mcp", json=greeting)
        opened = await client.get("/healthz")
        second = await client.post("/mcp", json=greeting)
    assert opened.status_code == 200
    now = re.compile(r"it was [^.]*UTC\.")
    one, two = (now.sub("", json.dumps(answer.json(), sort_keys=True)) for answer in (first, second))
    assert one == two
    assert "tools" in first.json()["result"]["capabilities"]


async def test_a_greeting_needs_no_sdk(tmp_path: Path, key: str) -> None:
    body = json.dumps(INITIALIZE).encode()
    event = event_of("POST", f"{HERE}/mcp", {"host": HERE.removeprefix("https://"), **bearing(key)}, body)
    code = """
import json, os, sys
from cis_mcp.functions.web import handler
answer = handler(json.loads(sys.argv[1]), None)
print(answer["statusCode"], [name for name in ("mcp.server", "mcp_types") if name in sys.modules], flush=True)
os._exit(0)  # as Lambda ends it: nothing is closed
"""
    values = {"CIS_DATA_DIR": str(tmp_path), "CIS_PUBLIC_URL": HERE, "CIS_DOMAIN": "invites.example.com"}
    command = [sys.executable, "-c", code, json.dumps(event)]
    done = subprocess.run(
        command, env=environment(tmp_path, **values), capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "200 []", done.stdout + done.stderr


async def test_a_stream_of_mcp_is_refused_with_where_it_is(web: httpx.AsyncClient) -> None:
    answer = await web.get("/mcp", headers={"accept": "text/event-stream"})
    assert (answer.status_code, answer.json()["error"]) == (405, "no_streams")
    assert LIVE in answer.json()["error_description"]


async def _posted(web: httpx.AsyncClient, method: str, **params: Any) -> dict[str, Any]:
    body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
    found: dict[str, Any] = (await web.post("/mcp", json=body, headers=JSON_HEADERS)).json()
    return found


async def test_a_subscription_is_refused_with_where_it_is(web: httpx.AsyncClient) -> None:
    found = await _posted(web, "resources/subscribe", uri="cis://events")
    assert LIVE in found["error"]["message"]
    params = {"notifications": {"resourcesListChanged": True}, "_meta": MODERN}
    body = {"jsonrpc": "2.0", "id": 7, "method": "subscriptions/listen", "params": params}
    headers = {**JSON_HEADERS, **MODERN_HEADERS, "mcp-method": "subscriptions/listen"}
    assert LIVE in (await web.post("/mcp", json=body, headers=headers)).text


async def test_a_long_wait_is_refused_and_a_short_one_is_not(web: httpx.AsyncClient) -> None:
    uid = (await web.post("/v1/events", json=EVENT)).json()["uid"]
    asked = {"uid": uid, "email": "bob@example.com"}
    long = (await _posted(web, "tools/call", name="send_invite", arguments={**asked, "wait_s": 26}))["result"]
    assert (long["isError"], long["structuredContent"]["code"]) == (True, "invalid_argument")
    assert LIVE in long["structuredContent"]["hint"]
    assert (await web.get(f"/v1/events/{uid}/attendees")).json()["attendees"] == []
    short = (await _posted(web, "tools/call", name="send_invite", arguments={**asked, "wait_s": 0}))["result"]
    assert not short.get("isError"), short


async def test_progress_that_is_asked_for_is_left_out(web: httpx.AsyncClient) -> None:
    found = await _posted(
        web, "tools/call", name="create_event", arguments=EVENT, _meta={"progressToken": "t"}
    )
    assert not found["result"].get("isError"), found


async def test_rest_and_pages_answer(web: httpx.AsyncClient) -> None:
    made = await web.post("/v1/events", json=EVENT)
    assert made.status_code == 201, made.text
    assert (await web.get("/v1/events")).json()["events"][0]["summary"] == "Gala"
    assert (await web.get("/llms.txt")).status_code == 200
    assert (await web.get("/console")).status_code in {200, 302, 303, 307}
    assert (await web.get("/healthz")).status_code == 200


async def test_a_system_of_record_delivers_to_its_hook(tmp_path: Path, web: httpx.AsyncClient) -> None:
    async with engine_in(tmp_path, domain="invites.example.com") as engine:
        hook = await trigger(engine)
    body = json.dumps(deal()).encode()
    answer = await web.post("/hooks/deals", content=body, headers=signed(body))
    assert (answer.status_code, answer.content) == (200, b"")
    async with engine_in(tmp_path, domain="invites.example.com") as engine:
        assert [one.state for one in await deliveries(engine, hook)] == [DeliveryState.KEPT]


async def test_server_sent_events_are_refused_with_where_they_are(web: httpx.AsyncClient) -> None:
    uid = (await web.post("/v1/events", json=EVENT)).json()["uid"]
    rows = [{"email": "bob@example.com"}]
    drafted = await web.post(f"/v1/events/{uid}/campaigns", json={"recipients": rows})
    assert drafted.status_code == 201, drafted.text
    answer = await web.get(f"/v1/campaigns/{drafted.json()['campaign']['id']}/progress")
    assert (answer.status_code, answer.json()["code"]) == (501, "no_streams"), answer.text
    assert LIVE in answer.text


async def test_an_answer_that_is_too_large_is_refused(
    web: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_answer, "ANSWER_MAX", 100)
    answer = await web.get("/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (501, "answer_too_large")


async def test_without_a_key_or_by_another_name_no_one_gets_in(web: httpx.AsyncClient) -> None:
    unkeyed = await web.post("/mcp", json=LIST_TOOLS, headers={**JSON_HEADERS, "authorization": ""})
    assert unkeyed.status_code == 401
    other = await web.post("/mcp", json=LIST_TOOLS, headers={**JSON_HEADERS, "host": "evil.example"})
    assert other.status_code == 421


async def test_an_installation_without_such_a_server_says_so(tmp_path: Path, key: str) -> None:
    function = WebFunction(_settings(tmp_path, streams_url=""))
    transport = ByFunction(function, function.instance.close)
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=bearing(key)) as client:
        answer = await client.get("/mcp")
    assert "CIS_STREAMS_URL" in answer.json()["error_description"]


async def test_two_instances_share_what_they_seal(tmp_path: Path) -> None:
    """Machines that share no disk: what one signed, the other takes, by CIS_SECRET."""
    secret = "0123456789abcdef" * 4
    for name in ("one", "two"):
        async with engine_in(tmp_path / name, secret=secret):
            pass
    names = ("secret", "record.key", "secrets.key")
    one, two = ([(tmp_path / folder / name).read_bytes() for name in names] for folder in ("one", "two"))
    assert one == two and len(set(one)) == 3


async def test_one_of_several_machines_serves_before_there_is_a_key(tmp_path: Path) -> None:
    """Its keys are made elsewhere, after it has started; one machine alone is told that no one could use it."""
    async with engine_in(tmp_path / "alone") as engine:
        with pytest.raises(Refused, match="no key yet"):
            await refuse_open_bind(engine, "0.0.0.0", no_auth=False)
    async with engine_in(tmp_path / "several", secret="0123456789abcdef" * 4) as engine:
        await refuse_open_bind(engine, "0.0.0.0", no_auth=False)
        with pytest.raises(Refused, match="would let in anyone"):
            await refuse_open_bind(engine, "0.0.0.0", no_auth=True)


async def test_a_secret_that_another_folder_began_with_is_refused(tmp_path: Path) -> None:
    async with engine_in(tmp_path, secret="0123456789abcdef" * 4):
        pass
    with pytest.raises(Refused, match="was not made from CIS_SECRET"):
        async with engine_in(tmp_path, secret="fedcba9876543210" * 4):
            pass


def test_a_short_secret_is_no_setting(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="32 characters or more"):
        settings_in(tmp_path, secret="short")
