"""Campaigns over /v1: a draft that is looked at, started, followed, stopped."""

from __future__ import annotations

import asyncio
import json

import httpx

from engine.commands.agents.keys import RevokeKey
from engine.engine import Engine
from tests.rest.test_events import made
from tests.support.engines import deliver, do, jobs_done
from tests.support.waiting import DEADLINE_S, time_passes
from tests.support.webs import served

PEOPLE = [{"email": f"p{n}@example.com", "name": f"P {n}"} for n in range(5)]


async def draft(web: httpx.AsyncClient, path: str) -> dict[str, str]:
    answer = await web.post(f"{path}/campaigns", json={"recipients": [*PEOPLE, {"email": "nobody"}]})
    assert answer.status_code == 201, answer.text
    found: dict[str, str] = answer.json()["campaign"]
    assert answer.headers["location"] == f"/v1/campaigns/{found['id']}"
    return found


async def test_a_draft_sends_nothing_before_its_token_starts_it(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    path = (await made(web)).headers["location"]
    campaign = await draft(web, path)
    assert (campaign["valid"], campaign["skipped_total"], campaign["state"]) == (5, 1, "draft")
    start = f"/v1/campaigns/{campaign['id']}/start"
    wrong = await web.post(start, json={"confirm_token": "guess"})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "confirm_token_invalid")
    assert await deliver(engine) == []
    begun = await web.post(start, json={"confirm_token": campaign["confirm_token"]})
    assert begun.json()["campaign"]["state"] == "running"
    assert len(await deliver(engine)) == 5
    shown = (await web.get(f"/v1/campaigns/{campaign['id']}")).json()["campaign"]
    assert (shown["state"], shown["counts"]["sent"]) == ("finished", 5)
    listed = (await web.get("/v1/campaigns")).json()["campaigns"]
    assert [one["id"] for one in listed] == [campaign["id"]]


async def test_a_campaign_is_paused_resumed_and_cancelled(engine: Engine, web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    campaign = await draft(web, path)
    at = f"/v1/campaigns/{campaign['id']}"
    await web.post(f"{at}/start", json={"confirm_token": campaign["confirm_token"]})
    states = [
        (await web.post(f"{at}/{one}")).json()["campaign"]["state"] for one in ("pause", "resume", "cancel")
    ]
    assert states == ["paused", "running", "cancelled"]
    assert await deliver(engine) == []
    late = await web.post(f"{at}/resume")
    assert (late.status_code, late.json()["code"]) == (409, "campaign_state")


async def test_progress_is_told_as_it_goes_until_the_end(engine: Engine, web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    campaign = await draft(web, path)
    at = f"/v1/campaigns/{campaign['id']}"
    await web.post(f"{at}/start", json={"confirm_token": campaign["confirm_token"]})
    await jobs_done(engine)
    told: list[tuple[str, dict[str, str]]] = []
    async with web.stream("GET", f"{at}/progress") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        sending: asyncio.Task[object] | None = None
        name = ""
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: "):
                told.append((name, json.loads(line.removeprefix("data: "))))
                sending = sending or asyncio.create_task(deliver(engine))
        assert sending is not None
        await sending
    assert told[0][0] == "progress"
    assert (told[-1][0], told[-1][1]["state"]) == ("end", "finished")


async def test_a_list_comes_as_csv_too_and_never_for_another_event(web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    listed = await web.post(f"{path}/campaigns", json={"csv": "email,name\nbob@example.com,Bob\n"})
    assert listed.json()["campaign"]["sample"]["to"] == "Bob <bob@example.com>"
    other = await web.post(f"{path}/campaigns", json={"csv": "uid,email\nother,bob@example.com\n"})
    assert (other.status_code, other.json()["code"]) == (400, "invalid_argument")
    neither = await web.post(f"{path}/campaigns", json={})
    assert neither.json()["code"] == "invalid_argument"


async def test_asking_for_the_head_of_a_stream_does_not_wait_for_its_end(web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    campaign = await draft(web, path)
    at = f"/v1/campaigns/{campaign['id']}"
    await web.post(f"{at}/start", json={"confirm_token": campaign["confirm_token"]})
    head = await web.head(f"{at}/progress")
    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    assert (await web.get(at)).json()["campaign"]["state"] == "running"


async def _begun(web: httpx.AsyncClient) -> str:
    """Where a campaign that is running is followed."""
    campaign = await draft(web, (await made(web)).headers["location"])
    at = f"/v1/campaigns/{campaign['id']}"
    await web.post(f"{at}/start", json={"confirm_token": campaign["confirm_token"]})
    return f"{at}/progress"


async def _followed(web: httpx.AsyncClient, path: str, begun: asyncio.Event) -> set[str]:
    """The names of what is told until the stream ends."""
    async with web.stream("GET", path) as stream:
        names = set()
        async for line in stream.aiter_lines():
            begun.set()
            if line.startswith("event: "):
                names.add(line.removeprefix("event: "))
    return names


async def test_a_server_that_stops_does_not_say_that_a_campaign_has_ended(engine: Engine, key: str) -> None:
    async with served(engine) as address:
        web = httpx.AsyncClient(base_url=address, headers={"x-api-key": key}, timeout=DEADLINE_S)
        begun = asyncio.Event()
        following = asyncio.create_task(_followed(web, await _begun(web), begun))
        await begun.wait()
    assert await following == {"progress"}
    await web.aclose()


async def test_a_key_that_has_ended_follows_a_campaign_no_longer(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    begun = asyncio.Event()
    following = asyncio.create_task(_followed(web, await _begun(web), begun))
    await begun.wait()
    (key,) = await engine.keys_of(engine.local)
    await do(engine, RevokeKey(key_id=key.id))
    time_passes(16)
    assert await following == {"progress"}


async def test_a_draft_says_where_its_skipped_rows_go_on(web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    nobody = [{"email": f"nobody {n}"} for n in range(60)]
    drafted = (await web.post(f"{path}/campaigns", json={"recipients": [*PEOPLE, *nobody]})).json()
    at, cursor = f"/v1/campaigns/{drafted['campaign']['id']}", drafted["next_cursor"]
    rest = (await web.get(at, params={"cursor": cursor})).json()
    rows = [one["row"] for one in drafted["campaign"]["skipped"] + rest["campaign"]["skipped"]]
    assert (rows, rest["next_cursor"]) == (list(range(6, 66)), None)
