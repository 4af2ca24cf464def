"""The whole loop in a real process, and every line that it logged (promise 13)."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.processes import run, started
from tests.support.ports import free_port, listens
from tests.support.talk import talking
from tests.support.waiting import DEADLINE_S, eventually
from tests.support.webs import bearing, client

PEOPLE = ("guest.one@example.com", "guest.two@example.net", "olga@cis.test", "stranger@example.org")
NAMES = ("Guest One", "Confidential wording", "Quiet hall")


@dataclass
class Server:
    """A running server, its address, and what it has logged so far."""

    process: asyncio.subprocess.Process
    address: str = ""
    lines: list[str] = field(default_factory=list)

    async def read(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.lines.append(line.decode())
            if found := re.search(r"MCP at (http://\S+?)/mcp", self.lines[-1]):
                self.address = found[1]


@asynccontextmanager
async def server(folder: Path, **values: str) -> AsyncIterator[Server]:
    """`cis-mcp serve --http`, ended by SIGTERM; by then it has all its lines."""
    one = Server(await started(folder, "serve", "--http", "127.0.0.1:0", **values))
    reading = asyncio.create_task(one.read())
    try:
        await eventually(lambda: one.address or one.process.returncode is not None)
        yield one
    finally:
        if one.process.returncode is None:
            one.process.terminate()
        async with asyncio.timeout(DEADLINE_S):
            await one.process.wait()
            await reading


def _reply(uid: str, token: str, words: str) -> bytes:
    return (
        f"From: Guest One <{PEOPLE[0]}>\r\nTo: rsvp+{token}@cis.test\r\nSubject: {words}\r\n"
        f"Message-ID: <{words}@example.com>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/calendar; method=REPLY; charset=utf-8\r\n\r\n"
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//Test//EN\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\n"
        f"UID:{uid}\r\nDTSTAMP:20270301T100000Z\r\nSEQUENCE:0\r\nATTENDEE;PARTSTAT={words}:mailto:{PEOPLE[0]}\r\n"
        f"ORGANIZER:mailto:rsvp+{token}@cis.test\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    ).encode()


async def _mailed(port: int, to: str, raw: bytes) -> None:
    async with talking(port) as talk:
        await talk.begin_data(to, sender=PEOPLE[0])
        talk.say(raw + b".\r\n")
        assert await talk.code() == 250


async def _loop(one: Server, folder: Path, key: str, port: int) -> list[str]:
    """Create, invite, answer, misunderstand, refuse; returns the tokens that were made."""
    async with client(one.address, key) as agent:

        async def call(tool: str, **arguments: Any) -> dict[str, Any]:
            return dict((await agent.call_tool(tool, arguments)).structured_content or {})

        when = {"start": "2037-05-02T19:00:00", "duration": "PT2H", "timezone": "UTC"}
        made = await call("create_event", summary=NAMES[1], location=NAMES[2], **when)
        uid = made["event"]["uid"]
        await call("send_invite", uid=uid, email=PEOPLE[0], name=NAMES[0], wait_s=20)
        await call(
            "bulk_send", uid=uid, csv=f"email,name\n{PEOPLE[1]},{NAMES[0]}\nnot an address,x", start=True
        )
        refused = await call("send_invite", uid=uid, email=f"{PEOPLE[3]} and more")
        assert refused["code"]
        with sqlite3.connect(folder / "cis.sqlite3") as store:
            tokens = [row[0] for row in store.execute("SELECT token FROM attendee")]
            token = store.execute("SELECT token FROM attendee WHERE email = ?", [PEOPLE[0]]).fetchone()[0]
        await _mailed(port, f"rsvp+{token}@cis.test", _reply(uid, token, "ACCEPTED"))
        await _mailed(
            port,
            "create@cis.test",
            b"From: " + PEOPLE[3].encode() + b"\r\nSubject: Confidential wording\r\n\r\nNo\r\n",
        )
        await _mailed(port, "rsvp@cis.test", b"\x00\xff garbage of " + PEOPLE[3].encode() + b"\r\n")

        async def counted() -> bool:
            told = await call("get_stats", scope="event", key=uid)
            return bool(told["rsvp"]["accepted"] == 1 and told["delivery"]["sent"] == 2)

        await eventually(counted)
        await call("cancel_event", uid=uid, reason=NAMES[1])
    async with httpx.AsyncClient(timeout=DEADLINE_S) as web:
        for path in ("/healthz", "/readyz", "/metrics", f"/unsubscribe/{token}", "/mcp"):
            await web.get(f"{one.address}{path}", headers=bearing(key))
    return tokens


@pytest.mark.parametrize("style", ["json", "text"])
async def test_no_log_line_of_the_whole_loop_holds_an_address_a_token_a_key_or_words(
    tmp_path: Path, style: str
) -> None:
    _, key, _ = await run(tmp_path, "key", "create", "--for", PEOPLE[2], "--horizon", "0")
    port = free_port()
    settings = {"CIS_INBOX": f"smtp://127.0.0.1:{port}", "CIS_LOG": style, "CIS_SENDER_AUTH": "off"}
    async with server(tmp_path, **settings) as one:
        await eventually(lambda: listens(port))
        tokens = await _loop(one, tmp_path, key.strip(), port)
        await eventually(lambda: sum("mail " in line for line in one.lines) >= 3)
    assert one.process.returncode == 0
    log = "".join(one.lines)
    assert re.search(r"mail \S+: receipt", log), log
    assert re.search(r"mail \S+: quarantined", log), log
    for secret in (*PEOPLE, *NAMES, *tokens, key.strip(), "garbage"):
        assert secret not in log, log
    assert not re.search(r"[\w.+-]+@[\w-]+\.\w", log), log
    if style == "json":
        assert all("message" in json.loads(line) for line in one.lines)


async def test_a_level_that_does_not_exist_is_one_clear_line(tmp_path: Path) -> None:
    code, out, err = await run(tmp_path, "config", CIS_LOG_LEVEL="chatty")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert "CIS_LOG_LEVEL" in err
