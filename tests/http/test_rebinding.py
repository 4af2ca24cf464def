"""A page of another site that has a key, or makes a browser send one, is kept out all the same (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from engine.engine import Engine
from tests.http.test_unkeyed import MODERN
from tests.support.waiting import DEADLINE_S
from tests.support.webs import INITIALIZE, LIST_TOOLS, Mode, bearing, key_for, served

Opens = Callable[..., AbstractAsyncContextManager[Engine]]
PUBLIC = "https://cis.example.com"
MODERN_HEADERS = {"mcp-protocol-version": "2026-07-28", "mcp-method": "tools/list"}


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Mode:
    value: Mode = request.param
    return value


async def _asked(address: str, headers: dict[str, str], mode: Mode) -> httpx.Response:
    """The answer to the first request of a client of either era."""
    body = INITIALIZE if mode == "legacy" else {**LIST_TOOLS, "params": {"_meta": MODERN}}
    spoken = {} if mode == "legacy" else MODERN_HEADERS
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        return await web.post(f"{address}/mcp", json=body, headers={**headers, **spoken})


def _served(answer: httpx.Response) -> bool:
    return '"result"' in answer.text


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("Host", "evil.example", 421),
        ("Host", "cis.example.com.evil.example", 421),
        ("Origin", "http://evil.example", 403),
        ("Origin", "https://cis.example.com.evil.example", 403),
        ("Origin", "null", 403),
    ],
)
async def test_a_key_does_not_let_a_page_of_another_site_in(
    engine_with: Opens, mode: Mode, header: str, value: str, code: int
) -> None:
    async with engine_with(public_url=PUBLIC) as engine, served(engine) as address:
        headers = bearing(await key_for(engine))
        answer = await _asked(address, {**headers, header: value}, mode)
        assert answer.status_code == code
        assert not _served(answer)
        assert "mcp-session-id" not in answer.headers


@pytest.mark.parametrize("value", [None, "127.0.0.1", "localhost:8000", "cis.example.com"])
async def test_a_key_works_under_each_name_of_the_server(
    engine_with: Opens, mode: Mode, value: str | None
) -> None:
    named = {"Host": value, "Origin": f"https://{value}"} if value else {}
    async with engine_with(public_url=PUBLIC) as engine, served(engine) as address:
        answer = await _asked(address, {**bearing(await key_for(engine)), **named}, mode)
        assert answer.status_code == 200
        assert _served(answer)


async def test_a_server_that_keeps_connections_for_functions_answers_by_the_name_that_they_give(
    engine_with: Opens, mode: Mode
) -> None:
    """The load balancer passes on the name that the client asked for."""
    live = "https://live.example.com"
    async with engine_with(public_url=PUBLIC, streams_url=live) as engine, served(engine) as address:
        headers = bearing(await key_for(engine))
        answer = await _asked(address, {**headers, "Host": "live.example.com", "Origin": live}, mode)
        assert (answer.status_code, _served(answer)) == (200, True)
        answer = await _asked(address, {**headers, "Host": "other.example.com"}, mode)
        assert answer.status_code == 421


async def test_the_right_name_is_no_key(engine_with: Opens, mode: Mode) -> None:
    async with engine_with(public_url=PUBLIC) as engine, served(engine) as address:
        headers = {**bearing("cis_guessed"), "Host": "cis.example.com", "Origin": PUBLIC}
        assert (await _asked(address, headers, mode)).status_code == 401
