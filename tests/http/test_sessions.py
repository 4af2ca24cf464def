"""Signing in at the web pages: a mailed link that works once, a cookie for this host alone, and other sites' forms."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from cis_mcp.auth.sessions import cookie_name, secret_in
from engine.commands.agents.keys import CreateKey
from engine.commands.agents.switches import SetOrganizerApproval
from engine.commands.events.events import UpdateEvent
from engine.commands.revisions import RevisionSource
from engine.commands.signing_in import MakeSignInLink
from engine.engine import Engine
from engine.model.actors import Actor
from engine.model.messages import Message
from tests.support.approvals import PUBLIC, held_in
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do
from tests.support.waiting import DEADLINE_S
from tests.support.webs import LIST_TOOLS, bearing, key_for, served

OLGA, BOSS = "olga@cis.test", "boss@example.org"
SAME = {"Sec-Fetch-Site": "same-origin"}
ORGANIZER = Actor(kind="organizer", address=OLGA)

Opening = Callable[..., AbstractAsyncContextManager[Engine]]


@pytest.fixture
async def engine(engine_with: Opening, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_with(clock=clock, public_url=PUBLIC) as opened:
        yield opened


@pytest.fixture
async def browser(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    async with served(engine) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:
        yield web


async def links(engine: Engine) -> list[tuple[str, str]]:
    """To whom links went, and the codes in them."""
    found = []
    for message in await deliver(engine):
        found += [(message.email, code) for code in _codes(message)]
    return found


def _codes(message: Message) -> list[str]:
    return re.findall(rf"{PUBLIC}/signin/([a-z0-9]+)", message.notice.text) if message.notice else []


async def held(engine: Engine, approver: str = "") -> str:
    """The id of a change of Olga's that waits."""
    event = await created(engine, ORGANIZER)
    await do(engine, SetOrganizerApproval(address=OLGA, on=True, approver=approver))
    change = UpdateEvent(uid=event.uid, summary="Renamed", source=RevisionSource(uid="client-uid"))
    done = await do(engine, change, ORGANIZER)
    assert done.held
    await deliver(engine)
    return done.held.id


async def signed_in(engine: Engine, browser: httpx.AsyncClient, address: str = OLGA) -> dict[str, str]:
    """The headers of somebody who signed in by the link that they were mailed."""
    await browser.post("/signin", data={"address": address}, headers=SAME)
    ((to, code),) = await links(engine)
    assert to == address
    done = await browser.post(f"/signin/{code}", headers=SAME)
    assert done.status_code == 303
    return {**SAME, "Cookie": done.headers["Set-Cookie"].partition(";")[0]}


async def test_a_link_signs_in_once_by_its_button_and_not_by_looking(
    engine: Engine, browser: httpx.AsyncClient
) -> None:
    await created(engine, ORGANIZER)
    await browser.post("/signin", data={"address": OLGA}, headers=SAME)
    ((_, code),) = await links(engine)
    for _ in range(3):
        looked = await browser.get(f"/signin/{code}")
        assert looked.status_code == 200
        assert "set-cookie" not in looked.headers
    done = await browser.post(f"/signin/{code}", headers=SAME)
    cookie = done.headers["Set-Cookie"]
    assert cookie.startswith("__Host-cis-session=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert (await browser.post(f"/signin/{code}", headers=SAME)).status_code == 404
    shown = await browser.get("/signin", headers={"Cookie": cookie.partition(";")[0]})
    assert f"You are signed in as {OLGA}" in shown.text


async def test_a_link_that_is_too_old_signs_nobody_in(
    engine: Engine, browser: httpx.AsyncClient, clock: Clock
) -> None:
    await created(engine, ORGANIZER)
    await browser.post("/signin", data={"address": OLGA}, headers=SAME)
    ((_, code),) = await links(engine)
    clock.move(minutes=15)
    assert (await browser.post(f"/signin/{code}", headers=SAME)).status_code == 404


async def test_strangers_and_addresses_of_agents_are_mailed_nothing_and_the_answer_is_the_same(
    engine: Engine, browser: httpx.AsyncClient
) -> None:
    await created(engine, ORGANIZER)
    await do(engine, CreateKey(name="agent", address="agent@cis.test"))
    await created(engine)
    asked = [OLGA, "stranger@example.com", "agent@cis.test"]
    answers = {(await browser.post("/signin", data={"address": a}, headers=SAME)).text for a in asked}
    assert len(answers) == 1
    assert [to for to, _ in await links(engine)] == [OLGA]


async def test_nobody_is_flooded_with_links(engine: Engine, browser: httpx.AsyncClient) -> None:
    await created(engine, ORGANIZER)
    for _ in range(25):
        await browser.post("/signin", data={"address": OLGA}, headers=SAME)
    assert len(await links(engine)) == 20


async def test_a_form_of_another_site_changes_nothing(engine: Engine, browser: httpx.AsyncClient) -> None:
    held_id = await held(engine)
    cookie = await signed_in(engine, browser)
    bare = {"Cookie": cookie["Cookie"]}
    for foreign in (
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": PUBLIC},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ):
        for path, form in ((f"/approve/{held_id}", {"decision": "yes"}), ("/signout", {})):
            answer = await browser.post(path, data=form, headers={**bare, **foreign})
            assert answer.status_code == 403
    (waiting,) = await held_in(engine)
    assert waiting.id == held_id
    assert "You are signed in" in (await browser.get("/signin", headers=bare)).text
    ours = {**bare, "Origin": str(browser.base_url).rstrip("/")}
    assert (
        await browser.post(f"/approve/{held_id}", data={"decision": "yes"}, headers=ours)
    ).status_code == 200


async def test_who_decides_sees_what_waits_once_signed_in_and_decides_it(
    engine: Engine, browser: httpx.AsyncClient
) -> None:
    held_id = await held(engine, BOSS)
    headers = await signed_in(engine, browser, BOSS)
    assert f"/approve/{held_id}" in (await browser.get("/signin", headers=headers)).text
    assert "Renamed" in (await browser.get(f"/approve/{held_id}", headers=headers)).text
    done = await browser.post(f"/approve/{held_id}", data={"decision": "yes"}, headers=headers)
    assert "it is carried out" in done.text
    (decided,) = await held_in(engine, waiting=False)
    assert decided.decided_by == f"owner:{BOSS}"


async def test_the_page_of_an_id_shows_nothing_to_anybody_else_and_mails_the_link_to_who_decides(
    engine: Engine, browser: httpx.AsyncClient
) -> None:
    held_id = await held(engine, BOSS)
    olga = await signed_in(engine, browser)
    for headers in (SAME, olga):
        shown = await browser.get(f"/approve/{held_id}", headers=headers)
        assert "Renamed" not in shown.text
        asked = await browser.post(f"/approve/{held_id}", data={"decision": "yes"}, headers=headers)
        assert "The link is mailed to the approver" in asked.text
    assert {to for to, _ in await links(engine)} == {BOSS}
    assert len(await held_in(engine)) == 1


async def test_a_session_ends_after_half_a_day_without_use_and_by_signing_out(
    engine: Engine, browser: httpx.AsyncClient, clock: Clock
) -> None:
    await created(engine, ORGANIZER)
    headers = await signed_in(engine, browser)
    for _ in range(3):
        clock.move(hours=11)
        assert "You are signed in" in (await browser.get("/signin", headers=headers)).text
    clock.move(hours=12)
    assert "You are signed in" not in (await browser.get("/signin", headers=headers)).text
    again = await signed_in(engine, browser)
    assert (await browser.post("/signout", headers=again)).status_code == 303
    assert "You are signed in" not in (await browser.get("/signin", headers=again)).text


async def test_a_cookie_is_no_key_and_a_key_is_no_session(engine: Engine, browser: httpx.AsyncClient) -> None:
    await created(engine, ORGANIZER)
    headers = await signed_in(engine, browser)
    assert (await browser.post("/mcp", json=LIST_TOOLS, headers=headers)).status_code == 401
    key = await key_for(engine, OLGA)
    shown = await browser.get("/signin", headers=bearing(key))
    assert "You are signed in" not in shown.text


async def test_the_operators_link_is_made_at_the_machine_and_decides_everything(
    engine: Engine, browser: httpx.AsyncClient
) -> None:
    held_id = await held(engine, BOSS)
    made = await do(engine, MakeSignInLink())
    done = await browser.post(f"/signin/{made.code}", headers=SAME)
    headers = {**SAME, "Cookie": done.headers["Set-Cookie"].partition(";")[0]}
    assert held_id in (await browser.get("/signin", headers=headers)).text
    form = {"decision": "no", "why": "Not now"}
    assert "Refused" in (await browser.post(f"/approve/{held_id}", data=form, headers=headers)).text


async def test_over_plain_http_on_this_machine_the_cookie_has_a_plain_name(
    engine_with: Opening, clock: Clock
) -> None:
    async with (
        engine_with(clock=clock) as engine,
        served(engine) as address,
        httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as browser,
    ):
        made = await do(engine, MakeSignInLink())
        done = await browser.post(f"/signin/{made.code}", headers=SAME)
        assert done.headers["Set-Cookie"].startswith("cis-session=")
        assert "Secure" not in done.headers["Set-Cookie"]
        assert "the operator" in (await browser.get("/signin")).text


@pytest.mark.parametrize(
    "others",
    ["a b=1; ", 'x="; ', '=; {"a": 1}; ', "other-cis-session=wrong; ", "__Secure-x=cis-session=wrong; "],
)
async def test_cookies_of_others_sign_nobody_out(
    engine: Engine, browser: httpx.AsyncClient, others: str
) -> None:
    await created(engine, ORGANIZER)
    own = (await signed_in(engine, browser))["Cookie"]
    browser.cookies.clear()
    seen = await browser.get("/signin", headers={"Cookie": others + own})
    assert "You are signed in" in seen.text


def test_a_cookie_is_taken_as_it_stands_and_never_unquoted(engine: Engine) -> None:
    # Python's parser undoes each quote by searching the rest again: 64 kB cost it six seconds.
    name = cookie_name(engine.settings)
    assert secret_in(engine.settings, {"cookie": f"a=1; {name}=abc ;b=2"}) == "abc"
    assert secret_in(engine.settings, {"cookie": f'{name}="a\\"b"'}) == '"a\\"b"'
    assert secret_in(engine.settings, {"cookie": f'{name}="' + '\\"' * 32_000 + '"'}) == ""
    assert secret_in(engine.settings, {"cookie": f'a="{name}=abc"'}) == ""
