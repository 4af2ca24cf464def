"""Who gets in and with what: keys, verbs, what is not understood, too much at once."""

from __future__ import annotations

import base64
import json
import re
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest

from cis_mcp.rest.catalog import V1
from engine.commands.agents.keys import RevokeKey, StopKey
from engine.engine import Engine
from engine.model.bounds import Approval, Bounds
from engine.model.exports import Table
from tests.rest.test_events import CONCERT, PROBLEM, made
from tests.support.engines import do, engine_in
from tests.support.waiting import DEADLINE_S
from tests.support.webs import key_for, served


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path.replace("{email}", "x@example.com"))


async def test_without_a_known_key_nothing_of_v1_answers(address: str, web: httpx.AsyncClient) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as stranger:
        # By turns: who guesses too often is slowed down.
        turns = cycle(({}, {"x-api-key": "cis_guess"}, {"Authorization": "Basic eDp5"}))
        for endpoint, headers in zip(V1, turns, strict=False):
            answer = await stranger.request(endpoint.method, filled(endpoint.path), headers=headers)
            assert answer.status_code == 401, endpoint.path
            assert answer.headers["content-type"] == PROBLEM
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_counts_as_bearer_and_as_x_api_key(address: str, key: str) -> None:
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:
        for headers in ({"x-api-key": key}, {"Authorization": f"Bearer {key}"}):
            assert (await web.get("/v1/events", headers=headers)).status_code == 200


async def test_a_key_does_only_what_it_has_the_verb_for(engine: Engine, web: httpx.AsyncClient) -> None:
    reader = await key_for(engine, "ann@example.com", scopes=frozenset({"read"}))
    for endpoint in V1:
        if endpoint.verb != "read":
            answer = await web.request(
                endpoint.method, filled(endpoint.path), headers={"x-api-key": reader}, json={}
            )
            assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), endpoint.path
    assert (await web.get("/v1/events")).json()["events"] == []


@pytest.mark.parametrize("narrowed", [{"read_only": True}, {"tools": ("get_event",)}])
async def test_a_key_that_is_narrowed_for_tools_is_narrowed_here(
    engine: Engine, web: httpx.AsyncClient, narrowed: dict[str, Any]
) -> None:
    path = (await made(web)).headers["location"]
    headers = {"x-api-key": await key_for(engine, "ann@example.com", **narrowed)}
    assert (await web.get(path, headers=headers)).status_code == 200
    assert (await web.patch(path, headers=headers, json={"summary": "x"})).status_code == 403
    assert (await web.post("/v1/events", headers=headers, json=CONCERT)).status_code == 403


@pytest.mark.parametrize(
    ("narrowed", "open_to_it"),
    [
        ({"tools": ("list_attendees",)}, {"attendees"}),
        ({"tools": ("list_changes", "list_links")}, {"messages", "receipts", "links"}),
        ({"tier": "core"}, {"events", "attendees", "messages", "receipts"}),
    ],
)
async def test_a_key_that_is_narrowed_for_tools_exports_the_tables_that_those_show(
    engine: Engine, web: httpx.AsyncClient, narrowed: dict[str, Any], open_to_it: set[str]
) -> None:
    headers = {"x-api-key": await key_for(engine, "ann@example.com", **narrowed)}
    for table in Table:
        answer = await web.get(f"/v1/export/{table}", headers=headers)
        assert answer.status_code == (200 if table in open_to_it else 403), table
    unknown = await web.get("/v1/export/nothing", headers=headers)
    assert unknown.status_code == (400 if "attendees" in open_to_it else 403), "its tool is list_attendees"


async def test_a_stopped_key_changes_nothing_and_a_revoked_one_is_out(
    engine: Engine, web: httpx.AsyncClient, key: str
) -> None:
    key_id = (await engine.keys())[0].id
    await do(engine, StopKey(key_id=key_id))
    stopped = await web.post("/v1/events", json=CONCERT)
    assert (stopped.status_code, stopped.json()["bound"]) == (403, "stopped")
    await do(engine, RevokeKey(key_id=key_id))
    assert (await web.get("/v1/events")).status_code == 401


async def test_bounds_hold_here_as_everywhere(engine: Engine, web: httpx.AsyncClient) -> None:
    bounded = await key_for(engine, "ann@example.com", bounds=Bounds(horizon_days=10))
    answer = await web.post("/v1/events", json=CONCERT, headers={"x-api-key": bounded})
    assert answer.status_code == 403, answer.text
    assert (answer.json()["code"], answer.json()["bound"]) == ("out_of_bounds", "horizon_days")
    assert (await web.get("/v1/events")).json()["events"] == []


async def test_what_must_wait_for_a_yes_answers_202(engine: Engine, web: httpx.AsyncClient) -> None:
    path = (await made(web)).headers["location"]
    asking = await key_for(engine, "ann@example.com", bounds=Bounds(approval=(Approval.EVERYTHING,)))
    answer = await web.post(
        f"{path}/invites", json={"email": "bob@example.com"}, headers={"x-api-key": asking}
    )
    assert answer.status_code == 202
    held = answer.json()["held"]
    assert (held["sent"], held["decided_by"]) == (False, "the operator")
    assert (await web.get(f"{path}/attendees")).json()["attendees"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("colour=red", "colour"),
        ("status=gone", "status"),
        ("query=%ff", "query"),
    ],
)
async def test_parameters_that_are_not_understood_are_named(
    web: httpx.AsyncClient, query: str, field: str
) -> None:
    answer = await web.get(f"/v1/events?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")
    assert [one["field"] for one in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"summary": "x", "start": "2027-05-02", "colour": "red"}', "/colour"),
        ('{"start": "2027-05-02"}', "/summary"),
        ('{"summary": 7, "start": "2027-05-02"}', "/summary"),
        ('{"summary": "x", "start": "2027-05-02", "rsvp": "yes"}', "/rsvp"),
        ('{"summary": "\\ud800", "start": "2027-05-02"}', "body"),
        ("[]", "body"),
        ("{", "body"),
    ],
)
async def test_a_body_that_is_not_understood_changes_nothing(
    web: httpx.AsyncClient, body: str, field: str
) -> None:
    answer = await web.post("/v1/events", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_argument")
    assert [one["field"] for one in answer.json()["errors"]] == [field]
    assert (await web.get("/v1/events")).json()["events"] == []


async def test_only_json_is_taken_and_the_methods_of_a_path_are_named(web: httpx.AsyncClient) -> None:
    form = await web.post("/v1/events", data={"summary": "x"})
    assert form.json()["errors"][0]["field"] == "Content-Type"
    wrong = await web.request("DELETE", "/v1/events")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    nowhere = await web.get("/v1/nothing/here")
    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, PROBLEM)


async def test_a_body_that_is_too_large_is_refused(web: httpx.AsyncClient) -> None:
    answer = await web.post(
        "/v1/events",
        content=b'"' + b"x" * (16 * 1024 * 1024) + b'"',
        headers={"content-type": "application/json"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_who_asks_too_often_is_told_when_to_come_again(
    tmp_path: Path,
) -> None:
    async with engine_in(tmp_path, http_rate=1) as engine, served(engine) as address:
        headers = {"x-api-key": await key_for(engine)}
        async with httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S) as web:
            answers = [await web.get("/v1/events") for _ in range(12)]
    last = answers[-1]
    assert last.status_code == 429
    assert int(last.headers["retry-after"]) >= 1
    assert (last.headers["content-type"], last.json()["code"]) == (PROBLEM, "too_many_requests")


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/v1/organizers", ["\ud800"]),
        ("/v1/suppressions", ["\ud800", ""]),
        ("/v1/held-actions", [float("nan"), "x"]),
    ],
)
async def test_a_forged_cursor_is_the_callers_mistake(
    engine: Engine, web: httpx.AsyncClient, path: str, values: list[object]
) -> None:
    scopes = frozenset({"read", "report", "admin", "suppress", "approve"})
    headers = {"x-api-key": await key_for(engine, "ann@example.com", scopes=scopes)}
    cursor = base64.urlsafe_b64encode(json.dumps(values).encode()).decode().rstrip("=")
    answer = await web.get(path, params={"cursor": cursor}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_cursor"), answer.text
