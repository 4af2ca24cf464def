"""Forms and requests that another site sends with a visitor's cookie: no route that changes anything takes them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

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
from cis_mcp.watch.health import Health
from engine.commands.signing_in import MakeSignInLink, SignIn
from engine.engine import Engine
from tests.support.approvals import PUBLIC
from tests.support.clock import Clock
from tests.support.engines import deliver, do, engine_in

MUTATING = ("POST", "PUT", "PATCH", "DELETE")
FOREIGN = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://evil.example"},
)

SIGNED = {"/hooks/{name}": {404}, "/order": {404}}
"""What programs post: their signature proves them, and no cookie counts."""


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, public_url=PUBLIC) as opened:
        yield opened


def _whole(engine: Engine) -> Starlette:
    """Everything that answers over HTTP, as a server with keys has it."""
    names, callers = guard("127.0.0.1", PUBLIC), authenticator(engine)
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


async def test_no_route_that_changes_anything_takes_a_visitor_s_cookie_from_another_site(
    engine: Engine,
) -> None:
    link = await do(engine, MakeSignInLink())
    session = await do(engine, SignIn(code=link.code))
    app = _whole(engine)
    before = await engine.record(engine.local, 100)
    answered: dict[str, set[int]] = {}
    cookies = {cookie_name(engine.settings): session.secret}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC, cookies=cookies) as web:
        for method, pattern in _changing(app):
            path = re.sub(r"\{\w+(:\w+)?\}", "x" * 8, pattern)
            for foreign in FOREIGN:
                answer = await web.request(method, path, data={"do": "save"}, headers=foreign)
                answered.setdefault(pattern, set()).add(answer.status_code)
        assert (await web.get("/console")).status_code == 200
    assert len(answered) > 100
    assert {path: codes for path, codes in answered.items() if codes != {403}} == SIGNED
    assert await engine.record(engine.local, 100) == before
    assert await deliver(engine) == []
