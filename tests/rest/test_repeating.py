"""A program whose request got no answer asks again with the same Idempotency-Key, and makes nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.engine import Engine
from tests.pages.test_pictures import answer, png
from tests.rest.test_agents import bearing, with_verbs
from tests.rest.test_events import made
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.serving import serving
from tests.webhooks.receiver import LOCAL

VERBS = ("create", "publish", "delegate", "trigger")
ONCE = {"Idempotency-Key": "order-7"}
WEBHOOK = {"url": "http://127.0.0.1:9/", "kinds": ["receipt", "event.created", "event.changed"]}
PAGE = {"title": "Season", "show": ["description"], "hide": ["search"]}
KEY = {"name": "helper", "bounds": {"verbs": ["create"]}}


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, **LOCAL) as opened:
        yield opened


async def _asked(program: httpx.AsyncClient, what: str) -> dict[str, Any]:
    if what != "links":
        return {"pages": PAGE, "keys": KEY, "webhooks": WEBHOOK}[what]
    event = (await made(program)).json()
    return {"name": "May", "events": [event["uid"]], "vendor": "braze", "signed": True}


async def _count(program: httpx.AsyncClient, what: str) -> int:
    return len((await program.get(f"/v1/{what}")).json()[what])


@pytest.mark.parametrize("what", ["links", "pages", "keys", "webhooks"])
async def test_the_same_idempotency_key_makes_one(engine: Engine, web: httpx.AsyncClient, what: str) -> None:
    async with bearing(web, await with_verbs(engine, *VERBS)) as program:
        body = await _asked(program, what)
        before = await _count(program, what)
        first = await program.post(f"/v1/{what}", json=body, headers=ONCE)
        again = await program.post(f"/v1/{what}", json=body, headers=ONCE)
        assert (first.status_code, again.status_code) == (201, 200), again.text
        assert await _count(program, what) == before + 1
        mine = what.removesuffix("s")
        assert again.json()[mine] == first.json()[mine]
        assert again.headers.get("location") == first.headers.get("location")
        other = await program.post(f"/v1/{what}", json={**body, **_OTHER[what]}, headers=ONCE)
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        event = await program.post("/v1/events", json={"summary": "x", "start": "2027-05-02"}, headers=ONCE)
        assert (event.status_code, event.json()["code"]) == (409, "idempotency_conflict")
        assert (await program.post(f"/v1/{what}", json=body)).status_code == 201
        assert await _count(program, what) == before + 2


_OTHER: dict[str, dict[str, Any]] = {
    "links": {"name": "June"},
    "pages": {"title": "Spring"},
    "keys": {"name": "other"},
    "webhooks": {"starting_minutes": 30},
}


async def test_a_page_that_is_asked_for_again_is_found_though_its_picture_is_another_or_gone(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    contents = [png(1, 1), png(2, 2), b""]

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(contents.pop(0)))
        await writer.drain()

    async with serving(talk) as port, bearing(web, await with_verbs(engine, *VERBS)) as program:
        body = {**PAGE, "logo": f"http://127.0.0.1:{port}/logo"}
        first, *again = [await program.post("/v1/pages", json=body, headers=ONCE) for _ in range(3)]
        assert (first.status_code, [one.status_code for one in again]) == (201, [200, 200]), again[0].text
        assert {one.json()["page"]["slug"] for one in again} == {first.json()["page"]["slug"]}
        other = {**body, "logo": f"http://127.0.0.1:{port}/other"}
        refused = await program.post("/v1/pages", json=other, headers=ONCE)
        assert (refused.status_code, refused.json()["code"]) == (409, "idempotency_conflict")
        assert len(contents) == 2, "the picture was asked for once"


@pytest.mark.parametrize("what", ["keys", "webhooks"])
async def test_a_secret_is_shown_once_and_not_to_a_repetition(
    engine: Engine, web: httpx.AsyncClient, what: str
) -> None:
    async with bearing(web, await with_verbs(engine, *VERBS)) as program:
        body = await _asked(program, what)
        first = await program.post(f"/v1/{what}", json=body, headers=ONCE)
        again = await program.post(f"/v1/{what}", json=body, headers=ONCE)
    assert first.json()["secret"]
    assert again.json()["secret"] == ""
    assert first.json()["secret"] not in again.text


async def test_a_repetition_by_another_key_shows_nothing_of_a_key_that_is_not_under_it(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    async with bearing(web, await with_verbs(engine, *VERBS)) as program:
        child = (await program.post("/v1/keys", json=KEY, headers=ONCE)).json()["key"]
    async with bearing(web, await with_verbs(engine, *VERBS)) as other:
        answer = await other.post("/v1/keys", json=KEY, headers=ONCE)
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert child["id"] not in answer.text
