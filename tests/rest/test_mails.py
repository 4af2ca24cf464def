"""The mail of an event, shown as it leaves at each revision, and the organizer's own as it came."""

from __future__ import annotations

import email
import email.policy
from pathlib import Path

import httpx
import pytest

from engine.engine import Engine
from tests.rest.test_events import made
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import deliver, engine_in, invite
from tests.support.inboxes import receiving
from tests.support.webs import key_for, served

BOB = "bob@example.com"


async def test_the_mail_is_shown_as_it_leaves_and_nothing_is_sent(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    event = (await made(web, description="Dear {{name}}")).json()
    shown = (await web.get(f"/v1/events/{event['id']}/message")).json()
    assert (shown["kind"], shown["revision"], shown["revisions"], shown["to"]) == ("invite", 0, [0], "")
    assert shown["subject"] == "Spring concert"
    assert "Main hall" in shown["text"]
    assert "<html" in shown["html"]
    assert shown["calendar"].startswith("BEGIN:VCALENDAR")
    assert shown["mails"] == []
    assert await deliver(engine) == []


async def test_an_attendee_s_mail_has_their_values_and_nobody_s_token(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    uid = (await made(web, description="Dear {{name}}")).json()["uid"]
    event = await engine.event(uid, engine.local)
    token = (await invite(engine, event, BOB, name="Bob")).attendee.token
    shown = await web.get(f"/v1/events/{uid}/message", params={"email": "BOB@example.com"})
    assert shown.json()["to"] == BOB
    assert "Dear Bob" in shown.json()["text"]
    assert token not in shown.text
    unknown = await web.get(f"/v1/events/{uid}/message", params={"email": "eve@example.com"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_attendee")


async def test_each_revision_shows_what_was_mailed_then(web: httpx.AsyncClient) -> None:
    uid = (await made(web)).json()["uid"]
    await web.patch(f"/v1/events/{uid}", json={"location": "Small hall"})
    await web.post(f"/v1/events/{uid}/cancel", json={})
    at = f"/v1/events/{uid}/message"
    found = [(await web.get(at, params={"revision": n})).json() for n in (0, 1, 2)]
    assert [one["kind"] for one in found] == ["invite", "update", "cancellation"]
    assert ["Main hall" in one["calendar"] for one in found] == [True, False, False]
    assert found[0]["revisions"] == [0, 1, 2]
    missing = await web.get(at, params={"revision": 7})
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_revision")
    assert "0, 1, 2" in missing.json()["hint"]


async def test_events_of_others_show_nothing(engine: Engine, web: httpx.AsyncClient) -> None:
    uid = (await made(web)).json()["uid"]
    other = {"x-api-key": await key_for(engine, "ben@example.com")}
    for path in ("message", "mails/x"):
        answer = await web.get(f"/v1/events/{uid}/{path}", headers=other)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_event")


@pytest.mark.parametrize("name", ["../../cis.db", "x", "."])
async def test_only_the_organizer_s_mails_are_files_that_can_be_read(
    web: httpx.AsyncClient, name: str
) -> None:
    uid = (await made(web)).json()["uid"]
    answer = await web.get(f"/v1/events/{uid}/mails/{name.replace('/', '%2F')}")
    assert answer.status_code in {400, 404}


async def test_the_organizer_s_own_mail_is_given_as_it_came(tmp_path: Path) -> None:
    async with (
        engine_in(tmp_path, Clock(), authserv_ids=mails.OPERATOR_SERVER) as engine,
        receiving(engine) as post,
    ):
        taken = await post(mails.request(), "create@cis.test")
        key = {"x-api-key": await key_for(engine, "olga@cis.test")}
        async with (
            served(engine) as address,
            httpx.AsyncClient(base_url=address, headers=key, timeout=60) as web,
        ):
            found = (await web.get(f"/v1/events/{taken.uid}/message")).json()["mails"]
            raw = await web.get(f"/v1/events/{taken.uid}/mails/{found[0]}")
    assert (len(found), raw.headers["content-type"]) == (1, "message/rfc822")
    original = email.message_from_bytes(raw.content, policy=email.policy.default)
    assert original["From"] == "Olga Organizer <olga@cis.test>"
