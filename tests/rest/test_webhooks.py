"""Webhooks over /v1."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from cis_mcp.rest.openapi import document
from engine.engine import Engine
from tests.rest.test_events import made
from tests.rest.test_openapi import fits
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.webs import key_for
from tests.webhooks.receiver import LOCAL, Receiver, posting, receiving


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, **LOCAL) as opened:
        yield opened


@pytest.fixture
async def key(engine: Engine) -> str:
    return await key_for(engine, "ann@example.com", scopes=frozenset({"events", "trigger"}), tier="extended")


async def test_a_program_makes_a_webhook_sees_what_was_posted_and_has_it_again(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    receiver = Receiver()
    async with receiving(receiver) as stub, posting(engine) as courier:
        answer = await web.post("/v1/webhooks", json={"url": stub.url, "kinds": ["event.created"]})
        assert answer.status_code == 201, answer.text
        webhook = answer.json()["webhook"]
        assert answer.json()["secret"].startswith("whsec_")
        await made(web)
        await courier.drain()
        path = f"/v1/webhooks/{webhook['id']}"
        listed = (await web.get(f"{path}/postings")).json()
        spoken = document("https://cis.example.com")
        fits(answer.json(), "MadeWebhook", spoken)
        fits(listed, "PostingList", spoken)
        fits((await web.get("/v1/webhooks")).json(), "WebhookList", spoken)
        (one,) = listed["postings"]
        assert (one["state"], one["status"]) == ("delivered", 204)
        assert (await web.post(f"{path}/postings/{one['id']}/replay", json={})).json()["state"] == "waiting"
        await courier.drain()
        assert [got.headers["webhook-id"] for got in receiver.got] == [one["id"]] * 2
        paused = await web.post(f"{path}/actions", json={"action": "pause"})
        assert paused.json()["webhook"]["state"] == "paused"
        (listed,) = (await web.get("/v1/webhooks")).json()["webhooks"]
        assert (listed["state"], "secret" in listed) == ("paused", False)
        await web.post(f"{path}/actions", json={"action": "delete"})
        assert (await web.get(f"{path}/postings")).json()["code"] == "unknown_webhook"


async def test_an_address_that_may_not_be_reached_is_refused(web: httpx.AsyncClient) -> None:
    answer = await web.post("/v1/webhooks", json={"url": "https://169.254.169.254/"})
    assert (answer.status_code, answer.json()["code"]) == (400, "url_not_allowed")
    assert (await web.post("/v1/webhooks", json={"url": "https://a.b/", "kinds": ["x"]})).status_code == 400


async def test_a_key_sees_no_webhook_of_another(engine: Engine, web: httpx.AsyncClient) -> None:
    answer = await web.post("/v1/webhooks", json={"url": "http://127.0.0.1:9/"})
    other = await key_for(engine, "else@example.com", scopes=frozenset({"trigger"}), tier="extended")
    headers = {"x-api-key": other}
    assert (await web.get("/v1/webhooks", headers=headers)).json()["webhooks"] == []
    path = f"/v1/webhooks/{answer.json()['webhook']['id']}/actions"
    refused = await web.post(path, headers=headers, json={"action": "delete"})
    assert (refused.status_code, refused.json()["code"]) == (404, "unknown_webhook")
