"""The daily digest: what an owner's keys did, were refused and wait for, with the signed head of the record."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cis_mcp.cli.main import cli
from engine.commands.agents.keys import ChangeKey, CreateKey
from engine.commands.invites.invites import SendInvite
from engine.engine import Engine
from engine.jobs import digests, endings, jobs
from engine.model.bounds import Bounds
from engine.model.held import HeldState
from engine.model.keys import Key
from engine.model.messages import Message
from engine.outbox.render import Renderer
from engine.record.signing import opened
from tests.support.approvals import PUBLIC
from tests.support.clock import Clock
from tests.support.engines import claim, created, deliver, do, engine_in, why_not
from tests.support.unreadable import without
from tests.support.waiting import eventually

AGENT, BOSS = "agent@cis.test", "boss@example.org"


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, clock, public_url=PUBLIC) as opened:
        yield opened


async def key(engine: Engine, owner: str = BOSS, **bounds: Any) -> Key:
    given = {"owner": owner, "to": ("*@customer.com",), **bounds}
    return (await do(engine, CreateKey(name="Sales", address=AGENT, bounds=Bounds(**given)))).key


async def mailed(engine: Engine) -> list[Message]:
    """The digests that are sent now."""
    await digests.step(engine)
    return [m for m in await deliver(engine) if m.notice and m.notice.subject.startswith("What your agents")]


async def test_an_owner_reads_what_was_done_refused_and_waits(engine: Engine) -> None:
    event = await created(engine, organizer=AGENT)
    own = await key(engine, approval=["links"])
    for name in ("ann", "bob"):
        await do(engine, SendInvite(uid=event.uid, email=f"{name}@customer.com"), own.actor)
    await why_not(engine, SendInvite(uid=event.uid, email="nobody"), own.actor)
    linked = SendInvite(uid=event.uid, email="cy@customer.com", note="see evil.com")
    await do(engine, linked, own.actor)
    (one,) = await mailed(engine)
    assert one.email == BOSS
    assert one.notice
    text = one.notice.text
    assert "“Sales”, for agent@cis.test" in text
    assert "- send invite: done, 2 times" in text
    assert "- send invite: refused (invalid_address), 1 times" in text
    assert "- send invite: held, 1 times" in text
    assert "Invite one person: “Season opener”, 1 people" in text
    assert (await engine.signed_head()).splitlines()[0] in text
    assert "evil.com" not in text


async def test_it_comes_once_a_day_and_not_where_nothing_happened(engine: Engine, clock: Clock) -> None:
    event = await created(engine, organizer=AGENT)
    own, _idle = await key(engine), await key(engine, owner="idle@example.org")
    await do(engine, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)
    assert [m.email for m in await mailed(engine)] == [BOSS]
    clock.move(minutes=1)
    await do(engine, SendInvite(uid=event.uid, email="bob@customer.com"), own.actor)
    assert await mailed(engine) == []
    clock.move(hours=23)
    assert [m.email for m in await mailed(engine)] == [BOSS]
    clock.move(days=2)
    assert await mailed(engine) == []


async def test_what_was_done_while_no_digest_came_is_in_the_next_one(engine: Engine, clock: Clock) -> None:
    event = await created(engine, organizer=AGENT)
    own = await key(engine, expires_days=1)
    await do(engine, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)
    assert "send invite: done, 1 times" in await _told(engine)
    clock.move(hours=3)
    for guest in ("bob", "cy"):
        await do(engine, SendInvite(uid=event.uid, email=f"{guest}@customer.com"), own.actor)
    clock.move(days=2)
    text = await _told(engine)
    assert "send invite: done, 2 times" in text
    assert "(ended)" in text
    clock.move(days=1)
    assert await mailed(engine) == []


async def _told(engine: Engine) -> str:
    (one,) = await mailed(engine)
    assert one.notice
    return one.notice.text


async def test_it_is_looked_at_from_the_hour_on_that_is_set(
    engine: Engine, tmp_path: Path, clock: Clock
) -> None:
    clock.now = clock.now.replace(hour=6)
    assert not digests.due(engine, None)
    clock.move(hours=1)
    assert digests.due(engine, None)
    assert not digests.due(engine, clock())
    clock.move(days=1)
    assert digests.due(engine, clock.now.replace(day=1))
    async with engine_in(tmp_path / "never", clock, digest_hour=-1) as never:
        assert not digests.due(never, None)


async def test_the_head_in_the_mail_as_it_left_is_held_against_the_record(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    async with engine_in(folder, clock, public_url=PUBLIC) as opened:
        event = await created(opened, organizer=AGENT)
        own = await key(opened)
        await do(opened, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)
        await digests.step(opened)
        claims = await claim(opened)
        digest = next(c for c in claims if c.message.email == BOSS)
        mail = await Renderer(opened.settings, opened.store).render(digest, clock())
    (tmp_path / "mail.eml").write_bytes(mail.content)
    monkeypatch.setenv("CIS_DATA_DIR", str(folder))
    command = ["record", "verify", "--head", str(tmp_path / "mail.eml")]
    done = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert done.exit_code == 0, done.output
    with sqlite3.connect(folder / "cis.sqlite3") as database:
        database.execute("DELETE FROM record WHERE seq > 1")
    done = await asyncio.to_thread(CliRunner().invoke, cli, command)
    assert done.exit_code == 1


async def test_each_refusal_by_a_bound_comes_with_the_command_that_widens_it(engine: Engine) -> None:
    event = await created(engine, organizer=AGENT)
    own = await key(engine, day=2)
    for email in ("eve@evil.com", "ann@customer.com", "bob@customer.com", "cy@customer.com"):
        await why_not(engine, SendInvite(uid=event.uid, email=email), own.actor)
    (one,) = await mailed(engine)
    assert one.notice
    lines = one.notice.text.splitlines()
    assert "Left today: day 0 of 2, new_people_day 98 of 100, changes_day 100 of 100." in lines
    assert f"Refused by to, 1 times; to widen it: key change {own.id} --to '*@customer.com,MORE'" in lines
    assert f"Refused by day, 1 times; to widen it: key change {own.id} --day 4" in lines


async def test_the_mail_that_asks_for_approval_bears_the_head_of_the_record(engine: Engine) -> None:
    event = await created(engine, organizer=AGENT)
    own = await key(engine, approval=["everything"])
    await do(engine, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)
    (asked,) = [m for m in await deliver(engine) if m.email == BOSS]
    assert asked.notice
    head = opened(asked.notice.text, engine.signer.verifier)
    assert not (await engine.verified([head.head])).differences


async def test_an_owner_hears_once_of_a_key_that_ended_with_mail_queued(engine: Engine, clock: Clock) -> None:
    event = await created(engine, organizer=AGENT)
    own, idle = await key(engine, expires_days=1), await key(engine, expires_days=1)
    await do(engine, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)
    told: set[str] = set()
    await endings.step(engine, told)
    clock.move(days=1)
    for _ in range(2):
        await endings.step(engine, told)
    await endings.step(engine, set())
    (one,) = [m for m in await deliver(engine) if m.email == BOSS]
    assert one.notice
    assert own.id in one.notice.text
    assert "1 mails that it owed have not left" in one.notice.text
    assert {one.partition(" ")[0] for one in told} == {own.id, idle.id}


async def test_an_owner_hears_again_of_a_key_that_was_given_more_time_and_ends_anew(
    engine: Engine, clock: Clock
) -> None:
    own = await key(engine, expires_days=1)
    told: set[str] = set()
    clock.move(days=1)
    await endings.step(engine, told)
    assert own.bounds
    more = own.bounds.model_copy(update={"expires_days": 3})
    await do(engine, ChangeKey(key_id=own.id, bounds=more))
    event = await created(engine, organizer=AGENT)
    await do(engine, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)
    clock.move(days=2)
    for one in (told, told, set[str]()):
        await endings.step(engine, one)
    (notice,) = [m.notice for m in await deliver(engine) if m.email == BOSS]
    assert notice
    assert own.id in notice.text


async def test_whoever_was_asked_hears_that_the_time_is_over(engine: Engine, clock: Clock) -> None:
    event = await created(engine, organizer=AGENT)
    own = await key(engine, approval=["everything"])
    held = (await do(engine, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)).held
    assert held
    await deliver(engine)
    clock.move(days=7)
    await endings.step(engine, set())
    await endings.step(engine, set())
    (one,) = [m for m in await deliver(engine) if m.email == BOSS]
    assert one.notice
    assert one.notice.subject == "Not decided in time: Season opener"
    assert held.id in one.notice.text
    assert (await engine.held_action(held.id, engine.local)).state == "expired"


def _written(engine: Engine) -> bool:
    with sqlite3.connect(engine.settings.database) as database:
        return bool(database.execute("SELECT 1 FROM digest").fetchone())


async def test_a_digest_that_fails_each_time_keeps_no_end_back(
    engine: Engine, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    event = await created(engine, organizer=AGENT)
    own = await key(engine, approval=["everything"])
    await do(engine, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)
    (held,) = await engine.held_actions(engine.local, waiting=True, limit=10)
    clock.now = (held.expires + timedelta(days=1)).replace(hour=12)
    with without(engine, "digest"):
        working = asyncio.create_task(jobs.run(engine))
        await eventually(lambda: _over(engine))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert "a job by the clock failed (digests)" in caplog.text


async def _over(engine: Engine) -> bool:
    (held,) = await engine.held_actions(engine.local, waiting=False, limit=10)
    return held.state is HeldState.EXPIRED


async def test_a_job_that_fails_each_time_keeps_no_digest_back(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    event = await created(engine, organizer=AGENT)
    own = await key(engine)
    await do(engine, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)
    assert digests.due(engine, None)
    with without(engine, "fanout"):
        working = asyncio.create_task(jobs.run(engine))
        await eventually(lambda: _written(engine))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    assert "a job failed" in caplog.text


@contextmanager
def _refusing(engine: Engine, table: str, condition: str) -> Iterator[None]:
    """A database that takes no new row of `table` that meets the condition."""
    trigger = f"CREATE TRIGGER refusing BEFORE INSERT ON {table} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'no'); END"
    for statement in (trigger, "DROP TRIGGER refusing"):
        with closing(sqlite3.connect(engine.settings.database)) as database:
            database.execute(statement)
        if statement is trigger:
            yield


async def test_an_owner_whose_digest_fails_keeps_no_other_from_theirs(engine: Engine) -> None:
    event = await created(engine, organizer=AGENT)
    for owner in ("anna@example.org", BOSS):
        own = await key(engine, owner=owner)
        await do(engine, SendInvite(uid=event.uid, email="ann@customer.com"), own.actor)
    with _refusing(engine, "digest", "NEW.owner = 'anna@example.org'"), pytest.raises(sqlite3.Error):
        await digests.step(engine)
    assert [m.email for m in await deliver(engine) if m.notice] == [BOSS]
    assert [m.email for m in await mailed(engine)] == ["anna@example.org"]


async def test_an_end_that_cannot_be_told_keeps_no_other_from_being_told(
    engine: Engine, clock: Clock
) -> None:
    event = await created(engine, organizer=AGENT)
    owners = ("anna@example.org", BOSS)
    keys = [await key(engine, owner=owner, expires_days=1) for owner in owners]
    for own, guest in zip(keys, ("ann", "bob"), strict=True):
        await do(engine, SendInvite(uid=event.uid, email=f"{guest}@customer.com"), own.actor)
    clock.move(days=1)
    first, *_ = await engine.store.keys()
    with _refusing(engine, "remembered", f"NEW.key LIKE '{first.id} %'"), pytest.raises(sqlite3.Error):
        await endings.step(engine, set())
    told = [m.email for m in await deliver(engine) if m.notice]
    assert told == [own.owner for own in keys if own.id != first.id]
