"""Who asks is found once, before any face; what finds it needs no SDK."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx

from cis_mcp.auth.callers import Caller, CallerAuthenticator
from cis_mcp.auth.keys import authenticator
from cis_mcp.http.app import CORE, root
from cis_mcp.http.bodies import BODY_MAX
from cis_mcp.mcp.web import endpoint, web_server
from cis_mcp.watch.health import Health
from engine.engine import Engine
from engine.model.actors import Actor
from tests.cli.processes import ROOT, environment
from tests.http.test_rebinding import MODERN_HEADERS
from tests.http.test_unkeyed import MODERN
from tests.support.engines import engine_in
from tests.support.waiting import DEADLINE_S
from tests.support.webs import LIST_TOOLS, bearing, key_for, served

ISSUER = "https://issuer.example.com"
METADATA = "/.well-known/oauth-protected-resource/mcp"


class Counting:
    """Asks another, and notes what it was asked."""

    def __init__(self, other: CallerAuthenticator) -> None:
        self._other = other
        self.asked: list[str] = []

    async def caller(self, token: str) -> Caller | None:
        self.asked.append(token)
        return await self._other.caller(token)


async def test_a_key_is_looked_up_once_for_a_request_whatever_it_asks_for(engine: Engine) -> None:
    callers = Counting(authenticator(engine))
    server = web_server(engine, CORE, lambda: False, authenticator=callers, state_key=bytes(32))
    mcp = endpoint(server, hosts=["127.0.0.1"], origins=[], body_max=BODY_MAX, key=bytes(32))
    app = root(engine, mcp, callers, Health())
    headers = bearing(await key_for(engine, scopes=frozenset({"read", "admin"})))
    web = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://127.0.0.1", headers=headers
    )
    body = {**LIST_TOOLS, "params": {"_meta": MODERN}}
    async with app.router.lifespan_context(app), web:
        assert "get_event" in (await web.post("/mcp", json=body, headers=MODERN_HEADERS)).text
        assert len(callers.asked) == 1
        assert (await web.get("/metrics", headers={"Host": "cis.example.com"})).status_code == 200
        assert len(callers.asked) == 2
        assert (await web.get("/unsubscribe/nothing")).status_code == 404
        assert len(callers.asked) == 3


def test_a_new_token_keeps_the_bounds_of_its_bearer_and_no_two_bearers_share_them() -> None:
    ann = Caller(Actor(kind="agent", address="ann@example.com"), "client", "ann", "first", issuer=ISSUER)
    others = [("client", "bob", ISSUER), ("other", "ann", ISSUER), ("client", "ann", ""), ("a\nb", "", "c")]
    others += [("a", "b\nc", ""), ("a", "c", "b\n"), ("a', 'b", "c", ""), ("a", "c", "b")]
    assert replace(ann, token="second").session == ann.session
    sessions = {replace(ann, key=k, subject=s, issuer=i).session for k, s, i in others}
    assert len({ann.session, *sessions}) == 1 + len(others)


async def test_a_header_that_is_no_bearers_is_no_key(engine: Engine) -> None:
    key = await key_for(engine)
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        for given, status in ((f"Basic {key}", 401), (key, 401), ("Bearer", 401), (f"bEARER {key}", 200)):
            headers = {**bearing(key), **MODERN_HEADERS, "Authorization": given}
            body = {**LIST_TOOLS, "params": {"_meta": MODERN}}
            answer = await web.post(f"{address}/mcp", json=body, headers=headers)
            assert answer.status_code == status, given


async def test_a_page_of_any_site_may_read_where_tokens_come_from(tmp_path: Path) -> None:
    asks = {"Origin": "https://client.example.com"}
    preflight = {**asks, "Access-Control-Request-Method": "GET"}
    async with (
        engine_in(tmp_path, oauth_issuer=ISSUER) as engine,
        served(engine) as address,
        httpx.AsyncClient(timeout=DEADLINE_S) as web,
    ):
        allowed = await web.options(f"{address}{METADATA}", headers=preflight)
        told = await web.get(f"{address}{METADATA}", headers=asks)
    for answer in (allowed, told):
        assert answer.status_code == 200
        assert answer.headers["access-control-allow-origin"] == "*"
    assert told.json()["bearer_methods_supported"] == ["header"]


def test_what_finds_the_caller_loads_no_sdk() -> None:
    rooms = ("auth.keys", "auth.oauth", "http.callers", "http.protocol", "pages.links", "watch.status")
    loading = (
        f"import sys, importlib; [importlib.import_module('cis_mcp.' + room) for room in {rooms}]; "
        "print([m for m in sys.modules if m.partition('.')[0] in ('mcp', 'mcp_types')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", loading],
        env=environment(Path()),
        cwd=ROOT,
        capture_output=True,
        check=True,
        timeout=DEADLINE_S,
    )
    assert done.stdout.decode().strip() == "[]"
