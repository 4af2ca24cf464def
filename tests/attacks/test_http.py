"""Strangers who hold connections keep nobody else out."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from engine.engine import Engine
from tests.attacks.door import Key, new_key, two_keys
from tests.cli.processes import serving
from tests.support.soak import SOAK
from tests.support.waiting import DEADLINE_S, eventually
from tests.support.webs import INITIALIZE, bearing, key_for, served

_HALF_HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_HALF_BODY = b"POST /unsubscribe/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx"
_COUNT = 1_010
_SESSIONS = 100


@pytest.fixture(autouse=True)
def _files() -> Iterator[None]:
    """This process needs a descriptor for each connection that it opens."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8_192), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def _holding(address: str, words: bytes, hosts: Sequence[str]) -> AsyncIterator[None]:
    """Connections that say `words` and then nothing, from each of `hosts` in turn."""
    port = urlsplit(address).port
    writers = []
    try:
        for number in range(_COUNT):
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, local_addr=(hosts[number % len(hosts)], 0)
            )
            writer.write(words)
            writers.append(writer)
        yield
    finally:
        for writer in writers:
            writer.transport.abort()


@asynccontextmanager
async def _from(host: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.AsyncHTTPTransport(local_address=host)
    async with httpx.AsyncClient(transport=transport, timeout=DEADLINE_S) as web:
        yield web


_WORDS = {"nothing": b"", "half a head": _HALF_HEAD, "half a body": _HALF_BODY}
_HOSTS = {
    "one address": ["127.0.0.3"],
    "the proxy's address": ["127.0.0.1"],
    "twenty addresses": [f"127.0.1.{n}" for n in range(1, 21)],
}


@pytest.mark.parametrize(
    ("said", "by"), list(product(_WORDS, _HOSTS) if SOAK else zip(_WORDS, _HOSTS, strict=True))
)
async def test_half_requests_shut_out_nobody_else(tmp_path: Path, said: str, by: str) -> None:
    words, hosts = _WORDS[said], _HOSTS[by]
    async with two_keys(tmp_path) as (ann, _), _holding(ann.address, words, hosts), _from("127.0.0.2") as web:
        assert (await web.get(f"{ann.address}/healthz")).status_code == 200
        known = Key(ann.address, ann.secret, web)
        assert (await known.call("get_stats", scope="organizer"))["scope"] == "organizer"
        for _ in range(10):
            async with _from("127.0.0.2") as newcomer:
                assert (await newcomer.get(f"{ann.address}/healthz")).status_code == 200


async def test_who_has_shown_a_key_keeps_the_connection_though_strangers_come(tmp_path: Path) -> None:
    async with two_keys(tmp_path) as (ann, _), _from("127.0.0.3") as web:
        known = Key(ann.address, ann.secret, web)
        waiting = await _campaign(known)
        call = asyncio.ensure_future(known.call("get_campaign", campaign_id=waiting, wait_s=5))
        async with _holding(ann.address, _HALF_HEAD, ["127.0.0.3"]):
            assert (await call)["campaign"]["id"] == waiting


async def _campaign(key: Key) -> str:
    """A campaign that nothing becomes of: a draft."""
    draft = await key.call("bulk_send", uid=await key.event(), csv="email\ncarol@example.net")
    return str(draft["campaign"]["id"])


async def test_a_head_has_less_time_when_half_of_all_connections_are_taken(tmp_path: Path) -> None:
    """Told by what is still open, not by the clock: those who came under stress go before those who came before."""
    await new_key(tmp_path, "ann@example.com")
    async with serving(tmp_path, "--http", "127.0.0.1:0") as (address, _):
        port = urlsplit(address).port
        hosts = [f"127.0.1.{n}" for n in range(1, 12)]
        streams = [
            await asyncio.open_connection("127.0.0.1", port, local_addr=(hosts[n % len(hosts)], 0))
            for n in range(700)
        ]
        closed: list[int] = []

        async def watch(number: int, reader: asyncio.StreamReader) -> None:
            await reader.read()
            closed.append(number)

        tasks = [asyncio.create_task(watch(n, reader)) for n, (reader, _) in enumerate(streams)]
        await eventually(lambda: len(closed) >= 190)
        assert min(closed) > 490
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, writer in streams:
            writer.transport.abort()


async def test_one_key_leaves_sessions_for_the_others(engine: Engine) -> None:
    """A session of the older protocol stays for half an hour; who opens very many is served without their state."""
    async with served(engine) as address, httpx.AsyncClient(timeout=DEADLINE_S) as web:
        greedy, modest = await key_for(engine), await key_for(engine)

        async def opened(key: str) -> str:
            answer = await web.post(f"{address}/mcp", json=INITIALIZE, headers=bearing(key))
            assert answer.status_code == 200
            return answer.headers.get("mcp-session-id", "")

        sessions = [await opened(greedy) for _ in range(_SESSIONS + 5)]
        assert all(sessions[:_SESSIONS])
        assert sessions[_SESSIONS:] == [""] * 5
        assert await opened(modest)
        ended = {**bearing(greedy), "mcp-session-id": sessions[0]}
        assert (await web.delete(f"{address}/mcp", headers=ended)).status_code == 200
        assert await opened(greedy)
        assert not await opened(greedy)


@pytest.mark.parametrize(("name", "before"), [("Authorization", "Bearer "), ("x-api-key", "")])
async def test_a_request_that_shows_two_keys_is_nobody_s(engine: Engine, name: str, before: str) -> None:
    one, other = await key_for(engine), await key_for(engine, "other@example.com")
    async with (
        served(engine) as base,
        httpx.AsyncClient(base_url=base.removesuffix("/mcp"), timeout=DEADLINE_S) as web,
    ):
        for keys in ((one, other), (other, one), (one, "cis_guess"), (one, one)):
            shown = [(name, f"{before}{key}") for key in keys]
            answer = await web.get("/v1/events", headers=shown)
            assert (answer.status_code, answer.json()["code"]) == (400, "invalid_request")
        assert (await web.get("/v1/events", headers=[(name, f"{before}{one}")])).status_code == 200
