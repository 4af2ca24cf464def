"""Mail to console@: its proven sender is mailed a link to sign in; nobody else learns anything."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.commands.agents.keys import CreateKey, RevokeKey
from engine.commands.signing_in import AskToSignIn, SignIn
from engine.engine import Engine
from engine.model.actors import Actor
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, deliver, do, engine_in
from tests.support.inboxes import Post, receiving

PUBLIC = "https://cis.example.org"
OLGA = Actor(kind="organizer", address="olga@cis.test")
DELEGATING = frozenset({"create", "delegate"})
NOBODY = Actor(kind="attendee", address="")


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, public_url=PUBLIC, authserv_ids=mails.OPERATOR_SERVER) as opened:
        yield opened


@pytest.fixture
async def post(engine: Engine) -> AsyncIterator[Post]:
    async with receiving(engine) as opened:
        yield opened


async def _links(engine: Engine) -> list[tuple[str, str]]:
    """To whom links went, and their codes."""
    return [
        (message.email, code)
        for message in await deliver(engine)
        if message.notice
        for code in re.findall(rf"{PUBLIC}/signin/([a-z0-9]+)", message.notice.text)
    ]


async def test_an_organizer_who_writes_to_the_console_is_mailed_a_link_that_signs_them_in(
    engine: Engine, post: Post
) -> None:
    await created(engine, OLGA)
    done = await post(mails.mail(sender=OLGA.address, to="console@cis.test", text="Let me in"))
    assert done.action == "link_asked"
    ((to, code),) = await _links(engine)
    assert to == OLGA.address
    signed_in = await do(engine, SignIn(code=code), NOBODY)
    assert signed_in.session.address == OLGA.address


@pytest.mark.parametrize(
    "values", [{"proven": False}, {"sender": "stranger@example.net"}, {"automatic": "auto-replied"}]
)
async def test_an_unproven_an_unknown_and_an_automatic_sender_get_nothing(
    engine: Engine, post: Post, values: dict[str, object]
) -> None:
    await created(engine, OLGA)
    automatic = values.pop("automatic", "")
    mail = mails.mail(**{"sender": OLGA.address, "to": "console@cis.test", "text": "Let me in", **values})  # type: ignore[arg-type]
    if automatic:
        mail["Auto-Submitted"] = automatic
    await post(mail)
    assert await deliver(engine) == []


async def test_an_address_whose_mail_a_key_reads_gets_no_link(engine: Engine, post: Post) -> None:
    await created(engine, OLGA)
    await do(engine, CreateKey(name="Robot", address=OLGA.address))
    await post(mails.mail(sender=OLGA.address, to="console@cis.test", text="Let me in"))
    assert await _links(engine) == []


async def test_who_only_had_a_key_below_an_ended_one_gets_a_link_again(engine: Engine, post: Post) -> None:
    await created(engine, OLGA)
    top = (await do(engine, CreateKey(name="Robot", address=OLGA.address, scopes=DELEGATING))).key
    await do(engine, CreateKey(name="Arm"), top.actor)
    await do(engine, RevokeKey(key_id=top.id))
    await post(mails.mail(sender=OLGA.address, to="console@cis.test", text="Let me in"))
    assert [to for to, _ in await _links(engine)] == [OLGA.address]


async def test_a_key_of_the_reference_api_reads_nobodys_mail(engine: Engine, post: Post) -> None:
    await created(engine, OLGA)
    await do(engine, CreateKey(name="website", address=OLGA.address, api="standard"))
    await post(mails.mail(sender=OLGA.address, to="console@cis.test", text="Let me in"))
    assert [to for to, _ in await _links(engine)] == [OLGA.address]


async def test_links_that_strangers_ask_for_on_a_page_leave_those_for_proven_mail(
    engine: Engine, post: Post
) -> None:
    await created(engine, OLGA)
    while (await do(engine, AskToSignIn(address=OLGA.address), NOBODY)).mailed:
        await deliver(engine)
    await post(mails.mail(sender=OLGA.address, to="console@cis.test", text="Let me in"))
    assert [to for to, _ in await _links(engine)] == [OLGA.address]


async def test_proven_mail_that_is_relayed_again_and_again_brings_no_links_without_end(
    engine: Engine, post: Post
) -> None:
    await created(engine, OLGA)
    while (await do(engine, AskToSignIn(address=OLGA.address, proven=True), NOBODY)).mailed:
        await deliver(engine)
    await post(mails.mail(sender=OLGA.address, to="console@cis.test", text="Let me in"))
    assert await _links(engine) == []
