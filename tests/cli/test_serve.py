"""`cis-mcp serve` as a client meets it: real processes over stdio and HTTP."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from tests.cli.processes import environment, run, serving
from tests.support.forks import DEVNULL, cis_mcp, launching
from tests.support.relay import Relay, relaying
from tests.support.waiting import DEADLINE_S

JSON_HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
LIST_TOOLS = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Literal["auto", "legacy"]:
    value: Literal["auto", "legacy"] = request.param
    return value


async def _call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments, read_timeout_seconds=DEADLINE_S)
    assert not result.is_error, result.content
    assert result.structured_content is not None
    return result.structured_content


async def _main_loop(client: Client) -> None:
    """Create, invite, count, change, cancel."""
    event = await _call(
        client,
        "create_event",
        summary="Season opener",
        start="2037-05-02T19:00:00",
        duration="PT2H",
        timezone="America/New_York",
    )
    uid = event["event"]["uid"]
    invite = await _call(client, "send_invite", uid=uid, email="ann@example.com", wait_s=20)
    assert invite["status"] == "sent"
    bulk = await _call(
        client, "bulk_send", uid=uid, csv="email\nbob@example.com\nann@example.com", start=True
    )
    assert (bulk["campaign"]["valid"], bulk["campaign"]["skipped_total"]) == (1, 1)
    changed = await _call(client, "update_event", uid=uid, location="Hall 2")
    assert changed["changed"] == ["location"]
    assert (await _call(client, "get_stats", scope="event", key=uid))["attendees"] >= 1
    assert (await _call(client, "cancel_event", uid=uid))["event"]["status"] == "cancelled"


async def test_the_main_loop_works_over_stdio(tmp_path: Path, mode: Literal["auto", "legacy"]) -> None:
    command, *arguments = launching("serve")
    server = StdioServerParameters(command=command, args=arguments, env=environment(tmp_path), cwd=tmp_path)
    async with asyncio.timeout(2 * DEADLINE_S), Client(server, mode=mode) as client:
        await _main_loop(client)
    assert any((tmp_path / "outbox" / "new").iterdir())


async def test_the_main_loop_works_over_http_with_a_key(
    tmp_path: Path, mode: Literal["auto", "legacy"]
) -> None:
    _, key, _ = await run(tmp_path, "key", "create", "--for", "ann@example.com", "--horizon", "0")
    headers = {"Authorization": f"Bearer {key.strip()}"}
    async with AsyncExitStack() as stack:
        address, _process = await stack.enter_async_context(serving(tmp_path, "--http", "127.0.0.1:0"))
        web = await stack.enter_async_context(httpx.AsyncClient(headers=headers, timeout=DEADLINE_S))
        transport = streamable_http_client(f"{address}/mcp", http_client=web)
        client = await stack.enter_async_context(Client(transport, mode=mode))
        assert "You act for ann@example.com" in (client.instructions or "")
        await _main_loop(client)


async def _send_slowly(client: Client) -> None:
    """Five invites, two a second, awaited in the call; progress comes and only grows."""
    given = {"summary": "Opener", "start": "2037-05-02T19:00:00Z", "duration": "PT2H", "timezone": "UTC"}
    uid = (await _call(client, "create_event", **given))["event"]["uid"]
    people = [{"email": f"p{n}@example.com"} for n in range(5)]
    bulk = await _call(client, "bulk_send", uid=uid, recipients=people, rate=2)
    key, token = bulk["campaign"]["id"], bulk["campaign"]["confirm_token"]
    told: list[tuple[float, float | None]] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert key in (message or "")
        told.append((progress, total))

    start = {"campaign_id": key, "action": "start", "confirm_token": token, "wait_s": DEADLINE_S}
    result = await client.call_tool(
        "control_campaign", start, read_timeout_seconds=2 * DEADLINE_S, progress_callback=note
    )
    assert not result.is_error, result.content
    assert result.structured_content is not None
    campaign = result.structured_content["campaign"]
    assert (campaign["state"], campaign["counts"]["sent"]) == ("finished", 5)
    assert len(told) >= 2
    assert [done for done, _ in told] == sorted({done for done, _ in told})
    assert {total for _, total in told} == {5}
    story = await _call(client, "get_attendee", uid=uid, email="p4@example.com")
    assert story["messages"][0]["state"] == "sent"


async def test_a_campaign_is_awaited_with_progress_over_stdio(
    tmp_path: Path, mode: Literal["auto", "legacy"]
) -> None:
    command, *arguments = launching("serve", "--tier", "extended")
    server = StdioServerParameters(command=command, args=arguments, env=environment(tmp_path), cwd=tmp_path)
    async with asyncio.timeout(2 * DEADLINE_S), Client(server, mode=mode) as client:
        await _send_slowly(client)


async def test_a_campaign_is_awaited_with_progress_over_http(
    tmp_path: Path, mode: Literal["auto", "legacy"]
) -> None:
    serve = serving(tmp_path, "--http", "127.0.0.1:0", "--no-auth", "--tier", "extended")
    async with serve as (address, _), Client(f"{address}/mcp", mode=mode) as client:
        await _send_slowly(client)


async def test_a_client_that_goes_away_while_it_waits_leaves_the_campaign_alone(
    tmp_path: Path, mode: Literal["auto", "legacy"]
) -> None:
    async with relaying() as relay:
        relay.answering.clear()
        outbox = f"smtp://127.0.0.1:{relay.port}?starttls=no"
        async with serving(tmp_path, "--http", "127.0.0.1:0", "--no-auth", CIS_OUTBOX=outbox) as (address, _):
            await _left_while_waiting(f"{address}/mcp", mode, relay)


async def _left_while_waiting(address: str, mode: Literal["auto", "legacy"], relay: Relay) -> None:
    async with Client(address, mode=mode) as client:
        given = {"summary": "Opener", "start": "2037-05-02T19:00:00Z", "duration": "PT2H"}
        uid = (await _call(client, "create_event", timezone="UTC", **given))["event"]["uid"]
        people = [{"email": f"p{n}@example.com"} for n in range(8)]
        bulk = await _call(client, "bulk_send", uid=uid, recipients=people, start=True)
        key = bulk["campaign"]["id"]
        told = asyncio.Event()

        async def note(progress: float, total: float | None, message: str | None) -> None:
            told.set()

        waiting = asyncio.create_task(
            client.call_tool(
                "get_campaign", {"campaign_id": key, "wait_s": DEADLINE_S}, progress_callback=note
            )
        )
        async with asyncio.timeout(DEADLINE_S):
            await told.wait()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
    relay.answering.set()
    async with Client(address, mode=mode) as client:
        found = await _call(client, "get_campaign", campaign_id=key, wait_s=DEADLINE_S)
    assert found["campaign"]["counts"]["sent"] == 8


async def test_without_a_key_nobody_gets_in_but_health_is_told(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, "--http", "127.0.0.1:0") as (address, _),
        httpx.AsyncClient(timeout=DEADLINE_S) as web,
    ):
        for headers in ({}, {"Authorization": "Bearer cis_guessed"}, {"Authorization": "Basic eDp5"}):
            answer = await web.post(f"{address}/mcp", json=LIST_TOOLS, headers={**JSON_HEADERS, **headers})
            assert answer.status_code == 401
        health = await web.get(f"{address}/healthz")
        assert (health.status_code, health.json()) == (200, {"status": "ok"})


async def test_a_revoked_key_is_locked_out_of_a_running_server(tmp_path: Path) -> None:
    _, key, line = await run(tmp_path, "key", "create", "--horizon", "0")
    headers = {**JSON_HEADERS, "Authorization": f"Bearer {key.strip()}"}
    async with (
        serving(tmp_path, "--http", "127.0.0.1:0") as (address, _),
        httpx.AsyncClient(timeout=DEADLINE_S) as web,
    ):
        answer = await web.post(f"{address}/mcp", json=LIST_TOOLS, headers=headers)
        assert answer.status_code != 401
        code, _, _ = await run(tmp_path, "key", "revoke", line.split()[0])
        assert code == 0
        assert (await web.post(f"{address}/mcp", json=LIST_TOOLS, headers=headers)).status_code == 401


async def test_a_page_of_another_site_is_kept_out(tmp_path: Path) -> None:
    local = serving(tmp_path, "--http", "127.0.0.1:0", "--no-auth")
    async with local as (address, _), httpx.AsyncClient(timeout=DEADLINE_S) as web:
        for header, value, code in (
            ("Host", "evil.example", 421),
            ("Origin", "http://evil.example", 403),
        ):
            headers = {**JSON_HEADERS, header: value}
            answer = await web.post(f"{address}/mcp", json=LIST_TOOLS, headers=headers)
            assert answer.status_code == code


async def test_a_request_without_end_is_cut_off(tmp_path: Path) -> None:
    local = serving(tmp_path, "--http", "127.0.0.1:0", "--no-auth")
    async with local as (address, _), httpx.AsyncClient(timeout=DEADLINE_S) as web:
        answer = await web.post(f"{address}/mcp", content=b"x" * 17 * 1024 * 1024, headers=JSON_HEADERS)
        assert answer.status_code == 413


async def test_without_keys_the_caller_is_the_local_operator(tmp_path: Path) -> None:
    local = serving(tmp_path, "--http", "127.0.0.1:0", "--no-auth")
    async with local as (address, _), Client(f"{address}/mcp") as client:
        assert "You act for agent@cis.test" in (client.instructions or "")


async def test_sigterm_ends_an_http_server_in_good_order(tmp_path: Path) -> None:
    async with serving(tmp_path, "--http", "127.0.0.1:0") as (_, process):
        process.terminate()
        async with asyncio.timeout(DEADLINE_S):
            assert await process.wait() == 0


async def test_sigterm_ends_a_call_that_waits_with_what_there_is(
    tmp_path: Path, mode: Literal["auto", "legacy"]
) -> None:
    local = serving(tmp_path, "--http", "127.0.0.1:0", "--no-auth")
    async with local as (address, process), Client(f"{address}/mcp", mode=mode) as client:
        given = {"summary": "Opener", "start": "2037-05-02T19:00:00Z", "duration": "PT2H"}
        uid = (await _call(client, "create_event", timezone="UTC", **given))["event"]["uid"]
        people = [{"email": f"p{n}@example.com"} for n in range(8)]
        bulk = await _call(client, "bulk_send", uid=uid, recipients=people, rate=0.01, start=True)
        told = asyncio.Event()

        async def note(progress: float, total: float | None, message: str | None) -> None:
            told.set()

        arguments = {"campaign_id": bulk["campaign"]["id"], "wait_s": 600}
        waiting = asyncio.create_task(client.call_tool("get_campaign", arguments, progress_callback=note))
        async with asyncio.timeout(DEADLINE_S):
            await told.wait()
            process.terminate()
            result = await waiting
            assert not result.is_error
            assert result.structured_content is not None
            assert result.structured_content["campaign"]["state"] == "running"


async def test_sigterm_ends_a_stdio_server_whose_client_keeps_stdin_open(tmp_path: Path) -> None:
    request = (
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
        b'"capabilities":{},"clientInfo":{"name":"t","version":"1"}}}\n'
    )
    process = await cis_mcp("serve", cwd=tmp_path, env=environment(tmp_path), stderr=DEVNULL)
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        process.stdin.write(request)
        assert b'"serverInfo"' in await process.stdout.readline()
        process.terminate()
        assert await process.wait() == 0
        assert await process.stdout.read() == b""
    process.stdin.close()


_SIGNALLED_AS_THE_LOOP_STARTS = """
import asyncio, os, signal, socket
from cis_mcp.mcp.tools import Selection
from cis_mcp.stdio import opening
from engine.process import loop
from engine.settings import Settings

made = socket.socketpair

def signalled(*arguments):
    os.kill(os.getpid(), signal.SIGTERM)
    return made(*arguments)

socket.socketpair = signalled  # before the loop's library takes it
opening.begun(Settings(), Selection.of("core"))
loop.run(asyncio.sleep(0))
"""


async def test_sigterm_ends_a_stdio_server_whose_event_loop_just_starts(tmp_path: Path) -> None:
    starting = await create_subprocess_exec(
        sys.executable,
        "-c",
        _SIGNALLED_AS_THE_LOOP_STARTS,
        env=environment(tmp_path),
        stdin=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(DEADLINE_S):
        _, said = await starting.communicate()
    assert (starting.returncode, said.decode()) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--http", "0.0.0.0:0", "--no-auth"), "--no-auth would let in anyone"),
        (("--http", "0.0.0.0:0"), "There is no key yet"),
        (("--no-auth",), "--no-auth needs --http"),
        (("--http", "8000"), "must be HOST:PORT"),
    ],
)
async def test_an_open_or_senseless_door_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    code, out, err = await run(tmp_path, "serve", *arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


async def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    async with serving(tmp_path, "--http", "127.0.0.1:0") as (address, _):
        port = address.rpartition(":")[2]
        code, _, err = await run(tmp_path, "serve", "--http", f"127.0.0.1:{port}")
    assert (code, len(err.splitlines())) == (1, 1)
    assert f"127.0.0.1:{port}" in err


@pytest.mark.parametrize(
    ("name", "value"),
    [("CIS_OUTBOX", "ftp://user:s3cret@example.com"), ("CIS_PUBLIC_URL", "nowhere"), ("CIS_DOMAIN", "a@b")],
)
async def test_a_bad_setting_is_one_clear_line(tmp_path: Path, name: str, value: str) -> None:
    code, out, err = await run(tmp_path, "serve", "--http", "127.0.0.1:0", **{name: value})
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert name in err
    assert "s3cret" not in err
