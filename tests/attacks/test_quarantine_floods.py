"""Strangers pour mail in that changes nothing: it is bounded, and keeps nobody's answers or waiting mail out."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.commands.events.timing import Timing
from engine.engine import Engine, system_clock
from engine.inbox import cleaning, keeping
from engine.inbox.intake.intake import Inbox
from engine.inbox.quarantine import Quarantine
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spooled
from engine.model.counters import KeptMail
from engine.model.people import Partstat
from tests.faults.scene import PATIENCE_S, program, ready_worker
from tests.faults.test_disk import small_disk  # noqa: F401 -- the fixture
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, created, engine_in, invite
from tests.support.inboxes import receiving
from tests.support.relay import relaying
from tests.support.soak import examples
from tests.support.talk import Talk, talking
from tests.support.waiting import eventually

MB = 1_000_000
FLOOD = 24
"""Mails of 50,000 bytes: 19 of them are within the bound."""


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    """One megabyte for all that changes nothing."""
    async with engine_in(
        tmp_path, clock, quarantine_mb=1, authserv_ids=mails.OPERATOR_SERVER, disk_reserve_mb=0
    ) as opened:
        yield opened


async def comes(
    engine: Engine,
    client: str,
    size: int = 50_000,
    *,
    box: str = "postmaster",
    proven: str = "",
    raw: bytes = b"",
) -> str:
    """A mail of that size from a client is handled; its id."""
    inbox = Inbox(engine)
    head = f"From: x@{proven or 'example.com'}\r\nSubject: hello\r\n"
    if proven:
        head = f"Authentication-Results: {mails.OPERATOR_SERVER}; dmarc=pass header.from={proven}\r\n{head}"
    raw = raw or f"{head}\r\n".encode() + b"x" * size
    # Who is proven came by a server of ours, whose word counts.
    envelope = ReceivedEnvelope(
        id=inbox.spool.new_name(), mailboxes=(OwnMailbox(name=box),), sender="x@example.com", client=client
    )
    await inbox.kept.do(Spooled(envelope=envelope, raw=raw))
    await handled(engine, envelope.id, inbox)
    return envelope.id


async def handled(engine: Engine, name: str, inbox: Inbox | None = None) -> None:
    inbox = inbox or Inbox(engine)
    try:
        await inbox.handle(name)
    finally:
        await inbox.close()


def kept(engine: Engine, *parts: str) -> list[str]:
    """Ids of the mails in quarantine, or in the folders that are named."""
    inbox = engine.settings.data_dir / "inbox"
    return sorted(path.name for part in parts or ("quarantine",) for path in (inbox / part).iterdir())


def everything(engine: Engine) -> set[str]:
    return set(kept(engine, "quarantine", "done"))


def size_of(folder: Path) -> int:
    """Bytes of all that is kept; some of it may go meanwhile."""
    found = 0
    for path in (path for part in ("quarantine", "done") for path in (folder / part).iterdir()):
        with contextlib.suppress(FileNotFoundError):
            found += path.stat().st_size
    return found


async def test_a_flood_is_bounded_and_the_oldest_goes(engine: Engine) -> None:
    names = [await comes(engine, "192.0.2.1") for _ in range(FLOOD)]
    await cleaning.keep_within(engine)
    assert kept(engine) == names[-19:]
    sums = await engine.store.kept_sums()
    assert sums.kept_mails == 19
    assert sums.kept_bytes <= MB
    assert sums.dropped_mails == FLOOD - 19
    page = await Quarantine(engine).page()
    assert (page.total, page.sums) == (19, sums)


async def test_one_stranger_s_flood_does_not_push_out_what_others_sent(engine: Engine) -> None:
    others = [await comes(engine, f"198.51.100.{n}", 20_000) for n in range(5)]
    others += [await comes(engine, "10.0.0.1", 20_000, box="create", proven="example.org")]
    for n in range(FLOOD):
        await comes(engine, f"2001:db8:0:1::{n:x}")
        await cleaning.keep_within(engine)
    assert set(others) < everything(engine)


async def test_a_proven_stranger_s_flood_does_not_push_out_the_unproven(engine: Engine) -> None:
    others = [await comes(engine, f"198.51.100.{n}", 20_000) for n in range(5)]
    for n in range(FLOOD):
        await comes(engine, "10.0.0.1", box="create", proven=f"mail{n}.example.org")
        await cleaning.keep_within(engine)
    assert set(others) < everything(engine)


async def test_unproven_mail_goes_before_proven(engine: Engine) -> None:
    proven = [await comes(engine, "10.0.0.1", box="create", proven=f"firm{n}.example") for n in range(15)]
    for n in range(FLOOD):
        await comes(engine, f"198.51.100.{n}")
        await cleaning.keep_within(engine)
    assert set(proven) < everything(engine)
    assert len(everything(engine)) == 19


async def test_what_nobody_needs_and_does_not_wait_is_bounded_as_well(engine: Engine) -> None:
    automatic = b"From: x@example.com\r\nAuto-Submitted: auto-replied\r\n\r\n" + b"x" * 50_000
    for _ in range(FLOOD):
        await comes(engine, "192.0.2.1", box="rsvp", raw=automatic)
    assert len(kept(engine, "done")) == FLOOD
    await cleaning.keep_within(engine)
    assert len(kept(engine, "done")) == 19


async def test_mails_that_changed_something_are_not_counted(engine: Engine) -> None:
    for n in range(3):
        raw = mails.request(mails.vevent(f"u{n}")).as_bytes()
        await comes(engine, "10.0.0.1", box="create", raw=raw)
    assert (await engine.store.kept_sums()).kept_mails == 0
    assert len(kept(engine, "done")) == 3
    # Nor those that are taken up again, as after a kill before their files moved.
    inbox = engine.settings.data_dir / "inbox"
    for name in kept(engine, "done"):
        (inbox / "done" / name).rename(inbox / "new" / name)
        await handled(engine, name)
    assert (await engine.store.kept_sums()).kept_mails == 0


async def test_what_somebody_was_asked_about_stays_while_they_may_confirm(
    engine: Engine, clock: Clock
) -> None:
    await created(engine, organizer="olga@cis.test")
    raw = mails.request(proven=False).as_bytes() + b"\r\n" + b"x" * 40_000
    asked = await comes(engine, "192.0.2.1", box="create", raw=raw)
    for _ in range(FLOOD):
        await comes(engine, "192.0.2.1")
    await cleaning.keep_within(engine)
    assert asked in kept(engine)
    clock.move(days=7)
    for _ in range(20):
        await comes(engine, "192.0.2.1")
    await cleaning.keep_within(engine)
    assert asked not in kept(engine)


async def test_what_waits_too_long_goes_and_what_may_be_confirmed_does_not(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock, keep_quarantine_days=1) as engine:
        await created(engine, organizer="olga@cis.test")
        asked = await comes(engine, "", box="create", raw=mails.request(proven=False).as_bytes())
        await comes(engine, "192.0.2.1")
        clock.move(days=2)
        young = await comes(engine, "192.0.2.1")
        await cleaning.clean(engine)
        assert kept(engine) == sorted([asked, young])


async def test_mails_that_were_released_or_dropped_are_counted_no_longer(engine: Engine) -> None:
    released, dropped = await comes(engine, "192.0.2.1"), await comes(engine, "192.0.2.1")
    name = await Quarantine(engine).release(released, engine.local)
    await Quarantine(engine).drop(dropped, engine.local)
    assert (await engine.store.kept_sums()).kept_mails == 0
    await handled(engine, name)
    assert (await engine.store.kept_sums()).kept_mails == 1


async def test_mails_of_an_older_version_are_counted_once_and_read_once(engine: Engine) -> None:
    for _ in range(FLOOD):
        await comes(engine, "192.0.2.1")
    await keeping.forget(engine, kept(engine))
    await cleaning.clean(engine)
    assert (await engine.store.kept_sums()).kept_mails == FLOOD
    with watching_opens("quarantine") as opened:
        await cleaning.clean(engine)
        await cleaning.keep_within(engine)
    assert opened == []
    assert len(kept(engine)) == 19


async def test_a_kill_between_the_files_and_the_count_is_mended(engine: Engine) -> None:
    names = [await comes(engine, "192.0.2.1") for _ in range(FLOOD)]
    for name in names[:-10]:
        (engine.settings.data_dir / "inbox" / "quarantine" / name).unlink()
    await cleaning.keep_within(engine)
    sums = await engine.store.kept_sums()
    assert sums.kept_bytes <= MB
    assert sums.kept_mails >= len(kept(engine)) == 10
    await asyncio.gather(*(cleaning.keep_within(engine) for _ in range(3)))
    assert await engine.check() == []


async def handed_over(talk: Talk, to: str, size: int, declared: str = "") -> list[int]:
    """The answers to MAIL, RCPT and, where that was taken, to the data."""
    codes = [await talk.ask(f"MAIL FROM:<a@example.com>{declared}"), await talk.ask(f"RCPT TO:<{to}>")]
    if codes[-1] == 250:
        assert await talk.ask("DATA") == 354
        talk.say(b"From: a@example.com\r\n\r\n" + b"x" * 98 * (size // 98) + b"\r\n.\r\n")
        codes.append(await talk.code())
    await talk.ask("RSET")
    return codes


async def test_mail_for_people_is_small_and_says_so_as_soon_as_it_can(engine: Engine) -> None:
    await created(engine, organizer="olga@cis.test")
    async with receiving(engine) as post, talking(post.port) as talk:
        await talk.greeted()
        for person in ("postmaster@cis.test", "abuse@cis.test", "olga@cis.test", "postmaster"):
            assert await handed_over(talk, person, 1_100_000) == [250, 250, 552]
            assert await handed_over(talk, person, 0, " SIZE=1100000") == [250, 552]
        assert await handed_over(talk, "postmaster@cis.test", 900_000) == [250, 250, 250]
        assert await handed_over(talk, "create@cis.test", 1_100_000) == [250, 250, 250]
        assert await talk.ask("MAIL FROM:<a@example.com>") == 250
        assert await talk.ask("RCPT TO:<create@cis.test>") == 250
        assert await handed_over_both(talk) == 552
        await eventually(lambda: not post.files("new"), PATIENCE_S)


async def handed_over_both(talk: Talk) -> int:
    """A second recipient with the smaller bound; another mailbox is no way around it."""
    assert await talk.ask("RCPT TO:<abuse@cis.test>") == 250
    assert await talk.ask("DATA") == 354
    talk.say(b"From: a@example.com\r\n\r\n" + b"x" * 1_100_000 + b"\r\n.\r\n")
    return await talk.code()


async def test_before_the_disk_comes_to_its_reserve_strangers_mail_goes_and_answers_are_taken(
    small_disk: Path,  # noqa: F811
) -> None:
    """Of the 16 MB of the disk 4 are kept free, and two more before mail is turned away."""
    async with (
        engine_in(small_disk, system_clock, disk_reserve_mb=4, organizer="agent@cis.test") as engine,
        receiving(engine) as post,
        talking(post.port) as talk,
    ):
        event = await created(engine, organizer="agent@cis.test", **_next_year())
        ann = (await invite(engine, event, "ann@example.com")).attendee
        tidy = asyncio.create_task(cleaning.run(engine))
        await talk.greeted()

        async def taken() -> bool:
            return (await handed_over(talk, "abuse@cis.test", 700_000))[-1] == 250

        for _ in range(18):
            await eventually(taken, PATIENCE_S)
        reply = mails.reply(event.uid, ann.email, to=f"rsvp+{ann.token}@cis.test", dtstamp=system_clock())

        async def answered() -> bool:
            return (await post.hand_over(reply))[0] == 250

        await eventually(answered, PATIENCE_S)

        async def counted() -> bool:
            return (await attendee(engine, event, ann.email)).partstat is Partstat.ACCEPTED

        await eventually(counted, PATIENCE_S)
        assert (await engine.store.kept_sums()).dropped_mails > 0
        tidy.cancel()
        await asyncio.gather(tidy, return_exceptions=True)


def _next_year() -> dict[str, object]:
    start = f"{system_clock() + timedelta(days=300):%Y-%m-%dT%H:%M}"
    return {"when": Timing(start=start, duration="PT1H", timezone="UTC")}


async def test_the_server_itself_keeps_within_the_bounds_and_its_counters_add_up(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    async with relaying() as relay, ready_worker(tmp_path, relay, QUARANTINE_MB="1") as (_, port):
        async with talking(port) as talk:
            await talk.greeted()
            for _ in range(40):
                assert (await handed_over(talk, "postmaster@cis.test", 90_000))[-1] == 250
        await eventually(lambda: not list((inbox / "new").iterdir()), PATIENCE_S)
        await eventually(lambda: size_of(inbox) < 1.1 * MB, PATIENCE_S)
    async with program(tmp_path, "check") as check:
        assert await asyncio.wait_for(check.wait(), PATIENCE_S) == 0


@examples(40)
@given(
    flood=st.lists(
        st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 400_000)), min_size=1, max_size=40
    )
)
def test_whatever_comes_the_bound_holds_and_the_sums_are_those_of_the_mails(
    flood: list[tuple[int, bool, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    asyncio.run(_bounded(tmp_path_factory.mktemp("flood"), flood))


async def _bounded(folder: Path, flood: list[tuple[int, bool, int]]) -> None:
    async with engine_in(folder, quarantine_mb=1, disk_reserve_mb=0) as engine:
        for number, (sender, proven, size) in enumerate(flood):
            now = engine.clock() + timedelta(seconds=number)
            async with engine.store.unit() as unit:
                mail = KeptMail(
                    mail=f"{number}",
                    at=now,
                    size=size,
                    proven=proven,
                    share=f"s{sender}",
                    waits=bool(size % 2),
                )
                await unit.keep_mail(mail)
        await cleaning.keep_within(engine)
        sums = await engine.store.kept_sums()
        assert sums.kept_bytes <= MB
        assert sums.kept_bytes + sums.dropped_bytes == sum(size for _, _, size in flood)
        assert await engine.check() == []


class watching_opens:  # noqa: N801 -- used as a function
    """The files under a folder of that name that are opened meanwhile."""

    def __init__(self, folder: str) -> None:
        self._folder, self._armed = f"/{folder}/", False
        self._opened: list[str] = []
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._armed and event == "open" and self._folder in str(arguments[0]):
            self._opened.append(str(arguments[0]))

    def __enter__(self) -> list[str]:
        self._armed = True
        return self._opened

    def __exit__(self, *_: object) -> None:
        self._armed = False
