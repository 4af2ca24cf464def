"""Forms and requests that another site sends with a visitor's cookie: no route that changes anything takes them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from cis_mcp.auth.keys import authenticator
from cis_mcp.auth.sessions import cookie_name
from cis_mcp.http.app import CORE, root
from cis_mcp.http.bodies import BODY_MAX
from cis_mcp.http.routing import BySegments
from cis_mcp.http.security import guard
from cis_mcp.mcp.web import endpoint, web_server
from cis_mcp.rest.catalog import EVERY
from cis_mcp.watch.health import Health
from engine.commands.signing_in import MakeSignInLink, SignIn
from engine.engine import Engine
from engine.model.held import HeldState
from tests.support.approvals import PUBLIC, waiting
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in

MUTATING = ("POST", "PUT", "PATCH", "DELETE")
FOREIGN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {},
)

SIGNED = {"/hooks/{name}": {404}, "/order": {404}}
"""What programs post: their signature proves them, and no cookie counts."""
BY_PROOF = {
    "/confirm/{code:str}",
    "/confirm/send/{code:str}",
    "/approve/{code:str}",
    "/unsubscribe/{token:str}",
}
"""What the link in a mail proves, wherever its button stands: mail programs post to the last of them (RFC 8058)."""
OPEN = {
    *(
        f"{frame}/{kind}"
        for frame in ("", "/embed")
        for kind in ("s/{slug:str}", "u/{slug:str}", "e/{id:str}")
    ),
    "/c/{token:str}",
}
"""What anyone may ask for on any site, by a copied form too: a mail to one address, within its limits."""


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, public_url=PUBLIC) as opened:
        yield opened


def _whole(engine: Engine, *, no_auth: bool = False) -> Starlette:
    """Everything that answers over HTTP, as a server with keys has it."""
    names, callers = guard("127.0.0.1", PUBLIC), None if no_auth else authenticator(engine)
    server = web_server(engine, CORE, lambda: False, authenticator=callers, state_key=b"k" * 32)
    mcp = endpoint(server, hosts=names.hosts, origins=names.origins, body_max=BODY_MAX, key=b"k" * 32)
    return root(engine, mcp, callers, Health())


def _changing(app: Starlette) -> Iterator[tuple[str, str]]:
    """Method and path of every route that may change something; the table of routes forgets none."""
    (every,) = app.routes
    assert isinstance(every, BySegments)
    for route in every.routes:
        assert isinstance(route, Route)
        yield from ((method, route.path) for method in MUTATING if method in (route.methods or MUTATING))


def _browser(app: Starlette, **values: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC, **values)


async def _forged(app: Starlette, web: httpx.AsyncClient) -> dict[str, set[int]]:
    """What each route that changes something answers to forms of other sites, by turns in each way of them."""
    answered: dict[str, set[int]] = {}
    for (method, pattern), foreign in zip(_changing(app), cycle(FOREIGN), strict=False):
        path = re.sub(r"\{\w+(:\w+)?\}", "x" * 8, pattern)
        answer = await web.request(method, path, data={"do": "save"}, headers=foreign)
        answered.setdefault(pattern, set()).add(answer.status_code)
    return answered


async def test_no_route_that_changes_anything_takes_a_visitor_s_cookie_from_another_site(
    engine: Engine,
) -> None:
    link = await do(engine, MakeSignInLink())
    session = await do(engine, SignIn(code=link.code))
    app = _whole(engine)
    before = await engine.record(engine.local, 100)
    async with _browser(app, cookies={cookie_name(engine.settings): session.secret}) as web:
        answered = await _forged(app, web)
        for foreign in FOREIGN:
            assert (await web.post("/console/branding", headers=foreign)).status_code == 403
        assert (await web.get("/console")).status_code == 200
    assert len(answered) > 100
    assert {path: codes for path, codes in answered.items() if codes != {403}} == SIGNED
    assert await engine.record(engine.local, 100) == before
    assert await deliver(engine) == []


async def test_without_a_cookie_each_route_needs_a_key_or_a_proof_or_is_open_to_all_by_intent(
    engine: Engine,
) -> None:
    """A route that is added has to be one of them: what is neither refused here nor listed fails."""
    app = _whole(engine)
    before = await engine.record(engine.local, 100)
    async with _browser(app) as web:
        answered = await _forged(app, web)
    refused = {401, 403, 405}
    elsewhere = {path: codes for path, codes in answered.items() if codes - refused}
    nothing_there = {*SIGNED, *BY_PROOF, *OPEN, "/v1/{rest:anything}"}
    assert elsewhere == {path: {404} for path in nothing_there}
    assert await engine.record(engine.local, 100) == before
    assert await deliver(engine) == []


async def test_a_form_of_another_site_has_no_link_mailed_to_whoever_decides(engine: Engine) -> None:
    held = await waiting(engine, (await created(engine)).uid, summary="Other")
    await deliver(engine)
    async with _browser(_whole(engine)) as web:
        for foreign in FOREIGN:
            await web.post(f"/approve/{held}", data={"decision": "yes"}, headers=foreign)
    assert await deliver(engine) == []
    assert (await engine.held_action(held, engine.local)).state is HeldState.WAITING


async def test_without_keys_no_page_of_another_site_reads_or_changes_anything(engine: Engine) -> None:
    """The reference's paths answer every site that has a key; a server that asks for none is this machine's alone."""
    event = await created(engine)
    app = _whole(engine, no_auth=True)
    rebound = {"Host": "evil.example", "Sec-Fetch-Site": "same-origin"}
    before = await engine.record(engine.local, 100)
    answered: dict[str, set[int]] = {}
    async with _browser(app) as web:
        for endpoint in EVERY:
            path = re.sub(r"\{\w+\}", event.uid, endpoint.path)
            for foreign in (*FOREIGN[:4], rebound):
                answer = await web.request(
                    endpoint.method, path, headers=foreign, params={"email": "v@example.com"}
                )
                answered.setdefault(path, set()).add(answer.status_code)
                assert event.uid not in answer.text.replace(path, "")
        assert {path: codes for path, codes in answered.items() if codes != {403}} == {}
        assert await engine.record(engine.local, 100) == before
        named = (await web.get("/v1/events", headers=rebound)).json()
        assert (named["code"], "CIS_PUBLIC_URL" in named["hint"]) == ("not_allowed", True)
        for own in ({}, {"Sec-Fetch-Site": "none"}, {"Sec-Fetch-Site": "same-origin", "Origin": PUBLIC}):
            for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "cis.example.org"):
                origin = {"Origin": f"http://{host}"} if "Origin" in own else {}
                assert (
                    await web.get("/v1/events", headers={**own, **origin, "Host": host})
                ).status_code == 200
    assert await deliver(engine) == []
