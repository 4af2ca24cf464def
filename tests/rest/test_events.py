"""Events over /v1: made, read, changed, cancelled and found, as a program does it."""

from __future__ import annotations

from typing import Any

import httpx

from engine.engine import Engine
from engine.model.actors import Actor
from tests.support.engines import created, deliver
from tests.support.steps import ending

CONCERT = {
    "summary": "Spring concert",
    "start": "2027-05-02T19:00:00",
    "duration": "PT2H",
    "timezone": "America/New_York",
    "location": "Main hall",
}
PROBLEM = "application/problem+json"


async def made(web: httpx.AsyncClient, **values: Any) -> httpx.Response:
    answer = await web.post("/v1/events", json={**CONCERT, **values})
    assert answer.status_code == 201, answer.text
    return answer


async def test_an_event_is_created_and_read_where_location_says(web: httpx.AsyncClient) -> None:
    answer = await made(web)
    event = answer.json()
    assert event["start"] == {
        "local": "2027-05-02T19:00:00-04:00",
        "utc": "2027-05-02T23:00:00Z",
        "timezone": "America/New_York",
        "weekday": "Sunday",
    }
    assert event["organizer"] == "ann@example.com"
    read = await web.get(answer.headers["location"])
    assert read.json() == event
    assert (await web.get(f"/v1/events/{event['id']}")).json() == event


async def test_the_same_idempotency_key_makes_one_event(web: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "order-7"}
    first = await web.post("/v1/events", json=CONCERT, headers=headers)
    again = await web.post("/v1/events", json=CONCERT, headers=headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    other = await web.post("/v1/events", json={**CONCERT, "summary": "Other"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_an_idempotency_key_is_refused_where_it_would_not_hold(web: httpx.AsyncClient) -> None:
    uid = (await made(web)).json()["uid"]
    answer = await web.post(
        f"/v1/events/{uid}/campaigns",
        json={"recipients": [{"email": "bob@example.com"}]},
        headers={"Idempotency-Key": "x"},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")
    assert (await web.get("/v1/campaigns")).json()["campaigns"] == []


async def test_if_match_is_refused_where_no_revision_is_compared(web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    body = {"email": "bob@example.com"}
    answer = await web.post(f"{path}/invites", json=body, headers={"If-Match": '"7"'})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")
    assert (await web.get(f"{path}/attendees")).json()["attendees"] == []
    assert (await web.post(f"{path}/invites", json=body, headers={"If-Match": "*"})).status_code == 201


async def test_the_etag_is_the_revision_and_saves_reading_it_again(web: httpx.AsyncClient) -> None:
    answer = await made(web)
    path, tag = answer.headers["location"], answer.headers["etag"]
    assert tag == '"0"'
    same = await web.get(path, headers={"If-None-Match": tag})
    assert (same.status_code, same.content) == (304, b"")
    changed = await web.patch(path, json={"location": "Hall 2"}, headers={"If-Match": tag})
    assert changed.json()["changed"] == ["location"]
    assert changed.headers["etag"] == '"1"'
    assert (await web.get(path, headers={"If-None-Match": tag})).status_code == 200


async def test_a_header_of_blanks_is_read_once(web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    blanks = f"x{' ' * 50_000}x"
    with ending():
        assert (await web.get(path, headers={"If-None-Match": blanks})).status_code == 200
        late = await web.patch(path, json={"location": "Hall 2"}, headers={"If-Match": blanks})
    assert (late.status_code, late.json()["code"]) == (412, "sequence_mismatch")


async def test_a_change_of_a_revision_that_was_not_seen_is_refused(web: httpx.AsyncClient) -> None:
    answer = await made(web)
    path = answer.headers["location"]
    await web.patch(path, json={"location": "Hall 2"})
    for method, target in (("PATCH", path), ("POST", f"{path}/cancel")):
        body = {"location": "Hall 3"} if method == "PATCH" else {}
        for tags in ('"0"', 'W/"1"', "1", '"7", "8"'):
            late = await web.request(method, target, json=body, headers={"If-Match": tags})
            assert (late.status_code, late.json()["code"]) == (412, "sequence_mismatch")
    assert (await web.get(path)).json()["location"] == "Hall 2"
    fresh = await web.post(f"{path}/cancel", json={}, headers={"If-Match": '"0", "1"'})
    assert fresh.json()["event"]["status"] == "cancelled"


async def test_a_change_that_is_repeated_with_its_if_match_is_answered_as_the_first(
    web: httpx.AsyncClient,
) -> None:
    answer = await made(web)
    path, tag = answer.headers["location"], {"If-Match": answer.headers["etag"]}
    for changed in (["location"], []):
        done = await web.patch(path, json={"location": "Hall 2"}, headers=tag)
        assert (done.status_code, done.json()["changed"]) == (200, changed)
    seen = {"If-Match": done.headers["etag"]}
    for _ in range(2):
        cancelled = await web.post(f"{path}/cancel", json={}, headers=seen)
        assert (cancelled.status_code, cancelled.json()["event"]["sequence"]) == (200, 2)
    late = await web.patch(path, json={"location": "Hall 3"}, headers={"If-Match": f'"{"9" * 5000}"'})
    assert (late.status_code, late.json()["code"]) == (412, "sequence_mismatch")


async def test_a_date_that_is_cancelled_again_with_the_same_if_match_is_answered_as_the_first(
    web: httpx.AsyncClient,
) -> None:
    answer = await made(web, recurrence="FREQ=WEEKLY;COUNT=4")
    path, tag = f"{answer.headers['location']}/cancel", {"If-Match": answer.headers["etag"]}
    for _ in range(2):
        done = await web.post(path, json={"instance": "2027-05-09"}, headers=tag)
        assert (done.status_code, done.json()["event"]["sequence"]) == (200, 1)
    late = await web.post(path, json={"instance": "2027-05-16"}, headers=tag)
    assert (late.status_code, late.json()["code"]) == (412, "sequence_mismatch")


async def test_a_dry_run_shows_and_changes_nothing(web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    shown = await web.patch(path, params={"dry_run": "true"}, json={"start": "2027-05-03T19:00:00"})
    assert [one["field"] for one in shown.json()["changes"]] == ["start", "end"]
    assert (await web.get(path)).json()["sequence"] == 0


async def test_the_etag_of_a_dry_run_is_the_revision_that_stands(web: httpx.AsyncClient) -> None:
    answer = await made(web, recurrence="FREQ=WEEKLY;COUNT=4")
    path, tag = answer.headers["location"], answer.headers["etag"]
    asked: list[tuple[str, str, dict[str, str]]] = [
        ("PATCH", path, {"location": "Hall 2"}),
        ("PATCH", path, {"location": "Hall 2", "instance": "2027-05-09"}),
        ("POST", f"{path}/cancel", {}),
        ("POST", f"{path}/cancel", {"instance": "2027-05-16"}),
    ]
    for method, target, body in asked:
        dry = await web.request(method, target, params={"dry_run": "true"}, json=body)
        assert (dry.headers["etag"], dry.json()["event"]["sequence"]) == (tag, 0)
    await web.patch(path, json={"summary": "Matinee"})
    late = await web.patch(path, json={"location": "Hall 2"}, headers={"If-Match": dry.headers["etag"]})
    assert (late.status_code, late.json()["code"]) == (412, "sequence_mismatch")


async def test_cancelling_mails_those_invited_and_is_safe_to_repeat(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    path = (await made(web)).headers["location"]
    await web.post(f"{path}/invites", json={"email": "bob@example.com"})
    await deliver(engine)
    done = await web.post(f"{path}/cancel", json={"note": "The hall is closed"})
    assert (done.json()["event"]["status"], done.json()["notified"]) == ("cancelled", 1)
    assert [m.kind for m in await deliver(engine)] == ["cancellation"]
    again = await web.post(f"{path}/cancel", json={})
    dry = (await web.post(f"{path}/cancel", params={"dry_run": "true"}, json={})).json()
    assert (dry["changed"], dry["notified"], dry["campaign_id"]) == ([], 0, "")
    assert again.json()["event"]["sequence"] == done.json()["event"]["sequence"]
    assert await deliver(engine) == []


async def test_one_instance_is_changed_and_another_cancelled(web: httpx.AsyncClient) -> None:
    path = (await made(web, recurrence="FREQ=WEEKLY;COUNT=4")).headers["location"]
    await web.patch(path, json={"instance": "2027-05-09", "location": "Hall 2"})
    await web.post(f"{path}/cancel", json={"instance": "2027-05-16"})
    event = (await web.get(path)).json()
    assert [day[:10] for day in event["changed_dates"]] == ["2027-05-09"]
    assert [day[:10] for day in event["cancelled_dates"]] == ["2027-05-16"]
    wrong = await web.patch(path, json={"instance": "2027-05-09", "recurrence": "FREQ=DAILY"})
    assert wrong.json()["code"] == "invalid_argument"


async def test_events_are_found_by_what_a_person_says_a_page_at_a_time(web: httpx.AsyncClient) -> None:
    for day in ("02", "03", "04"):
        await made(web, start=f"2027-05-{day}T19:00:00", summary="Orioles game")
    await made(web)
    found = (await web.get("/v1/events", params={"query": "orioles in May", "limit": 2})).json()
    assert [one["start"]["local"][:10] for one in found["events"]] == ["2027-05-02", "2027-05-03"]
    rest = await web.get(
        "/v1/events", params={"query": "orioles in May", "limit": 2, "cursor": found["next_cursor"]}
    )
    assert [one["start"]["local"][:10] for one in rest.json()["events"]] == ["2027-05-04"]
    assert rest.json()["next_cursor"] is None
    assert found["understood"]["words"] == ["orioles"]


async def test_another_organizers_event_is_as_unknown_as_none(engine: Engine, web: httpx.AsyncClient) -> None:
    event = await created(engine, Actor(kind="local", address="bob@example.com"))
    for uid in (event.uid, "nowhere"):
        answer = await web.get(f"/v1/events/{uid}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_event")
        assert answer.headers["content-type"] == PROBLEM
        assert answer.json()["sent"] is False
        assert "/v1/events" in answer.json()["hint"]


async def test_places_are_given_changed_and_found_with_what_is_free(web: httpx.AsyncClient) -> None:
    event = (await made(web, places=1)).json()
    assert event["places"] == 1
    way = f"/v1/events/{event['id']}"
    answers = [await web.post(f"{way}/invites", json={"email": f"{n}@example.com"}) for n in ("a", "b")]
    assert answers[1].status_code == 409
    assert answers[1].json()["code"] == "event_full"
    (found,) = (await web.get("/v1/events?query=concert")).json()["events"]
    assert found["free"] == 0
    changed = await web.patch(way, json={"places": 2})
    assert (changed.json()["changed"], changed.json()["notified"]) == (["places"], 0)
    assert (await web.post(f"{way}/invites", json={"email": "b@example.com"})).status_code < 300
