"""What REST did can be taken back whole, while its time lasts: the answer says how."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from cis_mcp.rest.openapi import document
from cis_mcp.views.events import utc
from engine.engine import Engine
from tests.rest.test_agents import bearing, with_verbs
from tests.rest.test_events import made
from tests.support.clock import Clock
from tests.support.engines import deliver, engine_in

GUEST = "guest@example.com"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    """A server with a minute to take things back, of campaigns too."""
    async with engine_in(tmp_path, clock, undo_s=60, undo_campaign_s=60) as opened:
        yield opened


async def taken_back(web: httpx.AsyncClient, answer: httpx.Response) -> httpx.Response:
    return await web.post(f"/v1/undo/{answer.json()['undo']['id']}")


async def test_each_answer_says_how_and_a_post_takes_it_back(
    engine: Engine, web: httpx.AsyncClient, clock: Clock
) -> None:
    uid = (await made(web)).json()["uid"]
    invited = await web.post(f"/v1/events/{uid}/invites", json={"email": GUEST})
    assert invited.json()["undo"]["until"] == utc(clock() + timedelta(seconds=60))
    (listed,) = (await web.get("/v1/undo")).json()["undos"]
    assert (listed["id"], listed["uid"], listed["command"]) == (
        invited.json()["undo"]["id"],
        uid,
        "SendInvite",
    )
    done = await taken_back(web, invited)
    assert (done.status_code, done.json()["withdrawn"], done.json()["repeated"]) == (200, 1, False)
    assert (await taken_back(web, invited)).json()["repeated"] is True
    assert (await web.get("/v1/undo")).json() == {"undos": []}

    again = await web.post(f"/v1/events/{uid}/invites", json={"email": GUEST})
    clock.move(seconds=60)
    await deliver(engine)
    changed = await web.patch(f"/v1/events/{uid}", json={"location": "Hall 9", "audience": "all"})
    assert (await taken_back(web, changed)).json()["sequence"] == changed.json()["event"]["sequence"] + 1
    late = await taken_back(web, again)
    assert (late.status_code, late.json()["code"]) == (409, "undo_over")
    clock.move(hours=1)
    assert await deliver(engine) == []


async def test_a_campaign_that_was_started_is_taken_back(engine: Engine, web: httpx.AsyncClient) -> None:
    uid = (await made(web)).json()["uid"]
    body = {"recipients": [{"email": GUEST}]}
    draft = (await web.post(f"/v1/events/{uid}/campaigns", json=body)).json()["campaign"]
    path = f"/v1/campaigns/{draft['id']}"
    started = await web.post(f"{path}/start", json={"confirm_token": draft["confirm_token"]})
    assert (await taken_back(web, started)).json()["withdrawn"] == 1
    assert (await web.get(path)).json()["campaign"]["state"] == "cancelled"


async def test_nobody_takes_back_what_another_did_and_a_key_needs_the_verb(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    uid = (await made(web)).json()["uid"]
    invited = await web.post(f"/v1/events/{uid}/invites", json={"email": GUEST})
    async with bearing(web, await with_verbs(engine, "send", address="eve@example.com")) as eve:
        unknown = await taken_back(eve, invited)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_undo")
        assert (await eve.get("/v1/undo")).json() == {"undos": []}
    async with bearing(web, await with_verbs(engine, "create")) as creator:
        assert (await taken_back(creator, invited)).status_code == 403


def test_the_document_says_which_answers_may_have_it() -> None:
    schemas = document("https://cis.example.com")["components"]["schemas"]
    named = {name for name, schema in schemas.items() if "undo" in schema.get("properties", {})}
    assert {"RevisionUndoable", "InviteUndoable", "CampaignUndoable", "RemindedUndoable"} <= named
