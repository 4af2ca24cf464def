"""Pages and triggers over /v1: proposed, tried, changed; nothing goes live that only an operator may make live."""

from __future__ import annotations

import hashlib
import json

import httpx
import pytest

from engine.commands.triggers.triggers import CreateTrigger, SetTriggerLive, SetTriggerSecrets
from engine.engine import Engine
from tests.rest.test_agents import bearing, with_verbs
from tests.rest.test_events import made
from tests.support.engines import do
from tests.triggers.crm import RULES, deal, delivered, deliveries, handled, signed, trigger


async def test_a_page_is_made_changed_and_taken_off_the_web(engine: Engine, web: httpx.AsyncClient) -> None:
    async with bearing(web, await with_verbs(engine, "publish", "create")) as publisher:
        await made(publisher)
        answer = await publisher.post("/v1/pages", json={"title": "Season", "by": "month"})
        assert answer.status_code == 201, answer.text
        assert (answer.json()["events"], answer.json()["page"]["by"]) == (1, "month")
        at = answer.headers["location"]
        assert (await publisher.get(at)).json() == answer.json()["page"]
        slug = answer.json()["page"]["slug"]
        assert (await publisher.get(f"/s/{slug}")).status_code == 200
        changed = await publisher.patch(at, json={"published": False})
        assert changed.json()["changed"] == ["published"]
        assert (await publisher.patch(at, json={"published": False})).json()["changed"] == []
        assert (await publisher.get(f"/s/{slug}")).status_code == 404
    assert (await web.patch(at, json={"title": "Other"})).status_code == 403
    async with bearing(web, await with_verbs(engine, "publish", address="ben@example.com")) as other:
        assert (await other.get(at)).json()["code"] == "unknown_page"
        assert (await other.patch(at, json={"title": "Other"})).status_code == 404


async def test_one_switch_publishes_every_event(engine: Engine, web: httpx.AsyncClient) -> None:
    async with bearing(web, await with_verbs(engine, "publish")) as publisher:
        for on in (True, True, False):
            answer = await publisher.post("/v1/publishing", json={"on": on})
            assert answer.status_code == 200, answer.text
            assert (answer.json()["on"], answer.json()["page"]["published"]) == (on, on)
        theirs = await publisher.post("/v1/publishing", json={"on": True, "organizer": "eve@example.org"})
        assert theirs.status_code == 403
    assert (await web.post("/v1/publishing", json={"on": True})).status_code == 403


async def test_pages_are_paged_by_cursors_that_cannot_be_made_up(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    async with bearing(web, await with_verbs(engine, "publish")) as publisher:
        for title in ("One", "Two", "Three"):
            await publisher.post("/v1/pages", json={"title": title})
        first = (await publisher.get("/v1/pages?limit=2")).json()
        rest = (await publisher.get("/v1/pages", params={"cursor": first["next_cursor"]})).json()
        titles = [page["title"] for page in first["pages"] + rest["pages"]]
        assert sorted(titles) == ["One", "Three", "Two"]
        assert rest["next_cursor"] is None
        assert (await publisher.get("/v1/pages?cursor=x")).json()["code"] == "invalid_cursor"


async def test_a_trigger_is_proposed_tried_and_stays_a_draft(engine: Engine, web: httpx.AsyncClient) -> None:
    async with bearing(web, await with_verbs(engine, "trigger", "create", "update", "send")) as proposer:
        asked = {"name": "deals", "sender": "github", "rules": RULES}
        answer = await proposer.post("/v1/triggers", json=asked)
        assert answer.status_code == 201, answer.text
        assert answer.json()["trigger"]["state"] == "draft"
        assert (await proposer.get("/v1/triggers")).json()["triggers"] == [answer.json()["trigger"]]
        tried = (await proposer.post("/v1/triggers/deals/test", json={"body": deal()})).json()["tried"]
        assert [(one["outcome"], one["invites_total"]) for one in tried] == [("waiting", 2)]
        assert (await proposer.get("/v1/events")).json()["events"] == []
        weak = await proposer.post("/v1/triggers", json={**asked, "name": "flow", "sender": "bearer"})
        assert "Weak proof" in " ".join(weak.json()["trigger"]["warnings"])
        bad = await proposer.post("/v1/triggers", json={**asked, "rules": "when: [("})
        assert (bad.status_code, bad.json()["code"]) == (400, "invalid_rule")
        assert (await proposer.get("/v1/triggers/none/deliveries")).json()["code"] == "unknown_trigger"


@pytest.mark.parametrize("state", ["done", "failed"])
async def test_deliveries_are_listed_and_handled_anew(
    engine: Engine, web: httpx.AsyncClient, state: str
) -> None:
    hook = await trigger(engine)
    done = await delivered(engine, hook, deal(start="tomorrow") if state == "failed" else deal())
    async with bearing(web, await with_verbs(engine, "trigger", "create", address=hook.organizer)) as owner:
        at = f"/v1/triggers/{hook.name}/deliveries"
        (listed,) = (await owner.get(at, params={"state": state})).json()["deliveries"]
        assert (listed["id"], listed["state"]) == (done.id, state)
        assert (await owner.post(f"{at}/{done.id}/replay")).json()["code"] == "not_allowed"
        own = next(k for k in await engine.keys() if k.address == hook.organizer and k.id != hook.key)
        await do(engine, CreateTrigger(name=hook.name, proof=hook.proof, rules=hook.rules, key=own.id))
        await do(engine, SetTriggerLive(name=hook.name, live=True))
        again = await owner.post(f"{at}/{done.id}/replay")
        assert again.status_code == 200, again.text
        assert (await owner.post(f"{at}/nothing/replay")).json()["code"] == "unknown_delivery"


async def test_a_delivery_is_proven_once_more_over_rest_by_its_own_key_alone(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    hook, body = await trigger(engine), json.dumps(deal()).encode()
    posted = await web.post("/hooks/deals", content=body, headers=signed(body))
    assert posted.status_code == 200
    await handled(engine)
    (delivery,) = await deliveries(engine, hook)
    at = f"/v1/triggers/{hook.name}/deliveries/{delivery.id}/proof"
    async with bearing(web, await with_verbs(engine, "trigger", address=hook.organizer)) as owner:
        proof = (await owner.get(at)).json()
        assert (proof["holds"], proof["bytes"]) == (True, len(body))
        assert proof["sha256"] == hashlib.sha256(body).hexdigest()
        await do(engine, SetTriggerSecrets(name="deals", secrets=("another-secret",)))
        assert (await owner.get(at)).json()["holds"] is False
        missing = await owner.get(at.replace(delivery.id, "nothing"))
        assert (missing.status_code, missing.json()["code"]) == (404, "unknown_delivery")
    async with bearing(web, await with_verbs(engine, "trigger", address="other@cis.test")) as other:
        assert (await other.get(at)).json()["code"] == "unknown_trigger"
