"""Getting in and out of the console, and what keeps others out."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest

from cis_mcp.auth.sessions import POLLING
from cis_mcp.console.entering import WRONG_MAX
from cis_mcp.console.routes import screens
from cis_mcp.console.web import asset
from engine.commands.agents.keys import CreateKey, RevokeKey, StopKey
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.bounds import Bounds, Mode
from engine.model.queries import EventQuery
from engine.model.sessions import IDLE_MAX
from tests.console.person import PUBLIC, SAME, Person, with_key
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do

OLGA = Actor(kind="organizer", address="olga@cis.test")


async def test_the_link_of_the_operator_leads_to_the_overview(person: Person) -> None:
    assert person.seen
    assert person.seen.answer.url.path == "/console"
    assert "Operator" in person.seen.text
    assert "Nothing waits for your decision." in person.seen.text


async def test_whoever_is_not_signed_in_is_led_to_the_page_that_does_it_and_back(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    made = await do(engine, CreateKey(name="", address="ann@example.com"))
    person = Person(web)
    seen = await person.go("/console/agents")
    assert seen.answer.url.path == "/console/signin"
    assert (await person.press("Sign in", key=made.secret)).answer.url.path == "/console/agents"
    assert "ann@example.com" in (await person.go("/console")).text


@pytest.mark.parametrize("elsewhere", ["https://evil.example", "//evil.example", "/console//evil", "/e/x"])
async def test_signing_in_leads_nowhere_else(engine: Engine, web: httpx.AsyncClient, elsewhere: str) -> None:
    made = await do(engine, CreateKey(name="", address="ann@example.com"))
    fields = {"key": made.secret, "to": elsewhere}
    done = await web.post("/console/signin/key", data=fields, headers=SAME)
    assert done.headers["location"] == "/console"


async def test_the_cookie_is_bound_to_this_host_and_to_https(engine: Engine, web: httpx.AsyncClient) -> None:
    made = await do(engine, CreateKey(name="", address="ann@example.com"))
    done = await web.post("/console/signin/key", data={"key": made.secret}, headers=SAME)
    cookie = done.headers["Set-Cookie"]
    assert cookie.startswith("__Host-")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}


async def test_a_session_ends_with_its_key(engine: Engine, web: httpx.AsyncClient) -> None:
    made = await do(engine, CreateKey(name="", address="ann@example.com"))
    person = Person(web)
    await person.go("/console/signin")
    assert "ann@example.com" in (await person.press("Sign in", key=made.secret)).text
    await do(engine, RevokeKey(key_id=made.key.id))
    assert (await person.go("/console")).answer.url.path == "/console/signin"


async def test_a_session_ends_after_twelve_hours_without_use(person: Person, clock: Clock) -> None:
    clock.now += IDLE_MAX - timedelta(minutes=1)
    assert "Operator" in (await person.go("/console")).text
    clock.now += IDLE_MAX
    assert (await person.go("/console")).answer.url.path == "/console/signin"


async def test_a_session_that_is_in_use_lasts_as_long_as_a_long_list(person: Person, clock: Clock) -> None:
    for _ in range(11):
        clock.now += IDLE_MAX - timedelta(minutes=1)
        assert "Operator" in (await person.go("/console/lists")).text


async def test_a_page_that_is_left_open_and_asks_for_itself_does_not_keep_a_session(
    person: Person, clock: Clock
) -> None:
    clock.now += IDLE_MAX - timedelta(minutes=1)
    answer = await person.web.get("/console/lists", headers={POLLING: "1"})
    assert answer.status_code == 200
    clock.now += timedelta(minutes=2)
    assert (await person.go("/console/lists")).answer.url.path == "/console/signin"


async def test_the_script_says_of_a_page_that_asks_for_itself_what_it_is(web: httpx.AsyncClient) -> None:
    script = await web.get(asset("console.js").path)
    assert POLLING in script.text.lower()


async def test_signing_out_ends_the_session(person: Person) -> None:
    cookies = dict(person.web.cookies)
    await person.press("Sign out")
    person.web.cookies.update(cookies)
    assert (await person.go("/console")).answer.url.path == "/console/signin"


@pytest.mark.parametrize("limit", ["reads", "stopped", "waits"])
async def test_whoever_signed_in_by_a_key_that_may_change_nothing_can_sign_out(
    engine: Engine, web: httpx.AsyncClient, limit: str
) -> None:
    bounds = Bounds(mode=Mode.HOLD, owner="boss@example.org") if limit == "waits" else None
    person = await with_key(engine, web, "ann@example.com", read_only=limit == "reads", bounds=bounds)
    cookies = dict(web.cookies)
    if limit == "stopped":
        (key,) = await engine.store.keys()
        await do(engine, StopKey(key_id=key.id))
    assert (await person.press("Sign out")).answer.url.path == "/console/signin"
    web.cookies.update(cookies)
    assert (await person.go("/console")).answer.url.path == "/console/signin"


async def test_an_organizer_gets_in_by_mail_alone(engine: Engine, web: httpx.AsyncClient) -> None:
    await created(engine, OLGA)
    person = Person(web)
    await person.go("/console/signin")
    seen = await person.press("Mail me a link", address=OLGA.address)
    assert "a link is on its way" in seen.text
    (mail,) = [m for m in await deliver(engine) if m.notice]
    assert mail.notice
    (code,) = re.findall(rf"{PUBLIC}/signin/([a-z0-9]+)", mail.notice.text)
    await person.go(f"/signin/{code}")
    assert OLGA.address in (await person.press("Sign in")).text


async def test_a_stranger_reads_the_same_answer_and_gets_no_mail(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    person = Person(web)
    await person.go("/console/signin")
    assert "a link is on its way" in (await person.press("Mail me a link", address="x@example.net")).text
    assert await deliver(engine) == []


@pytest.mark.parametrize("key", ["", "wrong", "cis_" + "a" * 60, "x" * 5_000])
async def test_a_wrong_key_gets_nobody_in(web: httpx.AsyncClient, key: str) -> None:
    done = await web.post("/console/signin/key", data={"key": key}, headers=SAME)
    assert done.status_code == 403
    assert "set-cookie" not in done.headers


async def test_a_key_that_is_narrowed_to_some_tools_gets_nobody_in(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    made = await do(engine, CreateKey(name="", address="a@example.com", tools=("get_event",)))
    done = await web.post("/console/signin/key", data={"key": made.secret}, headers=SAME)
    assert done.status_code == 403
    assert "limited to some tools" in done.text


async def test_keys_are_not_tried_without_end(engine: Engine, web: httpx.AsyncClient) -> None:
    made = await do(engine, CreateKey(name="", address="ann@example.com"))
    for _ in range(WRONG_MAX):
        await web.post("/console/signin/key", data={"key": "wrong"}, headers=SAME)
    done = await web.post("/console/signin/key", data={"key": made.secret}, headers=SAME)
    assert (done.status_code, done.headers["retry-after"]) == (429, "3600")


FORMS = [re.sub(r"\{\w+:\w+\}", "x" * 8, screen.path) for screen in screens() if screen.method == "POST"]
"""Every form that there is: the table of routes forgets none."""


async def test_no_form_is_taken_from_another_site_nor_without_its_token(
    engine: Engine, person: Person
) -> None:
    assert person.seen
    token = {"token": person.seen.form("Sign out").fields["token"]}
    foreign = ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {})
    asked = [(token, headers) for headers in foreign] + [({}, SAME), ({"token": "0" * 32}, SAME)]
    before = await engine.record(engine.local, 100)
    assert len(FORMS) > 5
    for path in FORMS:
        for form, headers in asked:
            assert (await person.web.post(path, data=form, headers=headers)).status_code == 403, path
    assert await engine.record(engine.local, 100) == before
    assert "Operator" in (await person.go("/console")).text


async def test_no_form_does_anything_for_whoever_is_not_signed_in(
    engine: Engine, web: httpx.AsyncClient
) -> None:
    for path in FORMS:
        answer = await web.post(path, headers=SAME)
        assert answer.status_code in ({403, 422} if "/signin/" in path else {401}), path
    assert await engine.record(engine.local, 100) == []


async def test_every_page_forbids_what_is_inline_frames_and_caches(person: Person) -> None:
    assert person.seen
    headers = person.seen.answer.headers
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["Cache-Control"] == "private, no-store"


async def test_a_key_that_only_reads_changes_nothing(engine: Engine, web: httpx.AsyncClient) -> None:
    person = await with_key(engine, web, "ann@example.com", read_only=True)
    assert person.seen
    token = person.seen.form("Sign out").fields["token"]
    fields = {"token": token, "summary": "Concert", "start": "2027-05-02T19:00", "timezone": "UTC"}
    done = await web.post("/console/events", data=fields, headers=SAME)
    assert done.status_code == 403
    assert "only reads" in done.text
    assert (await engine.search(EventQuery(), engine.local)).events == ()
