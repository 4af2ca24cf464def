"""Nothing that is asked with GET, or without a key, does anything; a dropped connection cuts nothing in half."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from cis_mcp.http.app import application
from cis_mcp.http.routing import BySegments
from cis_mcp.http.security import guard
from engine.engine import Engine
from tests.cli.processes import run, serving
from tests.support.engines import attendee, created, invite
from tests.support.waiting import DEADLINE_S, eventually
from tests.support.webs import INITIALIZE, JSON_HEADERS, LIST_TOOLS, served

TARGETS = ("{token}", "x", "https://evil.example/")
METHODS = ("GET", "HEAD", "OPTIONS")
QUERIES = ("", "?email=ann@example.com&landing=https://evil.example", "?token={token}&confirm=1")


def _rows(engine: Engine) -> dict[str, list[Any]]:
    """Everything in the database."""
    with sqlite3.connect(engine.settings.database) as database:
        names = [n for (n,) in database.execute("select name from sqlite_master where type = 'table'")]
        return {n: sorted(map(repr, database.execute(f'select * from "{n}"'))) for n in names}


def _paths(engine: Engine, token: str) -> list[str]:
    """Every address that the server has, its parameters filled in."""
    app = application(engine, guard("127.0.0.1", engine.settings.public_url), no_auth=True)
    assert isinstance(app, Starlette)
    (every,) = app.routes
    assert isinstance(every, BySegments)
    routes = [route.path for route in every.routes]
    assert {"/mcp", "/healthz"} <= set(routes)
    filled = {
        "/".join(part if not part.startswith("{") else target.format(token=token) for part in path.split("/"))
        for path in routes
        for target in TARGETS
    }
    return [path + query.format(token=token) for path in sorted(filled) for query in QUERIES]


def _strangers(address: str, paths: list[str]) -> Iterator[tuple[str, HTTPResponse]]:
    """What visitors get who ask for each path, each from an address of their own, so that none has asked too often."""
    every = [(method, path) for path in paths for method in METHODS if method != "OPTIONS" or "?" not in path]
    with closing(HTTPConnection(address.removeprefix("http://"), timeout=DEADLINE_S)) as web:
        for number, (method, path) in enumerate(every):
            headers = {**JSON_HEADERS, "X-Forwarded-For": str(IPv4Address("10.0.0.0") + number)}
            web.request(method, path, headers=headers)
            answer = web.getresponse()
            answer.read()
            yield f"{method} {path}", answer


async def test_no_get_does_anything_and_none_leads_elsewhere(engine_with: Callable[..., Any]) -> None:
    async with engine_with(proxies="127.0.0.1") as engine:
        event = await created(engine)
        await invite(engine, event, "ann@example.com")
        token = (await attendee(engine, event, "ann@example.com")).token
        before = _rows(engine)
        async with served(engine) as address:
            answers = await asyncio.to_thread(lambda: list(_strangers(address, _paths(engine, token))))
        for asked, answer in answers:
            assert answer.status in {200, 204, 303, 401, 403, 404, 405}, (asked, answer.status)
            # Only the console leads elsewhere: to its own page that asks who it is.
            assert answer.headers.get("location", "/console/signin").startswith("/console/signin"), asked
        assert _rows(engine) == before


@pytest.mark.parametrize("body", [INITIALIZE, LIST_TOOLS])
async def test_nothing_is_shown_or_done_without_a_key(engine: Engine, body: dict[str, Any]) -> None:
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        for extra in ({}, {"MCP-Protocol-Version": "2026-07-28"}, {"mcp-session-id": "x"}):
            for method in ("POST", "DELETE", "PUT", "PATCH"):
                answer = await web.request(
                    method, f"{address}/mcp", json=body, headers={**JSON_HEADERS, **extra}
                )
                assert answer.status_code in {401, 405}
                assert "create_event" not in answer.text


def _call(number: int, tool: str, **arguments: Any) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def _dropped(port: int, body: dict[str, Any], after: float, *, modern: bool) -> None:
    """Send a whole request, and cut the connection `after` seconds."""
    headers = dict(JSON_HEADERS)
    if modern:
        body = {**body, "params": {**body["params"], "_meta": MODERN}}
        headers |= {"mcp-protocol-version": "2026-07-28", "mcp-method": body["method"]}
        headers |= {"mcp-name": body["params"]["name"]}
    data = json.dumps(body).encode()
    lines = [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(
        ["POST /mcp HTTP/1.1", "Host: 127.0.0.1", *lines, f"Content-Length: {len(data)}", "", ""]
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + data)
    await writer.drain()
    await asyncio.wait({reading := asyncio.create_task(reader.read(1))}, timeout=after)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    writer.transport.abort()


async def test_a_connection_that_drops_cuts_no_send_in_half(tmp_path: Path) -> None:
    local = serving(tmp_path, "--http", "127.0.0.1:0", "--no-auth")
    async with local as (address, _), httpx.AsyncClient(timeout=DEADLINE_S) as web:
        port = int(address.rpartition(":")[2])

        async def ask(tool: str, **arguments: Any) -> dict[str, Any]:
            body = _call(1, tool, **arguments)
            body["params"]["_meta"] = MODERN
            headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": tool}
            answer = await web.post(f"{address}/mcp", json=body, headers={**JSON_HEADERS, **headers})
            found: dict[str, Any] = answer.json()["result"]["structuredContent"]
            return found

        given = {"summary": "Opener", "start": "2037-05-02T19:00:00Z", "duration": "PT2H", "timezone": "UTC"}
        uid = (await ask("create_event", **given))["event"]["uid"]
        sizes = range(20, 32)
        for number, size in enumerate(sizes):
            people = [{"email": f"p{number}-{n}@example.com"} for n in range(size)]
            body = _call(number, "bulk_send", uid=uid, recipients=people, start=True)
            await _dropped(port, body, number * 0.004, modern=True)
            invited = _call(number, "send_invite", uid=uid, email=f"one{number}@example.com", wait_s=60)
            await _dropped(port, invited, number * 0.004, modern=True)

        async def settled() -> list[dict[str, Any]]:
            campaigns: list[dict[str, Any]] = (await ask("get_campaign"))["campaigns"]
            delivery = (await ask("get_stats", scope="event", key=uid))["delivery"]
            open_ = [c for c in campaigns if c["state"] not in {"finished", "draft"}]
            owed = sum(delivery[state] for state in ("queued", "sending", "deferred"))
            return [] if open_ or owed else campaigns

        found: list[dict[str, Any]] = await eventually(settled)
        # Each list is there whole, started or not, or not at all.
        assert {campaign["total"] for campaign in found} <= set(sizes)
        for campaign in found:
            if campaign["state"] == "finished":
                assert campaign["counts"]["sent"] == campaign["total"]
        assert found, "every call was dropped before it began"
    code, said, _ = await run(tmp_path, "check")
    assert (code, said) == (0, "Everything adds up.\n")


async def test_llms_txt_is_served_to_everybody_as_it_was_made_from_the_code(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, "--http", "127.0.0.1:0") as (address, _),
        httpx.AsyncClient(timeout=DEADLINE_S) as web,
    ):
        answer = await web.get(f"{address}/llms.txt")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.text == (Path(__file__).parents[2] / "llms.txt").read_text(encoding="utf-8")


async def test_at_a_path_that_nothing_has_people_find_a_page_and_programs_a_word(engine: Engine) -> None:
    async with served(engine) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:
        for path in ("/", "/nowhere", "/s/", "/e", "/console/nowhere"):
            page = await web.get(path, headers={"Accept": "text/html,*/*;q=0.8", "Accept-Language": "de"})
            assert (page.status_code, page.headers["content-language"]) == (404, "de")
            assert "Diese Seite gibt es hier nicht" in page.text
            assert (await web.get(path)).text == "Not Found"
        nothing = await web.get("/approve/unknown")
        assert "There is nothing to decide at this address." in nothing.text
