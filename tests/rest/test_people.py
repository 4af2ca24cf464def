"""Invites, withdrawals, reminders, attendees, proposals and reports over /v1."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import httpx

from engine.commands.answers.proposals import RecordProposal
from engine.engine import SYSTEM, Engine
from engine.model.people import Partstat
from engine.model.times import Span
from tests.rest.test_events import made
from tests.support.clock import Clock
from tests.support.engines import answer, attendee, created, deliver, do, jobs_done
from tests.support.webs import key_for


async def test_an_invite_is_owed_once_and_its_story_tells_what_became_of_it(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    path = (await made(web)).headers["location"]
    first = await web.post(f"{path}/invites", json={"email": "Bob@example.com", "name": "Bob"})
    again = await web.post(f"{path}/invites", json={"email": "bob@example.com"})
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["state"], again.json()["already"]) == ("queued", True)
    assert first.json()["message_id"] == again.json()["message_id"]
    assert len(await deliver(engine)) == 1
    story = (await web.get(f"{path}/attendees/bob@example.com")).json()
    assert [(m["kind"], m["state"]) for m in story["messages"]] == [("invite", "sent")]


async def test_who_answered_what_is_listed_masked_unless_the_key_may_report(
    engine: Engine, address: str, web: httpx.AsyncClient
) -> None:
    event = (await made(web)).json()
    path = f"/v1/events/{event['uid']}/attendees"
    for name in ("bob", "cid"):
        await web.post(f"/v1/events/{event['uid']}/invites", json={"email": f"{name}@example.com"})
    await deliver(engine)
    stored = await engine.event(event["uid"], engine.local)
    await answer(engine, await attendee(engine, stored, "bob@example.com"), Partstat.ACCEPTED)
    shown = (await web.get(path)).json()["attendees"]
    assert [(one["email"], one["status"]) for one in shown] == [
        ("b*******@example.com", "accepted"),
        ("c*******@example.com", "noaction"),
    ]
    full = (await web.get(path, params={"masked": "false", "status": "accepted"})).json()["attendees"]
    assert [one["email"] for one in full] == ["bob@example.com"]
    reader = await key_for(engine, "ann@example.com", scopes=frozenset({"read"}))
    refused = await web.get(path, params={"masked": "false"}, headers={"x-api-key": reader})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    first = (await web.get(path, params={"limit": 1})).json()
    second = (await web.get(path, params={"limit": 1, "cursor": first["next_cursor"]})).json()
    assert second["attendees"][0]["email"] == "c*******@example.com"
    counted = (await web.get(f"/v1/events/{event['uid']}/statistics", params={"by": "domain"})).json()
    assert counted["rsvp"]["accepted"] == 1
    assert counted["groups"][0]["key"] == "example.com"
    assert (await web.get("/v1/statistics", params={"by": "event"})).json()["groups"][0]["key"] == event[
        "uid"
    ]
    assert (await web.get("/v1/statistics", params={"scope": "system"})).status_code == 403


async def test_one_person_is_withdrawn_and_another_reminded(engine: Engine, web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    for name in ("bob", "cid"):
        await web.post(f"{path}/invites", json={"email": f"{name}@example.com"})
    await deliver(engine)
    gone = (await web.post(f"{path}/withdrawals", json={"email": "bob@example.com"})).json()
    assert (gone["mailed"], gone["already"]) == (True, False)
    told = (await web.post(f"{path}/reminders", json={}, params={"dry_run": "true"})).json()
    assert (told["reminded"], told["dry_run"]) == (1, True)
    told = (await web.post(f"{path}/reminders", json={})).json()
    assert told["emails"] == ["c*******@example.com"]
    assert {m.kind for m in await deliver(engine)} == {"withdrawal", "reminder"}
    again = (await web.post(f"{path}/reminders", json={})).json()
    assert [(g["reason"], g["people"]) for g in again["left_out"]] == [("reminded_today", 1)]


async def test_a_proposed_time_is_listed_and_accepted(engine: Engine, web: httpx.AsyncClient) -> None:
    event = (await made(web)).json()
    path = f"/v1/events/{event['uid']}"
    await web.post(f"{path}/invites", json={"email": "bob@example.com"})
    await deliver(engine)
    stored = await engine.event(event["uid"], engine.local)
    token = (await attendee(engine, stored, "bob@example.com")).token
    later = Span(
        start=stored.span.start + timedelta(hours=1),  # type: ignore[operator]
        end=stored.span.end + timedelta(hours=1),  # type: ignore[operator]
        timezone=stored.span.timezone,
    )
    await do(engine, RecordProposal(token=token, span=later), SYSTEM)
    listed = (await web.get(f"{path}/proposals")).json()["proposals"]
    assert listed[0]["start"]["local"] == "2027-05-02T20:00:00-04:00"
    answer_to, accept = f"{path}/proposals/answer", {"email": "bob@example.com", "answer": "accept"}
    unseen = await web.post(answer_to, json=accept, headers={"If-Match": '"7"'})
    assert (unseen.status_code, unseen.json()["code"]) == (412, "sequence_mismatch")
    answered = await web.post(answer_to, json=accept, headers={"If-Match": '"0"'})
    assert answered.headers["etag"] == '"1"'
    assert answered.json()["event"]["start"]["local"] == "2027-05-02T20:00:00-04:00"
    assert (await web.get(f"{path}/proposals")).json()["proposals"] == []
    gone = await web.post(f"{path}/proposals/answer", json={"email": "bob@example.com", "answer": "decline"})
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_proposal")


async def test_the_report_is_mailed_to_the_organizer_or_read_as_csv(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    path = (await made(web)).headers["location"]
    await web.post(f"{path}/invites", json={"email": "bob@example.com", "name": "=1+1"})
    sent = await web.post(f"{path}/report", json={})
    assert (sent.status_code, sent.json()["sent_to"], sent.json()["rows"]) == (202, "ann@example.com", 1)
    read = await web.get(f"{path}/report")
    assert read.headers["content-type"].startswith("text/csv")
    assert read.text == "email,name,status,origin,prodid,answered\r\nbob@example.com,'=1+1,noaction,api,,\r\n"


async def test_what_happened_is_told_from_a_cursor_on(
    engine: Engine, clock: Clock, web: httpx.AsyncClient
) -> None:
    start = (await web.get("/v1/changes")).json()["cursor"]
    event = (await made(web)).json()
    found = (await web.get("/v1/changes", params={"since": start})).json()
    assert [one["uid"] for one in found["changes"]] == [event["uid"]]
    again = (await web.get("/v1/changes", params={"since": found["cursor"]})).json()
    assert (again["changes"], again["more"]) == ([], False)
    kinds = {"since": start, "kinds": [found["changes"][0]["kind"]]}
    assert len((await web.get("/v1/changes", params=kinds)).json()["changes"]) == 1


async def test_a_key_that_may_only_read_learns_no_address_that_it_does_not_name(
    engine: Engine, address: str, web: httpx.AsyncClient
) -> None:
    event = (await made(web)).json()
    path = f"/v1/events/{event['uid']}"
    await web.post(f"{path}/invites", json={"email": "bob@example.com"})
    people = [{"email": "bob@example.com"}, {"email": "bob@example.com"}]
    draft = (await web.post(f"{path}/campaigns", json={"recipients": people})).json()["campaign"]
    bob = await attendee(engine, await engine.event(event["uid"], engine.local), "bob@example.com")
    stored = await engine.event(event["uid"], engine.local)
    await do(engine, RecordProposal(token=bob.token, span=stored.span), SYSTEM)
    reader = {"x-api-key": await key_for(engine, "ann@example.com", scopes=frozenset({"read"}))}
    for place in (f"{path}/proposals", f"/v1/campaigns/{draft['id']}", "/v1/campaigns", "/v1/changes"):
        shown = await web.get(place, headers=reader)
        assert (shown.status_code, "bob@" in shown.text) == (200, False), place
    assert (await web.get("/v1/suppressions", headers=reader)).status_code == 403
    named = await web.get("/v1/suppressions", headers=reader, params={"address": "bob@example.com"})
    assert (named.status_code, named.json()["entries"]) == (200, [])


async def test_a_story_names_the_campaign_in_which_a_mail_waits_or_is_still_written(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    path = (await made(web)).headers["location"]
    drafted = await web.post(f"{path}/campaigns", json={"recipients": [{"email": "bob@example.com"}]})
    campaign = drafted.json()["campaign"]
    at = f"/v1/campaigns/{campaign['id']}"
    await web.post(f"{at}/start", json={"confirm_token": campaign["confirm_token"]})
    await jobs_done(engine)
    await web.post(f"{at}/pause")
    (message,) = (await web.get(f"{path}/attendees/bob@example.com")).json()["messages"]
    assert (message["owed"], message["campaign_state"]) == (True, "paused")
    await web.post(f"{at}/resume")
    await deliver(engine)
    changed = await web.patch(path, json={"location": "Hall 2", "audience": "all"})
    story = (await web.get(f"{path}/attendees/bob@example.com")).json()
    assert story["being_written"] == [changed.json()["campaign_id"]]


async def test_an_address_with_a_slash_is_asked_for_as_any_other(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    path, room = (await made(web)).headers["location"], "floor2/hall@example.com"
    assert (await web.post(f"{path}/invites", json={"email": room})).status_code == 201
    at = f"{path}/attendees/{quote(room, safe='')}"
    assert (await web.get(at)).json()["email"] == room
    assert (await web.get(f"{at}/preview")).status_code == 200
    assert (await web.get(f"{path}/attendees/nothing/there")).json()["code"] == "unknown_attendee"
    operator = {"x-api-key": await key_for(engine, api="admin")}
    await created(engine, organizer=room)
    for shadow in ("", "shadow/"):
        listed = await web.get(f"/organizer/{shadow}{quote(room, safe='')}/events", headers=operator)
        assert len(listed.json()) == 1
