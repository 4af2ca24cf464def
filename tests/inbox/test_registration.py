"""An address becomes an organizer by mail: its owner confirms it, or the operator registers it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner
from starlette.applications import Starlette

from cis_mcp.cli.main import cli
from cis_mcp.pages.links import routes
from engine.commands.operators import registration
from engine.inbox.routes.confirm import look_again
from engine.model.messages import Message
from engine.model.queries import EventQuery
from engine.refusals import Code, Refused
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.inboxes import Post, receiving
from tests.support.mails import vevent
from tests.support.waiting import eventually
from tests.tools.caller import agent, calling

ANN = "ann@elsewhere.example"
PUBLIC = "https://cis.example.org"
ADMIN = agent("ops@example.com", frozenset({"read", "admin"}))


@asynccontextmanager
async def server(folder: Path, clock: Clock, registration: str) -> AsyncIterator[Post]:
    settings = {"authserv_ids": mails.OPERATOR_SERVER, "public_url": PUBLIC, "registration": registration}
    async with engine_in(folder, clock, **settings) as engine, receiving(engine) as post:
        yield post


async def titles(post: Post) -> list[str]:
    page = await post.engine.store.search(EventQuery(organizer=ANN))
    return sorted(event.summary for event in page.events)


async def waits(post: Post, summary: str, **values: object) -> None:
    event = vevent(f"{summary.lower()}@elsewhere.example", summary=summary)
    intake = await post(mails.request(event, sender=ANN, **values))
    assert (intake.action, intake.code) == ("quarantined", "organizer_not_allowed")


def code_in(message: Message) -> str:
    assert message.notice is not None
    (code,) = re.findall(rf"{PUBLIC}/confirm/([a-z0-9]+)", message.notice.text)
    assert (message.email, message.notice.reply_to) == (ANN, f"confirm+{code}@cis.test")
    return str(code)


async def test_the_operator_registers_an_address_and_its_waiting_mails_are_carried_out(
    tmp_path: Path, clock: Clock
) -> None:
    async with server(tmp_path, clock, "approve") as post:
        await waits(post, "One")
        assert "until the operator registers it" in (await post.notice()).notice.text  # type: ignore[union-attr]
        await waits(post, "Two")
        assert await titles(post) == []
        async with calling(post.engine, actor=ADMIN, tier="operator") as operator:
            done = await operator.ok("register_organizer", address=ANN)
            assert (done["address"], done["mails"]) == (ANN, 2)
            await eventually(lambda: not post.files("quarantine") and not post.files("new"))
            assert await titles(post) == ["One", "Two"]
            assert (await operator.ok("register_organizer", address=ANN))["mails"] == 0
        assert (await post(mails.request(vevent("three"), sender=ANN))).action == "created"


async def test_only_an_operator_registers(tmp_path: Path, clock: Clock) -> None:
    async with server(tmp_path, clock, "open") as post:
        owner = agent(ANN, frozenset({"read", "events", "invites"}))
        async with calling(post.engine, actor=owner, tier="operator") as caller:
            assert await caller.code("register_organizer", address=ANN) == "unknown_tool"
        with pytest.raises(Refused) as refused:
            await post.engine.apply(registration.RegisterOrganizer(address=ANN), owner)
        assert refused.value.code is Code.NOT_ALLOWED
        assert not await post.engine.store.registered(ANN)


@pytest.mark.parametrize("way", ["mail", "page"])
async def test_the_owner_of_an_address_confirms_it_once_for_all_that_waits(
    tmp_path: Path, clock: Clock, way: str
) -> None:
    async with server(tmp_path, clock, "open") as post:
        await waits(post, "One")
        code = code_in(await post.notice())
        await waits(post, "Two")
        assert await post.notices() == []
        for _ in range(2):
            if way == "mail":
                answer = mails.mail(ANN, f"confirm+{code}@cis.test", subject="Re: Confirm", text="Yes")
                await post(answer)
            else:
                await _press(post, code)
            await eventually(lambda: not post.files("quarantine") and not post.files("new"))
        assert await titles(post) == ["One", "Two"]
        assert (await post(mails.request(vevent("three"), sender=ANN))).action == "created"


async def _press(post: Post, code: str) -> None:
    transport = httpx.ASGITransport(Starlette(routes=routes(post.engine)))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as client:
        shown = await client.get(f"/confirm/{code}")
        assert shown.status_code in {200, 404}
        if shown.status_code == 200:
            assert "not registered here yet" in shown.text
            assert not await post.engine.store.registered(ANN)
        await client.post(f"/confirm/{code}")


@pytest.mark.parametrize("later", ["approve", "closed"])
async def test_a_code_of_a_time_when_registration_was_open_registers_nobody_once_it_is_not(
    tmp_path: Path, clock: Clock, later: str
) -> None:
    async with server(tmp_path, clock, "open") as post:
        await waits(post, "One")
        code = code_in(await post.notice())
    async with server(tmp_path, clock, later) as post:
        intake = await post(mails.mail(ANN, f"confirm+{code}@cis.test", subject="Re: Confirm", text="Yes"))
        assert (intake.action, intake.code) == ("refused", "organizer_not_allowed")
        assert not await post.engine.store.registered(ANN)
        assert len(post.files("quarantine")) == 1


async def test_what_a_crash_left_waiting_after_a_registration_is_carried_out_later(
    tmp_path: Path, clock: Clock
) -> None:
    async with server(tmp_path, clock, "approve") as post:
        await waits(post, "One")
        await post.engine.apply(registration.RegisterOrganizer(address=ANN), post.engine.local)
        assert len(post.files("quarantine")) == 1
        await look_again(post.engine)
        await eventually(lambda: not post.files("quarantine") and not post.files("new"))
        assert await titles(post) == ["One"]


async def test_a_sender_who_is_not_proven_registers_nobody_and_nobody_is_asked(
    tmp_path: Path, clock: Clock
) -> None:
    async with server(tmp_path, clock, "open") as post:
        assert (await post(mails.request(sender=ANN, proven=False))).code == "sender_unauthenticated"
        assert await post.notices() == []
        assert await post.engine.store.registrations(None, 10) == []


async def test_an_address_is_asked_once_a_day_and_has_100_mails_waiting_at_most(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registration, "WAITING_MAX", 3)
    async with server(tmp_path, clock, "open") as post:
        for n in range(5):
            await waits(post, f"Event{n}")
        await post.notice()
        assert len(await post.engine.store.registrations(ANN, 10)) == 3
        assert len(post.files("quarantine")) == 5


async def test_a_closed_server_notes_no_applicants_and_the_operator_may_still_register(
    tmp_path: Path, clock: Clock
) -> None:
    async with server(tmp_path, clock, "closed") as post:
        await waits(post, "One")
        assert await post.engine.store.registrations(None, 10) == []
        await post.engine.apply(registration.RegisterOrganizer(address=ANN), post.engine.local)
        assert (await post(mails.request(vevent("two", summary="Two"), sender=ANN))).action == "created"
        assert await titles(post) == ["Two"]


async def test_the_command_line_lists_who_waits_and_registers(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with server(tmp_path, clock, "approve") as post:
        await waits(post, "One")
    monkeypatch.setenv("CIS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("CIS_AUTHSERV_IDS", mails.OPERATOR_SERVER)
    monkeypatch.chdir(tmp_path)
    # The commands run a loop of their own.
    import asyncio

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(cli, arguments, prog_name="cis-mcp")
        assert done.exit_code == 0, done.output
        return done.stdout

    assert await asyncio.to_thread(run, "organizer", "waiting") == f"{ANN}  1 mail\n"
    said = await asyncio.to_thread(run, "organizer", "register", ANN)
    assert said.splitlines()[0] == f"{ANN}: registered"
    assert "created" in said
    assert list((tmp_path / "inbox" / "in-flight").iterdir()) == []
    assert await asyncio.to_thread(run, "organizer", "waiting") == ""
