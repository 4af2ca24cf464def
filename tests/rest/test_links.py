"""Links for newsletters over /v1."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from engine.commands.pages.links import CreateLink
from engine.commands.pages.pages import CreatePage
from engine.engine import Engine
from tests.rest.test_agents import bearing, with_verbs
from tests.rest.test_events import made
from tests.support.engines import created, deliver, do
from tests.support.webs import key_for


async def test_a_link_is_made_shown_changed_and_ended(engine: Engine, web: httpx.AsyncClient) -> None:
    async with bearing(web, await with_verbs(engine, "publish", "create")) as publisher:
        event = (await made(publisher)).json()
        asked = {"name": "May", "events": [event["uid"]], "vendor": "beehiiv", "button": "Register Now"}
        answer = await publisher.post("/v1/links", json=asked)
        assert answer.status_code == 201, answer.text
        at = answer.headers["location"]
        assert (await publisher.get(at)).json() == answer.json()["link"]
        assert (await publisher.get(f"{at}/code")).json() == answer.json()["code"]
        other = (await publisher.get(f"{at}/code?vendor=ghost")).json()
        assert other["plain_link"].endswith("?e={email}")
        path = answer.json()["link"]["url"].partition("8000")[2]
        assert "Register Now" in (await publisher.get(path)).text
        ended = await publisher.patch(at, json={"active": False})
        assert ended.json()["changed"] == ["active"]
        assert (await publisher.patch(at, json={"active": False})).json()["changed"] == []
        assert (await publisher.get(path)).status_code == 404
        bad = await publisher.post("/v1/links", json={**asked, "landing": "https://evil.example"})
        assert (bad.status_code, bad.json()["code"]) == (400, "url_not_allowed")
    assert (await web.post("/v1/links", json=asked)).status_code == 403
    async with bearing(web, await with_verbs(engine, "publish", address="ben@example.com")) as other_one:
        assert (await other_one.get(at)).json()["code"] == "unknown_link"


async def test_links_are_paged_and_mail_services_listed(engine: Engine, web: httpx.AsyncClient) -> None:
    async with bearing(web, await with_verbs(engine, "publish", "create")) as publisher:
        event = (await made(publisher)).json()
        for name in ("One", "Two", "Three"):
            asked = {"name": name, "events": [event["uid"]], "vendor": "own"}
            await publisher.post("/v1/links", json=asked)
        first = (await publisher.get("/v1/links?limit=2")).json()
        rest = (await publisher.get("/v1/links", params={"cursor": first["next_cursor"]})).json()
        assert {one["name"] for one in first["links"] + rest["links"]} == {"One", "Two", "Three"}
        assert (await publisher.get("/v1/links?cursor=x")).json()["code"] == "invalid_cursor"
        vendors = (await publisher.get("/v1/vendors")).json()["vendors"]
        assert [vendors[0]["id"], vendors[-1]["id"]] == ["mailchimp", "own"]


async def test_an_invite_is_previewed_and_nothing_is_sent(engine: Engine, web: httpx.AsyncClient) -> None:
    async with bearing(web, await with_verbs(engine, "create")) as reader:
        event = (await made(reader)).json()
        at = f"/v1/events/{event['uid']}/attendees"
        answer = await reader.get(f"{at}/ann@outlook.com/preview")
        assert answer.status_code == 200, answer.text
        assert answer.json()["likely"] == "outlook_web"
        assert (await reader.get(f"{at}/nobody/preview")).status_code == 400
    assert await deliver(engine) == []


async def test_hosts_are_allowed_to_lead_to_and_a_link_to_them_is_made(
    web: httpx.AsyncClient, engine: Engine
) -> None:
    async with bearing(web, await with_verbs(engine, "publish", "create")) as publisher:
        event = (await made(publisher)).json()
        body = {
            "name": "May",
            "events": [event["uid"]],
            "vendor": "mailchimp",
            "landing": "https://shop.example/a",
        }
        assert (await publisher.post("/v1/links", json=body)).json()["code"] == "url_not_allowed"
        allowed = await publisher.post("/v1/landing-hosts", json={"hosts": ["Shop.example"]})
        assert allowed.json() == {"organizer": "ann@example.com", "hosts": ["shop.example"]}
        made_now = (await publisher.post("/v1/links", json=body)).json()
    assert made_now["link"]["landing"] == "https://shop.example/a"
    assert (await web.post("/v1/landing-hosts", json={"hosts": []})).status_code == 403


async def test_the_key_of_a_signed_link_is_shown_to_who_may_make_links_alone(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    async with bearing(web, await with_verbs(engine, "publish", "create")) as publisher:
        event = (await made(publisher)).json()
        asked = {"name": "May", "events": [event["uid"]], "vendor": "braze", "signed": True}
        answer = await publisher.post("/v1/links", json=asked)
        at, key = answer.headers["location"], answer.json()["code"]["key"]
        assert key in (await publisher.get(f"{at}/code")).json()["plain_link"]
    for reader in (await with_verbs(engine), await with_verbs(engine, "report", address="@example.com")):
        async with bearing(web, reader) as other:
            for vendor in ("braze", "salesforce", "own"):
                seen = await other.get(f"{at}/code", params={"vendor": vendor})
                assert seen.json()["key"] == ""
                assert key not in seen.text
            assert "'[key]'" in (await other.get(f"{at}/code")).json()["plain_link"]


@pytest.mark.parametrize(
    "narrowed", [{"read_only": True}, {"tools": ("list_links", "update_link")}, {"tools": ("list_links",)}]
)
async def test_a_key_that_is_narrowed_not_to_make_links_is_not_shown_theirs(
    engine: Engine, web: httpx.AsyncClient, narrowed: dict[str, Any]
) -> None:
    async with bearing(web, await with_verbs(engine, "publish", "create")) as publisher:
        event = (await made(publisher)).json()
        asked = {"name": "May", "events": [event["uid"]], "vendor": "braze", "signed": True}
        answer = await publisher.post("/v1/links", json=asked)
        at, key = answer.headers["location"], answer.json()["code"]["key"]
    async with bearing(
        web, await key_for(engine, scopes=frozenset({"read", "publish"}), **narrowed)
    ) as other:
        seen = await other.get(f"{at}/code")
        assert (seen.status_code, seen.json()["key"]) == (200, "")
        assert key not in seen.text
        assert key not in (await other.patch(at, json={"button": "Send me the dates"})).text


async def test_whoever_owns_a_domain_lists_the_links_and_pages_of_its_organizers(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    event, other = await created(engine, organizer="ann@example.com"), await created(engine)
    for one in (event, other):
        await do(engine, CreateLink(name=one.organizer, events=(one.uid,), vendor="own"))
        await do(engine, CreatePage(title="Season", organizer=one.organizer))
    async with bearing(web, await with_verbs(engine, address="@example.com")) as owner:
        for what in ("links", "pages"):
            (found,) = (await owner.get(f"/v1/{what}")).json()[what]
            assert found["organizer"] == "ann@example.com"


async def test_all_links_and_pages_are_listed_page_by_page(engine: Engine, web: httpx.AsyncClient) -> None:
    event = (await made(web)).json()
    for n in range(501):
        await do(engine, CreateLink(name=f"{n}", events=(event["uid"],), vendor="own"))
        await do(engine, CreatePage(title=f"Page {n}", organizer=event["organizer"]))
    for what, name in (("links", "id"), ("pages", "slug")):
        found, cursor = set(), None
        while True:
            page = (
                await web.get(f"/v1/{what}", params={"limit": 100, **({"cursor": cursor} if cursor else {})})
            ).json()
            found |= {one[name] for one in page[what]}
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert len(found) == 501, what
