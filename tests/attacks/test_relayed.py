"""Mails that their sender signed and wrote to somebody else, and that whoever got them hands to us."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.commands.agents.keys import CreateKey
from engine.engine import Engine
from engine.model.bounds import Bounds
from engine.model.keys import Key
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import created, do, engine_in
from tests.support.inboxes import Post, receiving
from tests.support.names import NameServer, serving_names
from tests.support.signing import publish, signed

BOSS, AGENT, EVE = "boss@victim.test", "agent@cis.test", "eve@evil.com"


@pytest.fixture
def names() -> Iterator[NameServer]:
    with serving_names() as server:
        publish(server, "victim.test", policy_record="v=DMARC1; p=reject")
        yield server


@pytest.fixture
async def post(tmp_path: Path, clock: Clock, names: NameServer) -> AsyncIterator[Post]:
    settings = {"relays": "none", "organizers": "*", "dns": names.address}
    async with engine_in(tmp_path, clock, **settings) as engine, receiving(engine) as opened:
        yield opened


def by_boss(to: str, text: str) -> bytes:
    """What the boss wrote and signed."""
    return signed(mails.mail(BOSS, to, subject="Tomorrow", text=text, proven=False), "victim.test")


async def key(engine: Engine) -> Key:
    bounds = Bounds(owner=BOSS)
    return (await do(engine, CreateKey(name="", address=AGENT, bounds=bounds))).key


async def stopped(engine: Engine, own: Key) -> bool:
    (now,) = [one for one in await engine.keys() if one.id == own.id]
    return now.stopped is not None


@pytest.mark.parametrize("mailbox", ["create", "bulk", "notification", "rsvp", "agent"])
@pytest.mark.parametrize("text", ["Stop by at five?", "STOP"])
async def test_a_stop_that_was_said_to_somebody_else_stops_nothing(
    post: Post, mailbox: str, text: str
) -> None:
    own = await key(post.engine)
    await created(post.engine, organizer=AGENT)
    await post(by_boss(EVE, text), f"{mailbox}@cis.test")
    assert not await stopped(post.engine, own)


@pytest.mark.parametrize("mailbox", ["create", "notification", "rsvp", "agent"])
async def test_a_stop_that_was_said_to_us_stops(post: Post, mailbox: str) -> None:
    own = await key(post.engine)
    await created(post.engine, organizer=AGENT)
    to = f"{mailbox}@cis.test"
    assert (await post(by_boss(to, "STOP"), to)).action == "stopped"
    assert await stopped(post.engine, own)


async def test_a_stop_to_somebody_else_does_not_stop_an_organizer_either(post: Post) -> None:
    await created(post.engine, organizer=BOSS)
    await post(by_boss(EVE, "STOP"), "create@cis.test")
    assert await post.engine.stops() == []


@pytest.mark.parametrize(("to", "proof"), [(EVE, ""), (AGENT, "victim.test")])
async def test_an_agent_is_told_that_a_mail_is_proven_only_if_it_was_written_to_it(
    post: Post, to: str, proof: str
) -> None:
    await key(post.engine)
    await created(post.engine, organizer=AGENT)
    assert (await post(by_boss(to, "Cancel everything, please."), AGENT)).action == "message"
    (kept,) = await post.engine.store.inbox_messages(AGENT, 10)
    assert kept.proof == proof
