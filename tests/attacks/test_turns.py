"""Strangers who send much, or name servers that are silent, keep nobody else's mail waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.inbox.intake import authenticator
from engine.inbox.intake.intake import Inbox
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.inboxes import Post, receiving
from tests.support.names import NameServer, serving_names
from tests.support.signing import publish, signed
from tests.support.waiting import eventually

BOSS = "boss@victim.test"
CREATE = "create@cis.test"
ONE_HOUR = 3600


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """A server for which each mail's lookups wait a second and not three."""
    monkeypatch.setattr(authenticator, "_TRIES_S", (1.0, 1.0, 1.0))
    with serving_names() as server:
        publish(server, "victim.test")
        yield server


@asynccontextmanager
async def from_the_internet(
    folder: Path, clock: Clock, names: NameServer, **values: Any
) -> AsyncIterator[Post]:
    """An inbox with no server of ours in front; a mail whose lookups failed comes back in an hour at the earliest."""
    settings = {"relays": "none", "dns": names.address, "organizers": "*", **values}
    async with (
        engine_in(folder, clock, **settings) as engine,
        receiving(engine, Inbox(engine, retry_s=ONE_HOUR)) as post,
    ):
        yield post


def invitation(sender: str = BOSS, uid: str = "client-uid-1") -> bytes:
    return mails.request(mails.vevent(uid, organizer=sender), sender=sender, proven=False).as_bytes()


def own() -> bytes:
    return signed(
        mails.request(mails.vevent("own", organizer=BOSS), sender=BOSS, proven=False), "victim.test"
    )


async def made_by_boss(post: Post) -> bool:
    return await post.engine.store.event_by_source(BOSS, "own") is not None


async def test_forged_mails_with_silent_envelope_domains_do_not_hold_up_the_sender_they_name(
    tmp_path: Path, clock: Clock, names: NameServer
) -> None:
    names.silent.update(f"bounce{n}.attacker.example" for n in range(12))
    async with from_the_internet(tmp_path, clock, names) as post:
        for n in range(12):
            await post.hand_over(invitation(uid=f"forged{n}"), CREATE, sender=f"x@bounce{n}.attacker.example")
        await post.hand_over(own(), CREATE)
        await eventually(lambda: made_by_boss(post))
        await eventually(lambda: len(post.files("quarantine")) == 12)
    assert not [asked for asked in names.asked if "attacker" in asked], "their name servers were asked"


async def test_a_flood_of_forged_mails_does_not_hold_up_the_sender_it_names(
    tmp_path: Path, clock: Clock, names: NameServer
) -> None:
    names.silent.add("s2._domainkey.victim.test")
    forged = signed(invitation(uid="forged"), "victim.test").replace(b"s=s1;", b"s=s2;")
    async with from_the_internet(tmp_path, clock, names) as post:
        for _ in range(20):
            await post.hand_over(forged, CREATE)
        await post.hand_over(own(), CREATE)
        await eventually(lambda: made_by_boss(post))
        assert len(post.files("new")) > 10, "it had to wait until the forged mails were looked up"


async def test_silent_name_servers_of_many_domains_keep_nobody_else_waiting(
    tmp_path: Path, clock: Clock, names: NameServer
) -> None:
    for domain in range(40):
        names.silent.update({f"slow{domain}.example", f"_dmarc.slow{domain}.example"})
    async with from_the_internet(tmp_path, clock, names) as post:
        for n in range(160):
            sender = f"n{n}@slow{n % 40}.example"
            await post.hand_over(invitation(sender, f"slow{n}"), CREATE, sender=sender)
        await post.hand_over(own(), CREATE)
        await eventually(lambda: made_by_boss(post))
        assert len(post.files("new")) > 80, "it had to wait until the others were looked up"
