"""What one caller may cost: rate and calls at a time for each key, guesses, slow heads and slow bodies."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cis_mcp.auth.callers import Caller
from cis_mcp.auth.recent import Recent
from cis_mcp.http import limits
from cis_mcp.http.bodies import Bodies
from cis_mcp.http.limits import AddressLimit, Meter, site
from cis_mcp.http.protocol import DeadlineProtocol
from cis_mcp.rest.v1.exports import Download
from engine.commands.campaigns.campaigns import CampaignAction
from engine.commands.signing_in import MakeSignInLink
from engine.engine import Engine
from engine.model.actors import Actor
from engine.settings import Settings
from tests.support.engines import control, created, do, drafted
from tests.support.waiting import DEADLINE_S, eventually, time_passes
from tests.support.webs import INITIALIZE, JSON_HEADERS, bearing, client, key_for, served


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    rate=st.floats(0.5, 50),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 3), max_size=60),
)
def test_no_span_holds_more_requests_than_burst_and_rate_allow(
    rate: float, burst: int, pauses: list[float]
) -> None:
    clock = Ticks()
    meter = Meter(rate, burst, clock)
    passed: list[float] = []
    for pause in pauses:
        clock.now += pause
        if not meter.wait("a"):
            passed.append(clock.now)
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + rate * (passed[last] - passed[first]) + 1e-6


@given(rate=st.floats(0.5, 50), burst=st.integers(1, 20), asked=st.integers(1, 60))
def test_who_waits_as_long_as_told_is_let_through(rate: float, burst: int, asked: int) -> None:
    clock = Ticks()
    meter = Meter(rate, burst, clock)
    waits = [meter.wait("a") for _ in range(asked)]
    assert waits[:burst] == [0] * min(asked, burst)
    if waits[-1]:
        clock.now += waits[-1]
        assert meter.wait("b") == 0
        assert meter.wait("a") == 0
        assert meter.wait("a") > 0


def test_only_so_many_names_are_remembered() -> None:
    names: Recent[int] = Recent(3)
    for number in range(10):
        names.put(str(number), number)
    assert [names.get(str(number)) for number in range(6, 10)] == [None, 7, 8, 9]


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("somewhere", "somewhere"),
    ],
)
def test_a_site_is_one_caller_whatever_address_of_it_asks(host: str, name: str) -> None:
    assert site({"type": "http", "client": (host, 1)}) == name
    assert site({"type": "http", "client": None}) == ""


@pytest.fixture
def nothing_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What strangers have used up stays used up, however slowly they ask."""
    monkeypatch.setattr(limits, "_STRANGERS_RATE", 0.0001)


async def _statuses(address: str, count: int, headers: dict[str, str]) -> list[httpx.Response]:
    async with httpx.AsyncClient(headers=headers, timeout=DEADLINE_S) as web:
        return [await web.post(f"{address}/mcp", json=INITIALIZE) for _ in range(count)]


def _answered(address: str, asked: Iterable[tuple[str, dict[str, str]]], body: str = "") -> list[int]:
    """The statuses of paths with headers, asked for one after the other at a fifth of what httpx costs."""
    with closing(HTTPConnection(address.removeprefix("http://"), timeout=DEADLINE_S)) as web:
        return [_status(web, path, body, headers) for path, headers in asked]


def _status(web: HTTPConnection, path: str, body: str, headers: dict[str, str]) -> int:
    web.request("POST" if body else "GET", path, body or None, headers)
    answer = web.getresponse()
    answer.read()
    return answer.status


async def test_a_key_that_asks_too_often_is_told_when_to_come_back_and_others_are_not(
    engine_with: Callable[..., Any],
) -> None:
    async with engine_with(http_rate=0.001) as engine, served(engine) as address:
        greedy, modest = await key_for(engine), await key_for(engine)
        answers = await _statuses(address, 3, bearing(greedy))
        assert [answer.status_code for answer in answers] == [200, 429, 429]
        late = answers[-1]
        assert 0 < int(late.headers["retry-after"]) <= 1_000
        assert "try again" in late.json()["error_description"]
        assert (await _statuses(address, 1, bearing(modest)))[0].status_code == 200


async def test_a_key_has_only_so_many_calls_under_way(engine_with: Callable[..., Any]) -> None:
    async with engine_with(http_concurrency=2) as engine, served(engine) as address:
        key, other = await key_for(engine, "agent@cis.test"), await key_for(engine)
        event = await created(engine)
        draft = await drafted(engine, event, ["a@example.com"])
        await control(engine, draft, CampaignAction.START)
        arguments = {"campaign_id": draft.campaign.id, "wait_s": 60}
        async with client(address, key) as agent, httpx.AsyncClient(timeout=DEADLINE_S) as web:

            async def status(token: str) -> int:
                answer = await web.post(f"{address}/mcp", json=INITIALIZE, headers=bearing(token))
                return answer.status_code

            told: set[int] = set()

            async def wait(number: int) -> None:
                async def note(progress: float, total: float | None, message: str | None) -> None:
                    told.add(number)

                await agent.call_tool("get_campaign", arguments, progress_callback=note)

            waiting = [asyncio.create_task(wait(number)) for number in range(2)]
            await eventually(lambda: len(told) == 2)
            assert await status(key) == 429
            assert await status(other) == 200
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

            async def free_again() -> bool:
                return await status(key) == 200

            freed: bool = await eventually(free_again)
            assert freed


@pytest.mark.usefixtures("nothing_comes_back")
async def test_guesses_are_limited_and_lock_no_known_key_out(engine: Engine) -> None:
    async with served(engine) as address:
        known = await key_for(engine)
        assert (await _statuses(address, 1, bearing(known)))[0].status_code == 200
        guesses = [("/mcp", bearing(f"cis_guess{n}")) for n in range(130)]
        body = json.dumps(INITIALIZE)
        assert set(await asyncio.to_thread(_answered, address, guesses, body)) == {401, 429}
        assert (await _statuses(address, 1, bearing(known)))[0].status_code == 200


@pytest.mark.usefixtures("nothing_comes_back")
async def test_whoever_is_signed_in_shares_no_limit_with_strangers(engine: Engine) -> None:
    async with served(engine) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:
        made = await do(engine, MakeSignInLink())
        done = await web.post(f"/signin/{made.code}", headers={"Sec-Fetch-Site": "same-origin"})
        own = {"Cookie": done.headers["Set-Cookie"].partition(";")[0]}
        web.cookies.clear()
        assert (await web.get("/console", headers=own)).status_code == 200
        forged = {"Cookie": f"{own['Cookie'].partition('=')[0]}=guess"}
        strangers = await asyncio.to_thread(_answered, address, [("/console", forged)] * 110)
        assert strangers[-1] == 429
        assert (await web.get("/console", headers=own)).status_code == 200


async def test_a_revoked_key_is_a_stranger_again(tmp_path: Path) -> None:
    let_in = True

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        if let_in:
            actor = Actor(kind="agent", address="ann@example.com")
            scope["caller"] = Caller(actor, key="k", subject="s", token="t")

    settings = Settings(data_dir=tmp_path, _env_file=None)  # type: ignore[call-arg]
    gate = AddressLimit(app, settings, Meter(0.001, 2))
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    async def ask() -> bool:
        said.clear()
        scope = {"type": "http", "headers": [(b"authorization", b"Bearer t")], "client": ("192.0.2.1", 1)}
        await gate({**scope, "method": "GET"}, _nothing, send)
        return not said

    assert [await ask() for _ in range(5)] == [True] * 5
    let_in = False
    assert [await ask() for _ in range(4)] == [True, True, False, False]


async def _nothing() -> Message:
    return {"type": "http.request", "body": b"", "more_body": False}


@pytest.mark.usefixtures("nothing_comes_back")
async def test_pages_without_a_key_are_limited_by_address(engine: Engine) -> None:
    async with served(engine) as address:
        asked = [(f"/unsubscribe/{n}", {}) for n in range(130)]
        assert set(await asyncio.to_thread(_answered, address, asked)) == {404, 429}


@pytest.mark.usefixtures("nothing_comes_back")
async def test_a_forwarded_address_counts_where_a_proxy_is_believed(engine_with: Callable[..., Any]) -> None:
    for proxies, expected in (
        ("127.0.0.1", {404}),
        ("10.0.0.0/8,127.0.0.0/16", {404}),
        ("none", {404, 429}),
    ):
        async with engine_with(proxies=proxies) as engine, served(engine) as address:
            asked = [("/unsubscribe/x", {"X-Forwarded-For": f"192.0.2.{n % 250}"}) for n in range(130)]
            assert set(await asyncio.to_thread(_answered, address, asked)) == expected


class Counted(DeadlineProtocol):
    """Knows the connections that are there."""

    there: ClassVar[list[Counted]] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        Counted.there.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        Counted.there.remove(self)
        super().connection_lost(exc)


async def _unread(engine: Engine, app: ASGIApp, seconds: float) -> None:
    """Ask for what `app` answers, read nothing of it for so long, and see the connection go."""

    def configure(config: uvicorn.Config) -> None:
        config.app, config.lifespan, config.http = app, "off", Counted

    async with served(engine, no_auth=True, configure=configure) as address:
        _, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]), limit=1_000)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await eventually(lambda: any(one.flow.write_paused for one in Counted.there))
        time_passes(seconds)
        await eventually(lambda: not Counted.there)
        writer.transport.abort()


async def test_the_connection_of_a_download_that_is_given_up_is_closed_though_nothing_is_read(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 100_000

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Download(endless())(scope, receive, send)

    await _unread(engine, app, 61)
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_connection_that_closes_waits_only_so_long_for_its_last_answer_to_be_read(
    engine: Engine,
) -> None:
    await _unread(engine, Response(b"x" * 20_000_000), 10_000)


async def test_a_connection_whose_last_answer_was_read_late_ends_without_a_fault(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    def configure(config: uvicorn.Config) -> None:
        config.app, config.lifespan, config.http = Response(b"x" * 20_000_000), "off", Counted

    async with served(engine, no_auth=True, configure=configure) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        await eventually(lambda: any(one.transport.is_closing() for one in Counted.there))
        assert (await _until_closed(reader)).endswith(b"x" * 1_000)
        await eventually(lambda: not Counted.there)
        time_passes(10_000)
        for _ in range(10):
            await asyncio.sleep(0)
        writer.close()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


class Watched(DeadlineProtocol):
    """Gives heads and bodies a minute, and tells how many bytes it has heard."""

    head_s = body_s = 60
    bytes_a_second = 20
    heard: ClassVar[int] = 0

    def data_received(self, data: bytes) -> None:
        Watched.heard += len(data)
        super().data_received(data)


def _watched(config: uvicorn.Config) -> None:
    config.http, config.timeout_keep_alive = Watched, 600


async def _raw(address: str, *pieces: bytes, pause: float = 10) -> bytes:
    """All that a server of ours says to a client that sends `pieces`, a pause after each, and then waits for long."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    said, whole = asyncio.create_task(_until_closed(reader)), Watched.heard
    for piece in pieces:
        writer.write(piece)
        whole += len(piece)
        await eventually(lambda whole=whole: said.done() or Watched.heard >= whole)  # type: ignore[misc]
        if said.done():
            break
        time_passes(pause)
    time_passes(1_000)
    async with asyncio.timeout(DEADLINE_S):
        answer = await said
    writer.close()
    return answer


async def _until_closed(reader: asyncio.StreamReader) -> bytes:
    """All that comes; the end may come as a reset, where the last piece met a server that had closed."""
    said = bytearray()
    with suppress(ConnectionResetError):
        while piece := await reader.read(65_536):
            said += piece
    return bytes(said)


async def test_a_body_that_trickles_in_is_not_waited_for(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in JSON_HEADERS.items())
    post = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: 1000\r\n\r\n".encode()
    async with served(engine, no_auth=True, configure=_watched) as address:
        said = await _raw(address, post, *([b"x"] * 15))
    assert said.startswith(b"HTTP/1.1 408")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"] == "request_timeout"
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_body_has_its_own_time_though_it_begins_behind_the_end_of_another(engine: Engine) -> None:
    first = b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + b"x" * 1_000
    both = b"x" * 1_000 + b"POST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{"
    async with served(engine, configure=_watched) as address:
        said = await _raw(address, first, both, b"}", pause=40)
    assert said.count(b"HTTP/1.1 401") == 2


async def test_who_answers_in_place_of_the_application_is_not_answered_over(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    """The application, which waits for the body, ends as if its client had left."""
    head = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 500000\r\n\r\n"
    async with served(engine, no_auth=True, configure=_watched) as address:
        _, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(head + b"x" * 1_000)
        await eventually(lambda: asyncio_tasks_of("run_asgi"))
        time_passes(1_000)
        await eventually(lambda: not asyncio_tasks_of("run_asgi"))
        writer.close()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def asyncio_tasks_of(name: str) -> int:
    return sum(name in repr(task.get_coro()) for task in asyncio.all_tasks())


async def test_a_server_that_stops_does_not_wait_for_half_a_request(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    post = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx"
    async with served(engine, no_auth=True) as address:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(post)
        await eventually(lambda: asyncio_tasks_of("run_asgi"))
        said = asyncio.create_task(reader.read())
    assert (await said).startswith(b"HTTP/1.1 503")
    writer.close()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_client_that_reads_nothing_stops_an_application_that_writes_on(engine: Engine) -> None:
    written = 0

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal written
        if scope["type"] != "http":
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(500):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
            written += 1

    def configure(config: uvicorn.Config) -> None:
        config.app, config.lifespan = app, "off"

    async with served(engine, no_auth=True, configure=configure) as address:
        _, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]), limit=1_000)
        writer.write(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        await eventually(lambda: written)
        assert written < 500, "it wrote to its end without a pause"
        writer.transport.abort()


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_error(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in JSON_HEADERS.items())
    post = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: 1000\r\n\r\nx".encode()
    async with served(engine, no_auth=True) as address:
        _, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
        writer.write(post)
        await writer.drain()
        writer.close()
        async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
            assert (await web.get(f"{address}/healthz")).status_code == 200
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_body_that_comes_slowly_but_steadily_is_taken(engine: Engine) -> None:
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {"x": "y" * 10_000}}).encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in JSON_HEADERS.items())
    head += f"Connection: close\r\nContent-Length: {len(body)}\r\n"
    post = f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}\r\n".encode()
    pieces = [body[at : at + 1_000] for at in range(0, len(body), 1_000)]
    async with served(engine, no_auth=True, configure=_watched) as address:
        said = await _raw(address, post, *pieces, pause=15)
    assert b" 408 " not in said.partition(b"\r\n")[0]


async def test_a_body_that_stalls_behind_another_request_is_not_waited_for(engine: Engine) -> None:
    both = (
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nPOST /mcp HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx"
    )
    async with served(engine, no_auth=True, configure=_watched) as address:
        said = await _raw(address, both)
    assert said.startswith(b"HTTP/1.1 200")
    assert b"HTTP/1.1 408" in said


async def test_a_head_that_trickles_in_is_not_waited_for(engine: Engine) -> None:
    async with served(engine, no_auth=True, configure=_watched) as address:
        assert await _raw(address, b"GET / HTTP/1.1\r\n", *([b"A: b\r\n"] * 15)) == b""
        assert await _raw(address) == b""
        async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
            assert (await web.get(f"{address}/healthz")).status_code == 200


async def test_large_bodies_take_turns(engine: Engine) -> None:
    inside = most = 0

    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        nonlocal inside, most
        while (await receive()).get("more_body"):
            pass
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1

    async def one() -> None:
        pieces = iter([True] * 6 + [False])

        async def receive() -> Message:
            await asyncio.sleep(0)
            return {"type": "http.request", "body": b"x" * 100_000, "more_body": next(pieces)}

        await bodies({"type": "http"}, receive, lambda _: asyncio.sleep(0))

    bodies = Bodies(app, asyncio.Semaphore(2))
    await asyncio.gather(*(one() for _ in range(10)))
    assert most <= 2


async def test_a_whole_body_needs_no_place_however_long_its_call_takes() -> None:
    async def app(_scope: Scope, receive: Receive, send: Send) -> None:
        assert not (await receive()).get("more_body")
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": []})

    pieces: list[Message] = [
        {"type": "http.request", "body": b"x" * 300_000, "more_body": False},
        {"type": "http.disconnect"},
    ]
    said: list[Message] = []

    async def receive() -> Message:
        return pieces.pop(0)

    async def send(message: Message) -> None:
        said.append(message)

    await Bodies(app, asyncio.Semaphore(0), 0.05)({"type": "http"}, receive, send)
    assert said[0]["status"] == 200


async def test_a_place_for_a_large_body_is_not_waited_for_without_end() -> None:
    async def app(_scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive()).get("more_body"):
            pass

    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 300_000, "more_body": True}

    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    taken = asyncio.Semaphore(0)
    await Bodies(app, taken, 0.05)({"type": "http"}, receive, send)
    assert said[0]["status"] == 503


@pytest.mark.usefixtures("nothing_comes_back")
async def test_a_person_who_asks_too_often_reads_why(engine: Engine) -> None:
    async with served(engine) as address, httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as web:
        await asyncio.to_thread(_answered, address, [("/healthz", {"Accept": "text/html"})] * 100)
        answer = await web.get("/healthz", headers={"Accept": "text/html"})
    assert answer.status_code == 429
    assert re.match(r"Too many requests from this network .*; try again in \d+ s\.$", answer.text.strip())
    assert answer.headers["retry-after"]
