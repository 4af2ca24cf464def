"""SIGTERM ends the process without waiting for any client, look-up or thread; what was in hand goes on."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.attacks.door import Key, new_key
from tests.cli.processes import environment, serving, started
from tests.support.forks import DEVNULL, cis_mcp
from tests.support.ports import free_port, listens
from tests.support.talk import talking
from tests.support.waiting import DEADLINE_S, eventually
from tests.support.webs import INITIALIZE, bearing

_HOURS_OF_WORK = "email\n" + f"x@{'äöüéèêñçåøæëïîôûùâàá.' * 7}example\n" * 30_000
"""Each address costs all rules, for its length is judged last: far longer in all than a process may take to end."""
_HALVES = (
    b"",
    b"GET /healthz HTTP/1.1\r\nHost: a",
    b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nx",
    b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
)


@contextmanager
def _silent() -> Iterator[int]:
    """The port of a name server and mail server that take everything and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as names:
            names.bind(("127.0.0.1", port))
            yield port


@asynccontextmanager
async def _served(folder: Path, **settings: str) -> AsyncIterator[tuple[Key, asyncio.subprocess.Process]]:
    """A server and ann's key."""
    given = {"CIS_ORGANIZERS": "*@example.com", **settings}
    secret = await new_key(folder, "ann@example.com", **given)
    async with (
        serving(folder, "--http", "127.0.0.1:0", **given) as (address, process),
        httpx.AsyncClient(timeout=DEADLINE_S) as web,
    ):
        yield Key(address, secret, web), process


async def _ends(process: asyncio.subprocess.Process, number: int = signal.SIGTERM) -> None:
    process.send_signal(number)
    async with asyncio.timeout(DEADLINE_S):
        assert await process.wait() == 0


def _used(process: asyncio.subprocess.Process) -> int:
    """Processor time of a process, in ticks."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@asynccontextmanager
async def _crowd(address: str) -> AsyncIterator[None]:
    """Clients that say half of something, or nothing, or read nothing."""
    port = urlsplit(address).port
    writers: list[asyncio.StreamWriter] = []
    try:
        for number in range(40):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writers.append(writer)
            writer.write(_HALVES[number % len(_HALVES)])
        yield
    finally:
        for writer in writers:
            writer.transport.abort()


@asynccontextmanager
async def _receiving(
    folder: Path, *arguments: str, nohup: bool = False
) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """A process that takes mail on a port, started in a terminal that may close, or by `nohup`."""
    port = free_port()
    env = environment(folder / "data", CIS_INBOX=f"smtp://127.0.0.1:{port}")
    process = await cis_mcp(
        *arguments, cwd=folder, env=env, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, nohup=nohup
    )
    try:
        await eventually(lambda: listens(port))
        yield port, process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize("arguments", [("serve", "--http", "127.0.0.1:0"), ("worker",)], ids=lambda a: a[0])
async def test_a_closed_terminal_ends_a_server_as_sigterm_does(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    async with _receiving(tmp_path, *arguments) as (_, process):
        await _ends(process, signal.SIGHUP)


async def test_nohup_keeps_a_server_when_its_terminal_is_closed(tmp_path: Path) -> None:
    async with _receiving(tmp_path, "worker", nohup=True) as (port, process):
        process.send_signal(signal.SIGHUP)
        async with talking(port) as talk:
            assert await talk.code() == 220
        await _ends(process)


async def test_clients_who_are_slow_wait_or_listen_are_not_waited_for(tmp_path: Path) -> None:
    with _silent() as port:
        async with (
            _served(tmp_path, CIS_OUTBOX=f"smtp://127.0.0.1:{port}") as (ann, process),
            _crowd(ann.address),
        ):
            uid = await ann.event()
            invite = asyncio.ensure_future(
                ann.call("send_invite", uid=uid, email="carol@example.net", wait_s=60)
            )
            opened = await ann.web.post(f"{ann.address}/mcp", json=INITIALIZE, headers=bearing(ann.secret))
            stream = {**bearing(ann.secret), "mcp-session-id": opened.headers["mcp-session-id"]}
            async with ann.web.stream("GET", f"{ann.address}/mcp", headers=stream) as events:
                assert events.status_code == 200
                await eventually(lambda: _owed(tmp_path))
                await _ends(process)
            await asyncio.gather(invite, return_exceptions=True)
        assert _owed(tmp_path), "the invite is still owed"


def _owed(folder: Path) -> bool:
    import sqlite3

    with sqlite3.connect(folder / "cis.sqlite3") as store:
        return bool(store.execute("SELECT 1 FROM message WHERE state IN ('queued', 'deferred')").fetchone())


async def test_a_client_that_reads_nothing_of_its_answers_is_not_waited_for(tmp_path: Path) -> None:
    async with _served(tmp_path) as (ann, process):
        _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(ann.address).port, limit=1_000)
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in bearing(ann.secret).items())
        request = (
            f"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        writer.write(request * 300)
        before = _used(process)
        await eventually(lambda: _used(process) > before + 20)
        await _ends(process)
        writer.transport.abort()


async def test_a_list_that_is_being_judged_is_not_waited_for(tmp_path: Path) -> None:
    async with _served(tmp_path) as (ann, process):
        uid = await ann.event()
        before = _used(process)
        call = asyncio.ensure_future(ann.call("bulk_send", uid=uid, csv=_HOURS_OF_WORK))
        await eventually(lambda: _used(process) > before + 100)
        assert not call.done()
        await _ends(process)
        await asyncio.gather(call, return_exceptions=True)
    async with _served(tmp_path) as (ann, _):
        assert (await ann.call("get_event", uid=uid))["event"]["uid"] == uid
        assert (await ann.call("get_campaign"))["campaigns"] == []


def _mail(number: int) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"b{number}@example.com", "create@cis.test", f"Board {number}"
    mail["Message-ID"] = f"<{number}@example.com>"
    mail.set_content(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT\r\n"
        f"UID:{number}@example.com\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20370502T190000Z\r\n"
        f"DTEND:20370502T200000Z\r\nSUMMARY:Board {number}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        subtype="calendar",
        params={"method": "PUBLISH"},
    )
    return mail.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


async def test_a_name_server_that_says_nothing_is_not_waited_for_and_no_mail_is_lost(tmp_path: Path) -> None:
    smtp, count = free_port(), 12
    settings = {
        "CIS_INBOX": f"smtp://127.0.0.1:{smtp}",
        "CIS_RELAYS": "none",
        "CIS_ORGANIZERS": "*@example.com",
    }
    with _silent() as names:
        async with _served(tmp_path, **settings, CIS_DNS=f"127.0.0.1:{names}") as (_, process):
            await eventually(lambda: listens(smtp), DEADLINE_S)
            for number in range(count):
                async with talking(smtp) as talk:
                    await talk.begin_data(sender=f"b{number}@d{number}.example")
                    talk.say(_mail(number) + b"\r\n.\r\n")
                    assert await talk.code() == 250
            async with talking(smtp) as idle:
                await idle.greeted()
                await _ends(process)
    async with _served(tmp_path, **settings, CIS_SENDER_AUTH="off") as (_, process):
        await eventually(lambda: _events(tmp_path) == count, DEADLINE_S)


def _events(folder: Path) -> int:
    import sqlite3

    with sqlite3.connect(folder / "cis.sqlite3") as store:
        return int(store.execute("SELECT count(*) FROM event").fetchone()[0])


@pytest.mark.parametrize("ending", ["SIGTERM", "end of stdin"])
async def test_over_stdio_a_list_that_is_being_judged_is_not_waited_for(tmp_path: Path, ending: str) -> None:
    process = await started(tmp_path, "serve")
    assert process.stdin is not None
    assert process.stdout is not None

    async def say(body: object) -> None:
        assert process.stdin is not None
        process.stdin.write(json.dumps(body, ensure_ascii=False).encode() + b"\n")
        await process.stdin.drain()

    async def call(number: int, tool: str, **arguments: object) -> None:
        params = {"name": tool, "arguments": arguments}
        await say({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})

    try:
        await say(INITIALIZE)
        await process.stdout.readline()
        await call(2, "create_event", summary="Board", start="2037-05-02T19:00:00Z", duration="PT1H")
        answer = json.loads(await process.stdout.readline())
        uid = answer["result"]["structuredContent"]["event"]["uid"]
        before = _used(process)
        await call(3, "bulk_send", uid=uid, csv=_HOURS_OF_WORK)
        await eventually(lambda: _used(process) > before + 100)
        if ending == "SIGTERM":
            await _ends(process)
        else:
            process.stdin.close()
            async with asyncio.timeout(DEADLINE_S):
                assert await process.wait() == 0
        assert _events(tmp_path) == 1
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
