"""What an agent's program asks over /v1 beside events: keys, approvals, mail, the record, the do-not-mail list."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from engine.commands.agents.messages import TakeMessage
from engine.engine import SYSTEM, Engine
from engine.model.bounds import Approval, Bounds
from tests.rest.test_events import made
from tests.support.engines import deliver
from tests.support.webs import key_for

ANN = "ann@example.com"


@asynccontextmanager
async def bearing(web: httpx.AsyncClient, secret: str) -> AsyncIterator[httpx.AsyncClient]:
    """A program that bears another key at the same server."""
    async with httpx.AsyncClient(base_url=web.base_url, headers={"x-api-key": secret}, timeout=60) as other:
        yield other


async def with_verbs(engine: Engine, *verbs: str, address: str = ANN) -> str:
    return await key_for(engine, address, scopes=frozenset({"read", *verbs}))


async def test_a_key_makes_narrower_keys_and_ends_them(engine: Engine, web: httpx.AsyncClient) -> None:
    async with bearing(web, await with_verbs(engine, "delegate", "create", "send")) as parent:
        answer = await parent.post("/v1/keys", json={"name": "helper", "bounds": {"verbs": ["create"]}})
        assert answer.status_code == 201, answer.text
        child = answer.json()
        location = answer.headers["location"]
        assert (child["key"]["name"], child["key"]["state"]) == ("helper", "live")
        assert child["key"]["verbs"] == ["create", "read"]
        assert "secret" not in (await parent.get(location)).text
        listed = (await parent.get("/v1/keys")).json()["keys"]
        assert {key["id"] for key in listed} == {child["key"]["id"], *child["key"]["under"]}
        async with bearing(web, child["secret"]) as helper:
            assert (await made(helper)).status_code == 201
            (own,) = (await helper.get("/v1/keys")).json()["keys"]
            assert own["id"] == child["key"]["id"]
            assert (await parent.post(f"{location}/revoke")).json()["state"] == "revoked"
            assert (await helper.get("/v1/events")).status_code == 401


async def test_a_key_wider_than_its_own_is_refused(engine: Engine, web: httpx.AsyncClient) -> None:
    async with bearing(web, await with_verbs(engine, "delegate")) as parent:
        answer = await parent.post("/v1/keys", json={"bounds": {"verbs": ["bulk"]}})
        assert (answer.status_code, answer.json()["code"]) == (403, "out_of_bounds")
        odd = await parent.post("/v1/keys", json={"bounds": {"colour": "red"}})
        assert (odd.status_code, odd.json()["errors"][0]["field"]) == (400, "/bounds/colour")
        assert len((await parent.get("/v1/keys")).json()["keys"]) == 1


async def test_nobody_sees_keys_of_others(engine: Engine, web: httpx.AsyncClient) -> None:
    ben = await key_for(engine, "ben@example.com")
    theirs = next(key.id for key in await engine.keys() if key.address == "ben@example.com")
    assert all(key["address"] == ANN for key in (await web.get("/v1/keys")).json()["keys"])
    for key_id in (theirs, "nothing"):
        answer = await web.get(f"/v1/keys/{key_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_key")
    async with bearing(web, ben) as other:
        assert (await other.get(f"/v1/keys/{theirs}")).status_code == 200


async def test_keys_are_paged(engine: Engine, web: httpx.AsyncClient) -> None:
    async with bearing(web, await with_verbs(engine, "approve")) as reviewer:
        for _ in range(3):
            await key_for(engine, ANN)
        seen: list[str] = []
        cursor = ""
        while True:
            page = (
                await reviewer.get("/v1/keys", params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
            ).json()
            seen += [key["id"] for key in page["keys"]]
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert seen == sorted(key.id for key in await engine.keys())
        assert (await reviewer.get("/v1/keys?cursor=forged")).json()["code"] == "invalid_cursor"


async def test_what_waits_is_listed_and_decided_once_by_another_key(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    path = (await made(web)).headers["location"]
    bounds = Bounds(verbs={"read", "send"}, approval=(Approval.EVERYTHING,))  # type: ignore[arg-type]
    async with (
        bearing(web, await key_for(engine, ANN, bounds=bounds)) as asking,
        bearing(web, await with_verbs(engine, "approve")) as reviewer,
    ):
        waits = (await asking.post(f"{path}/invites", json={"email": "bob@example.com"})).json()["held"]
        at = f"/v1/held-actions/{waits['id']}"
        (listed,) = (await reviewer.get("/v1/held-actions")).json()["held_actions"]
        seen = (await asking.get(at)).json()
        assert (listed.pop("decidable"), seen.pop("decidable")) == (True, False)
        assert listed == seen
        assert (listed["state"], listed["people"]) == ("waiting", 1)
        own = await asking.post(f"{at}/decision", json={"decision": "approve"})
        assert (own.status_code, own.json()["code"]) == (403, "not_allowed")
        silent = await reviewer.post(f"{at}/decision", json={"decision": "refuse"})
        assert (silent.status_code, silent.json()["code"]) == (400, "invalid_argument")
        for _ in range(2):
            decided = await reviewer.post(f"{at}/decision", json={"decision": "approve"})
            assert (decided.status_code, decided.json()["state"]) == (200, "approved")
        assert [mail.email for mail in await deliver(engine)] == ["bob@example.com"]
        assert (await reviewer.get("/v1/held-actions")).json()["held_actions"] == []
        assert len((await reviewer.get("/v1/held-actions?waiting=false")).json()["held_actions"]) == 1


async def test_a_key_is_stopped_and_goes_on(engine: Engine, web: httpx.AsyncClient, key: str) -> None:
    path = f"/v1/keys/{(await engine.keys())[0].id}"
    async with bearing(web, await with_verbs(engine, "approve")) as reviewer:
        assert (await reviewer.post(f"{path}/stop")).json()["state"] == "stopped"
        assert (await web.post("/v1/events", json={"summary": "x", "start": "2027-05-02"})).status_code == 403
        assert (await reviewer.post(f"{path}/resume")).json()["state"] == "live"
    await made(web)


@pytest.mark.parametrize("target", ["bob@example.com", "example.com"])
async def test_the_do_not_mail_list_is_kept(engine: Engine, web: httpx.AsyncClient, target: str) -> None:
    async with bearing(web, await with_verbs(engine, "suppress", "create", "send")) as keeper:
        path = (await made(keeper)).headers["location"]
        added = await keeper.post("/v1/suppressions", json={"addresses": [target]})
        assert (added.status_code, added.json()["added"]) == (200, 1)
        (entry,) = (await keeper.get("/v1/suppressions", params={"address": target})).json()["entries"]
        assert (entry["target"], entry["reason"], entry["organizer"]) == (target, "asked", ANN)
        assert (await keeper.get("/v1/suppressions")).json()["entries"] == [entry]
        refused = await keeper.post(f"{path}/invites", json={"email": "bob@example.com"})
        assert (refused.status_code, refused.json()["code"]) == (403, "address_suppressed")
        removed = await keeper.post("/v1/suppressions/remove", json={"addresses": [target, "x@b.example"]})
        assert removed.json()["removed"] == [target]
        assert removed.json()["not_listed"] == ["x@b.example"]
        assert (await keeper.post(f"{path}/invites", json={"email": "bob@example.com"})).status_code == 201


async def test_mail_to_the_agent_is_read_and_answered(engine: Engine, web: httpx.AsyncClient) -> None:
    taken = TakeMessage(
        organizer=ANN,
        sender="bob@example.com",
        name="Bob",
        title="When?",
        body="Hello " * 100,
        proof="example.com",
        answerable=True,
        message_id="first@example.com",
    )
    at = f"/v1/messages/{(await engine.apply(taken, SYSTEM)).message.id}"
    async with bearing(web, await with_verbs(engine, "reply")) as agent:
        (listed,) = (await agent.get("/v1/messages")).json()["messages"]
        assert (listed["sender"], listed["proof"], listed["cut"]) == ("bob@example.com", "example.com", True)
        whole = (await agent.get(at)).json()
        assert (whole["text"], whole["cut"]) == (("Hello " * 100).strip(), False)
        for status in ("queued", "already_sent"):
            answer = await agent.post(f"{at}/reply", json={"text": "At seven."})
            assert (answer.status_code, answer.json()["status"]) == (200, status)
        assert [mail.email for mail in await deliver(engine)] == ["bob@example.com"]
        assert (await agent.get("/v1/messages/none")).status_code == 404
    assert (await web.get("/v1/messages")).status_code == 403


async def test_the_record_tells_a_key_what_it_did(web: httpx.AsyncClient) -> None:
    await made(web)
    rows = (await web.get("/v1/record?limit=1")).json()
    (row,) = rows["rows"]
    assert (row["command"], row["outcome"], row["face"]) == ("CreateEvent", "done", "rest")
    assert ANN not in str(rows)
