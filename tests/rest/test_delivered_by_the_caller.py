"""Invites that a program sends by a mail service of its own."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage

import httpx

from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.people import Partstat
from tests.judges import judge
from tests.rest.test_events import made
from tests.support.engines import answer, attendee, deliver
from tests.support.webs import key_for

BOB = {"email": "bob@example.com", "name": "Bob"}


async def _invited(web: httpx.AsyncClient, uid: str) -> httpx.Response:
    return await web.post(f"/v1/events/{uid}/invites", params={"deliver": "self"}, json=BOB)


def _parsed(mail: str) -> EmailMessage:
    found = email.message_from_string(mail, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


async def test_the_composed_mail_is_given_and_nothing_leaves_from_here(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    uid = (await made(web, description="Dear {{name}}")).json()["uid"]
    first = await _invited(web, uid)
    assert first.status_code == 201
    found = first.json()
    assert (found["state"], found["code"], found["already"]) == ("sent", "handed_over", False)
    assert judge(found["mail"].encode()) == []
    mail = _parsed(found["mail"])
    guest = await attendee(engine, await engine.event(uid, engine.local), BOB["email"])
    assert guest.token in found["mail_from"]
    assert mail["To"] == "Bob <bob@example.com>"
    assert await deliver(engine) == []
    counted = (await web.get(f"/v1/events/{uid}/statistics")).json()
    assert counted["delivery"]["sent"] == 1
    assert await engine.check() == []


async def test_asking_again_gives_the_same_mail_and_counts_once(web: httpx.AsyncClient) -> None:
    uid = (await made(web)).json()["uid"]
    first, again = await _invited(web, uid), await _invited(web, uid)
    assert (again.status_code, again.json()["already"]) == (200, True)
    ids = {_parsed(one.json()["mail"])["Message-ID"] for one in (first, again)}
    assert len(ids) == 1
    assert (await web.get(f"/v1/events/{uid}/statistics")).json()["delivery"]["sent"] == 1


async def test_who_was_mailed_from_here_is_not_handed_over_as_well(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    uid = (await made(web)).json()["uid"]
    await web.post(f"/v1/events/{uid}/invites", json=BOB)
    refused = await _invited(web, uid)
    assert (refused.status_code, refused.json()["code"]) == (409, "already_invited")
    assert len(await deliver(engine)) == 1


async def test_answers_count_and_changes_are_mailed_from_here(engine: Engine, web: httpx.AsyncClient) -> None:
    uid = (await made(web)).json()["uid"]
    await _invited(web, uid)
    event = await engine.event(uid, engine.local)
    await answer(engine, await attendee(engine, event, BOB["email"]), Partstat.ACCEPTED)
    await web.patch(f"/v1/events/{uid}", json={"location": "Small hall"})
    assert [mail.email for mail in await deliver(engine)] == [BOB["email"]]


async def test_bounds_hold_for_mails_that_others_send(engine: Engine, web: httpx.AsyncClient) -> None:
    uid = (await made(web)).json()["uid"]
    for bound in ({"to": ["*@other.example"]}, {"verbs": ["create"]}):
        bounds = Bounds.model_validate({**bound, "horizon_days": 0})
        headers = {"x-api-key": await key_for(engine, "ann@example.com", bounds=bounds)}
        answer = await web.post(
            f"/v1/events/{uid}/invites", params={"deliver": "self"}, json=BOB, headers=headers
        )
        assert answer.status_code == 403, answer.text
