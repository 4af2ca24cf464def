"""One-click unsubscribe as mail programs, people and link scanners meet it: a real server, a mail that went out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from engine.commands.invites.invites import SendInvite
from engine.engine import system_clock
from engine.model.events import Event
from engine.refusals import Code
from tests.cli.processes import serving
from tests.support import engines
from tests.support.engines import created, engine_in, invite
from tests.support.waiting import DEADLINE_S, eventually

ANN = "ann@example.com"
PUBLIC = "https://cis.example.com"


@pytest.fixture
async def event(tmp_path: Path) -> Event:
    """An event that Ann is invited to; her mail is still to go."""
    async with engine_in(tmp_path, system_clock) as engine:
        event = await created(engine)
        await invite(engine, event, ANN)
    return event


@pytest.fixture
async def web(tmp_path: Path, event: Event) -> AsyncIterator[httpx.AsyncClient]:
    """A browser at a server whose agents need keys."""
    arguments = ("--http", "127.0.0.1:0", "--no-auth")
    async with (
        serving(tmp_path, *arguments, CIS_PUBLIC_URL=PUBLIC) as (address, _),
        httpx.AsyncClient(base_url=address, timeout=DEADLINE_S) as client,
    ):
        yield client


async def invitation(folder: Path) -> EmailMessage:
    """The mail that went out."""
    outbox = folder / "outbox" / "new"
    await eventually(lambda: outbox.is_dir() and any(outbox.iterdir()))
    (file,) = outbox.iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


async def link(folder: Path) -> str:
    """The path of the HTTPS way to unsubscribe."""
    found = re.search(
        rf"<{PUBLIC}(/unsubscribe/[a-z0-9]+)>", str((await invitation(folder))["List-Unsubscribe"])
    )
    assert found is not None
    return found[1]


async def why_not(folder: Path) -> Code | None:
    """Why Ann cannot be invited to another event."""
    async with engine_in(folder, system_clock) as engine:
        other = await created(engine)
        return await engines.why_not(engine, SendInvite(uid=other.uid, email=ANN))


async def test_each_invite_offers_both_ways_on_one_line(tmp_path: Path, web: httpx.AsyncClient) -> None:
    mail = await invitation(tmp_path)
    https, mailto = str(mail["List-Unsubscribe"]).split(", ")
    token = https.removesuffix(">").rpartition("/")[2]
    assert mailto == f"<mailto:unsubscribe+{token}@cis.test>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert b"\nList-Unsubscribe: <https" in mail.as_bytes(policy=policy.compat32.clone(max_line_length=None))


async def test_looking_changes_nothing_and_pressing_the_button_unsubscribes(
    tmp_path: Path, event: Event, web: httpx.AsyncClient
) -> None:
    path = await link(tmp_path)
    shown = await web.get(path)
    assert (await web.head(path)).status_code == shown.status_code == 200
    assert '<form method="post">' in shown.text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "noindex" in shown.headers["x-robots-tag"]
    assert await why_not(tmp_path) is None
    for _ in range(2):
        done = await web.post(path, data={"List-Unsubscribe": "One-Click"})
        assert (done.status_code, done.history) == (200, [])
        assert "set-cookie" not in done.headers
        assert "no more mail" in done.text
    assert await why_not(tmp_path) is Code.ATTENDEE_BLOCKED


async def test_a_link_that_we_never_made_unsubscribes_nobody(tmp_path: Path, web: httpx.AsyncClient) -> None:
    for path in ("/unsubscribe/guessed", "/unsubscribe/%3Cscript%3E", f"/unsubscribe/{'a' * 5_000}"):
        for answer in (await web.get(path), await web.post(path)):
            assert answer.status_code == 404
            assert "script" not in answer.text
    assert await why_not(tmp_path) is None
