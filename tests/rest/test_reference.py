"""The published Calendar Invite Server's calls, played as its documentation and its Vue application make them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from cis_mcp.rest.landing import STOCK_PAGE
from engine.commands.agents.keys import CreateKey
from engine.commands.events.events import UpdateEvent
from engine.commands.pages.landing_hosts import SettleLandingHosts
from engine.commands.pages.pages import CreatePage
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.events import Event
from engine.model.pages import PageKind
from engine.model.people import Partstat
from engine.refusals import Code
from tests.cli.processes import run
from tests.pages.visitor import season
from tests.support.engines import (
    answer,
    attendee,
    attendee_count,
    created,
    deliver,
    do,
    engine_in,
    invite,
    ledger,
    refusal,
)
from tests.support.waiting import DEADLINE_S
from tests.support.webs import LIST_TOOLS, bearing, key_for, served

ANN, BOB = "ann@example.com", "bob@example.org"
PATHS = (
    "/event/{uid}",
    "/event/{uid}/statistics",
    "/event/{uid}/attendees",
    "/organizer/ann@example.com/events",
    "/organizer/shadow/ann@example.com/events",
    "/organizer/shadow/ann@example.com/statistics",
    "/organizer/shadow/ann@example.com/statistic",
)
SYSTEM_PATHS = ("/system/events", "/system/statistics")


@pytest.fixture
async def standard(engine: Engine) -> str:
    return await key_for(engine, api="standard")


@pytest.fixture
async def app(address: str, standard: str) -> AsyncIterator[httpx.AsyncClient]:
    """The reference product's application, with a standard key."""
    headers = {"x-api-key": standard, "Origin": "https://dashboard.example"}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S) as client:
        yield client


@pytest.fixture
async def concert(engine: Engine) -> Event:
    return await created(
        engine, organizer=ANN, organizer_name="Ann", location="A & B", description="One\n<b>two</b>"
    )


async def test_an_event_has_the_published_fields(app: httpx.AsyncClient, concert: Event) -> None:
    answer = await app.get(f"/event/{concert.uid}")
    assert answer.headers["access-control-allow-origin"] == "*"
    found = answer.json()
    assert found.keys() == {
        *(
            "uid",
            "created",
            "description_html",
            "dtend",
            "dtstart",
            "last_modified",
            "location_html",
            "mailto",
        ),
        *("original_organizer", "organizer", "prodid", "sequence", "status", "summary_html"),
    }
    assert (found["dtend"] - found["dtstart"], found["mailto"], found["organizer"]) == (7200, ANN, "Ann")
    assert (found["location_html"], found["description_html"]) == (
        "A &amp; B",
        "One<br>&lt;b&gt;two&lt;/b&gt;",
    )


async def test_attendees_are_masked_and_all_of_them_are_listed_page_by_page(
    engine: Engine, app: httpx.AsyncClient, concert: Event
) -> None:
    for number in range(101):
        await invite(engine, concert, f"jo{number}@example.com", name="Jo")
    first = await app.get(f"/event/{concert.uid}/attendees")
    assert first.json()[0] == {
        "attendee": "j*******@example.com",
        "name": "J*******",
        "status": "noaction",
        "origin": "api",
        "prodid": "",
    }
    assert len(first.json()) == 100
    rest = await app.get(first.links["next"]["url"])
    assert (len(rest.json()), rest.links) == (1, {})


async def test_answers_are_counted_at_event_organizer_and_system(
    engine: Engine, address: str, app: httpx.AsyncClient, concert: Event
) -> None:
    await invite(engine, concert, BOB)
    await deliver(engine)
    await answer(engine, await attendee(engine, concert, BOB), Partstat.ACCEPTED)
    admin = {"x-api-key": await key_for(engine, api="admin")}
    for path in (
        f"/event/{concert.uid}/statistics",
        "/organizer/shadow/Ann@Example.com/statistics",
        "/organizer/shadow/ann@example.com/statistic",
        "/system/statistics",
    ):
        found = (await app.get(path, headers=admin)).json()
        assert found.keys() == {"attendees", "origin", "prodid", "rsvp"}
        assert found["rsvp"] == {"accepted": 1, "declined": 0, "noaction": 0, "tentative": 0}, path


async def test_lists_have_the_published_fields_and_the_one_changed_last_comes_first(
    engine: Engine, app: httpx.AsyncClient, concert: Event
) -> None:
    other = await created(engine, organizer=BOB)
    newer = await created(engine, organizer=ANN, summary="Earlier, made later")
    for path in ("/organizer/ANN@example.com/events", "/organizer/shadow/ann@example.com/events"):
        found = (await app.get(path)).json()
        assert {one["uid"] for one in found} == {newer.uid, concert.uid}
        assert found[0].keys() == {
            *("uid", "mailto", "organizer", "status", "created", "dtstart", "dtend"),
            *("summary_html", "description_html", "location_html"),
        }
    everything = (
        await app.get("/system/events", headers={"x-api-key": await key_for(engine, api="admin")})
    ).json()
    assert {one["uid"] for one in everything} == {newer.uid, concert.uid, other.uid}


async def test_api_7_sends_once_with_the_key_and_leads_on(
    engine: Engine, app: httpx.AsyncClient, concert: Event
) -> None:
    asked = {
        "email": BOB,
        "name": "Bob",
        "origin": "KlaviyoCTA",
        "landing": "evil.example",
        "utm_source": "x",
    }
    for _ in range(2):
        done = await app.get(f"/event/{concert.uid}/invite", params=asked)
        assert (done.status_code, done.text, done.headers["location"]) == (302, "Acknowledged", STOCK_PAGE)
    assert (await ledger(engine, concert, BOB)).state == "queued"
    assert (await attendee(engine, concert, BOB)).origin == "klaviyocta"
    assert len(await deliver(engine)) == 1
    page = await app.get(done.headers["location"])
    assert (page.status_code, "Answer Yes, No or Maybe" in page.text) == (200, True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "nobody"},
        {"email": ""},
        {"email": BOB, "origin": "elsewhere"},
        {"email": f"<x>{BOB}"},
    ],
)
async def test_api_7_fails_on_what_is_wrong_and_changes_nothing(
    engine: Engine, app: httpx.AsyncClient, concert: Event, wrong: dict[str, str]
) -> None:
    done = await app.get(f"/event/{concert.uid}/invite", params=wrong)
    assert (done.status_code, done.text) == (400, "Failed")
    assert (await app.get("/event/short/invite", params={"email": BOB})).text == "Failed"
    assert await attendee_count(engine, concert) == 0


async def test_without_a_key_in_a_header_no_get_sends(
    engine: Engine, address: str, app: httpx.AsyncClient, concert: Event, standard: str
) -> None:
    path = f"/event/{concert.uid}/invite"
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as scanner:
        for query in (f"?email={BOB}", f"?email={BOB}&x-api-key={standard}&landing=evil.example"):
            assert (await scanner.get(path + query)).status_code == 404
        assert (await scanner.get(f"/event/{concert.uid}/report")).status_code == 401
    assert (await app.head(f"{path}?email={BOB}")).status_code == 405
    assert await attendee_count(engine, concert) == 0
    assert await deliver(engine) == []


async def test_api_7_without_a_key_leads_to_the_event_s_page_where_a_page_lists_it_and_nowhere_else(
    engine: Engine,
) -> None:
    listed, hidden, unlisted = [await created(engine, organizer=one) for one in (ANN, ANN, BOB)]
    await do(engine, CreatePage(title="Concerts", organizer=ANN, events=(listed.uid,)))
    await do(engine, CreatePage(kind=PageKind.EVENTS, title="All", organizer=BOB))
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        led = await web.get(f"{address}/event/{listed.uid}/invite")
        assert led.status_code == 303
        assert (await web.get(f"{address}{led.headers['location']}")).status_code == 200
        answers = [
            await web.get(f"{address}/event/{uid}/invite") for uid in (hidden.uid, unlisted.uid, "a" * 40)
        ]
    assert [answer.status_code for answer in answers] == [404] * 3
    assert len({answer.text for answer in answers}) == 1, "nothing tells which of them exist"


async def test_api_8_mails_the_organizer_the_report(
    engine: Engine, app: httpx.AsyncClient, concert: Event
) -> None:
    done = await app.get(f"/event/{concert.uid}/report")
    assert (done.status_code, done.text) == (200, "Acknowledged")
    assert [(m.kind, m.email) for m in await deliver(engine)] == [("report", ANN)]
    soon = await app.get(f"/event/{concert.uid}/report")
    assert (soon.status_code, soon.headers["retry-after"]) == (429, "60")


@pytest.mark.parametrize(
    ("given", "led"),
    [
        ("https://example.com/thanks?a=b", "https://example.com/thanks?a=b"),
        ("www.example.com/thanks", "http://www.example.com/thanks"),
        ("https://example.com@evil.example/", STOCK_PAGE),
        ("https://evil.example/#example.com", STOCK_PAGE),
        ("https://evil.example\\@example.com/", STOCK_PAGE),
        ("//evil.example", STOCK_PAGE),
        ("javascript://example.com/%0aalert(1)", STOCK_PAGE),
        ("https://notexample.com/", STOCK_PAGE),
        ("https://[example.com/", STOCK_PAGE),
        ("https://example.com/\r\nX: y", STOCK_PAGE),
        ("", STOCK_PAGE),
    ],
)
async def test_landing_leads_to_allowed_hosts_alone(tmp_path: Path, given: str, led: str) -> None:
    async with engine_in(tmp_path, landing_hosts="example.com,*.example.com") as engine:
        event = await created(engine, organizer=ANN)
        headers = {"Authorization": f"Bearer {await key_for(engine, api='standard')}"}
        async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S, headers=headers) as web:
            done = await web.get(
                f"{address}/event/{event.uid}/invite", params={"email": BOB, "landing": given}
            )
    assert (done.status_code, done.headers["location"]) == (302, led)


async def test_pages_of_every_site_may_ask_with_a_key_in_a_header(
    app: httpx.AsyncClient, concert: Event
) -> None:
    preflight = {
        "Origin": "https://dashboard.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-api-key",
    }
    for path in (*PATHS, *SYSTEM_PATHS):
        answer = await app.options(path.format(uid=concert.uid), headers=preflight)
        assert answer.status_code == 200, path
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-api-key" in answer.headers["access-control-allow-headers"]


async def test_an_organizer_s_list_has_2500_events_at_most_and_the_system_s_goes_on_page_by_page(
    engine: Engine, address: str
) -> None:
    await season(engine, 2_501)
    headers = {"x-api-key": await key_for(engine, api="admin")}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S) as operator:
        own = (await operator.get(f"/organizer/{engine.local.address}/events")).json()
        assert len({event["uid"] for event in own}) == 2_500
        uids, path, sizes = set(), "/system/events", []
        while path:
            answer = await operator.get(path)
            sizes.append(len(answer.json()))
            uids |= {event["uid"] for event in answer.json()}
            path = answer.links.get("next", {}).get("url", "")
        last = answer.json()[-1]["uid"]
        await do(engine, UpdateEvent(uid=last, location="Hall 2"))
        own = (await operator.get(f"/organizer/{engine.local.address}/events")).json()
        assert (len(own), own[0]["uid"]) == (2_500, last), "the one that starts last was changed last"
    assert (sizes, len(uids)) == ([500] * 5 + [1], 2_501)


async def test_the_system_is_for_the_admin_key_and_everything_needs_one(
    address: str, app: httpx.AsyncClient, concert: Event
) -> None:
    for path in SYSTEM_PATHS:
        assert (await app.get(path)).status_code == 403, path
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as stranger:
        for path in (*PATHS, *SYSTEM_PATHS):
            assert (await stranger.get(path.format(uid=concert.uid))).status_code == 401, path


async def test_what_is_unknown_is_a_problem_and_no_broken_json(app: httpx.AsyncClient) -> None:
    for path in PATHS[:3]:
        answer = await app.get(path.format(uid="a" * 40))
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_event"), path
    assert (await app.get(f"/event/{'a' * 40}/report")).status_code == 404


async def test_the_installations_keys_open_these_paths_alone(
    engine: Engine, address: str, standard: str
) -> None:
    admin = await key_for(engine, api="admin")
    async with httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:
        for key in (standard, admin):
            for method, path in (("GET", "/v1/events"), ("POST", "/mcp"), ("GET", "/metrics")):
                body = LIST_TOOLS if method == "POST" else None
                answer = await web.request(method, path, headers=bearing(key), json=body)
                assert answer.status_code == 403, path


async def test_an_agents_key_sees_its_own_organizer_here_too(
    engine: Engine, app: httpx.AsyncClient, concert: Event
) -> None:
    bob = {"x-api-key": await key_for(engine, BOB)}
    assert (await app.get(f"/event/{concert.uid}", headers=bob)).status_code == 404
    assert (await app.get(f"/organizer/{ANN}/events", headers=bob)).status_code == 403
    assert (await app.get(f"/organizer/{BOB}/events", headers=bob)).json() == []
    reader = {"x-api-key": await key_for(engine, ANN, read_only=True)}
    sent = await app.get(f"/event/{concert.uid}/invite", params={"email": BOB}, headers=reader)
    assert (sent.status_code, await attendee_count(engine, concert)) == (403, 0)


async def test_api_7_says_that_it_sent_to_a_key_that_may_send_and_not_read(
    engine: Engine, app: httpx.AsyncClient, concert: Event
) -> None:
    sender = bearing(await key_for(engine, ANN, scopes=frozenset({"send"})))
    sent = await app.get(f"/event/{concert.uid}/invite", params={"email": BOB}, headers=sender)
    assert (sent.status_code, sent.text) == (302, "Acknowledged")
    assert len(await deliver(engine)) == 1


async def test_a_key_of_the_installation_stands_under_none(engine: Engine) -> None:
    command = CreateKey(name="", api="standard", scopes=frozenset({"read"}))
    assert await refusal(engine, command) is Code.INVALID_ARGUMENT


async def test_the_operator_makes_both_keys_at_the_command_line(tmp_path: Path) -> None:
    for kind in ("standard", "admin"):
        code, out, _ = await run(tmp_path, "key", "create", "--api", kind, "--json")
        assert (code, json.loads(out)["key"][:4]) == (0, "cis_")


@pytest.mark.parametrize(
    ("bounds", "email"),
    [
        ({"to": ("*@example.com",)}, BOB),
        ({"links": ("example.com",)}, BOB),
        ({"person_day": 1}, ANN),
        ({"mode": "hold"}, BOB),
        ({"approval": ("everything",)}, BOB),
    ],
)
async def test_a_key_of_the_installation_stays_within_its_bounds(
    engine: Engine, address: str, bounds: dict[str, Any], email: str
) -> None:
    event = await created(engine, organizer=ANN, description="See https://evil.example/x")
    other = await created(engine, organizer=ANN)
    headers = {"x-api-key": await key_for(engine, api="standard", bounds=Bounds(**bounds))}
    async with httpx.AsyncClient(base_url=address, headers=headers, timeout=DEADLINE_S) as client:
        if "person_day" in bounds:
            first = await client.get(f"/event/{other.uid}/invite", params={"email": email})
            assert (first.status_code, await attendee_count(engine, other)) == (302, 1)
        sent = await client.get(f"/event/{event.uid}/invite", params={"email": email})
    assert sent.status_code != 302
    assert "out_of_bounds" in sent.text + sent.headers.get("CIS-Code", "")
    assert await attendee_count(engine, event) == 0


async def test_landing_leads_to_hosts_that_the_events_organizer_allowed(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        event, other = [await created(engine, organizer=whose) for whose in (ANN, "carol@cis.test")]
        await do(engine, SettleLandingHosts(hosts=("shop.example",), organizer=ANN))
        headers = {"Authorization": f"Bearer {await key_for(engine, api='standard')}"}
        async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S, headers=headers) as web:
            led = []
            for one in (event, other):
                params = {"email": BOB, "landing": "https://shop.example/"}
                done = await web.get(f"{address}/event/{one.uid}/invite", params=params)
                led.append(done.headers["location"])
    assert led == ["https://shop.example/", STOCK_PAGE]
