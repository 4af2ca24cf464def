"""Nobody's mail is read before it is judged, none is read twice, and none whose reading costs much stops anybody."""

from __future__ import annotations

import asyncio
import os
import pickle
import resource
import signal
from collections.abc import AsyncIterator, Collection, Iterator
from pathlib import Path

import pytest

from engine.engine import Engine
from engine.inbox.contents.content import Content
from engine.inbox.contents.readers import Readers
from engine.inbox.handling.received import Outcome
from engine.inbox.intake.in_flight import DEATHS_MAX
from engine.inbox.intake.intake import Inbox
from engine.inbox.intake.router import Router
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope, Spool, Spooled
from engine.itip.message import ItipMessage
from engine.mail.incoming.read import Opened
from engine.refusals import Code
from tests.support import mails
from tests.support.engines import attendee, created, deliver, engine_in, invite
from tests.support.inboxes import receiving
from tests.support.intakes import newest
from tests.support.names import NameServer, serving_names
from tests.support.processes import program
from tests.support.signing import publish, signed
from tests.support.waiting import eventually


class Counted(Readers):
    """Readers that tell how often they were asked."""

    count = 0

    async def read(self, mail: Opened, boxes: Collection[str], turn: str, *, known: bool) -> Content:
        self.count += 1
        return await super().read(mail, boxes, turn, known=known)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    async with engine_in(tmp_path, authserv_ids=mails.OPERATOR_SERVER) as opened:
        yield opened


@pytest.fixture
async def readers() -> AsyncIterator[Counted]:
    opened = Counted()
    yield opened
    await opened.close()


@pytest.fixture
def names() -> Iterator[NameServer]:
    with serving_names() as server:
        publish(server, "victim.test")
        yield server


def spooled(raw: bytes, *boxes: OwnMailbox, name: str = "1") -> Spooled:
    return Spooled(envelope=ReceivedEnvelope(id=name, mailboxes=boxes, sender="x@example.com"), raw=raw)


def dear(uid: str = "client-uid-1", **values: object) -> bytes:
    """An invitation that its size sends to the readers."""
    event = mails.vevent(uid, x_notes="All that happened. " * 10_000)
    return mails.request(event, **values).as_bytes()  # type: ignore[arg-type]


async def busy(readers: Readers) -> int:
    (pid,) = await eventually(lambda: readers.pids)
    return pid


async def test_a_reader_answers_with_what_is_used_not_with_the_mail(readers: Counted) -> None:
    raw = dear()
    found = await readers.read(Opened(raw), ("create",), "a stranger", known=False)
    assert isinstance(found.calendar, ItipMessage)
    assert len(pickle.dumps(found)) < len(raw) / 2


@pytest.mark.parametrize("box", ["create", "bulk"])
async def test_the_content_of_an_unproven_mail_is_not_read(
    engine: Engine, readers: Counted, box: str
) -> None:
    mail = spooled(dear(proven=False), OwnMailbox(name=box))
    (outcome,) = await Router(engine, readers).handle(mail)
    assert outcome.code == Code.SENDER_UNAUTHENTICATED
    assert readers.count == 0


async def test_a_mail_to_many_receipt_addresses_is_read_once(engine: Engine, readers: Counted) -> None:
    event = await created(engine)
    people = [(await invite(engine, event, f"a{n}@example.com")).attendee for n in range(30)]
    await deliver(engine)
    boxes = [OwnMailbox(name="rsvp", token=person.token) for person in people]
    answer = mails.reply(event.uid, people[0].email, to=f"rsvp+{people[0].token}@cis.test").as_bytes()
    outcomes = await Router(engine, readers).handle(spooled(answer, *boxes))
    assert len(outcomes) == 30
    assert readers.count == 1


async def test_a_dear_mail_is_read_in_a_process_of_its_own_with_limits(
    engine: Engine, readers: Counted
) -> None:
    (outcome,) = await Router(engine, readers).handle(spooled(dear(), OwnMailbox(name="create")))
    assert outcome.action == "created"
    (pid,) = readers.pids
    assert pid != os.getpid()
    assert resource.prlimit(pid, resource.RLIMIT_AS)[0] == 1 << 30
    assert resource.prlimit(pid, resource.RLIMIT_CPU)[0] < 60


def size_of(pid: int) -> int:
    """Bytes of address space of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


@pytest.mark.parametrize("tail", [b"", b"changed"])
async def test_the_signature_of_a_large_mail_is_checked_by_a_reader(
    tmp_path: Path, names: NameServer, readers: Counted, tail: bytes
) -> None:
    event = mails.vevent("large", organizer="boss@victim.test", x_notes="All that happened. " * 20_000)
    mail = signed(mails.request(event, sender="boss@victim.test", proven=False), "victim.test")
    async with (
        engine_in(tmp_path / "internet", relays="none", dns=names.address, organizers="*") as engine,
        receiving(engine, Inbox(engine, readers=readers)) as post,
    ):
        await post.hand_over(mail + tail, "create@cis.test")
        await eventually(lambda: not post.files("new"))
        assert len(readers.pids) == 1
        (note,) = await newest(engine)
        assert note.action == ("quarantined" if tail else "created"), note.detail
    assert len([asked for asked in names.asked if "_domainkey" in asked]) == 1


async def cut_short(engine: Engine, readers: Readers, raw: bytes) -> Outcome:
    """Have a mail read by a reader whose memory does not suffice for it."""
    router = Router(engine, readers)
    await router.handle(spooled(dear("before"), OwnMailbox(name="create"), name="0"))
    pid = await busy(readers)
    os.kill(pid, signal.SIGSTOP)
    reading = asyncio.create_task(router.handle(spooled(raw, OwnMailbox(name="create"), name="2")))
    await asyncio.sleep(0)
    resource.prlimit(pid, resource.RLIMIT_AS, (size_of(pid) + 1_000_000, size_of(pid) + 1_000_000))
    os.kill(pid, signal.SIGCONT)
    (outcome,) = await reading
    return outcome


async def test_a_mail_that_takes_too_much_is_set_aside_and_the_next_is_read(
    engine: Engine, readers: Counted
) -> None:
    outcome = await cut_short(engine, readers, dear("bomb") + b"\r\n" * 10_000_000)
    assert (outcome.action, outcome.code) == ("quarantined", Code.TOO_COSTLY)
    (after,) = await Router(engine, readers).handle(
        spooled(dear("after"), OwnMailbox(name="create"), name="3")
    )
    assert after.action == "created"


async def test_a_reader_that_the_system_kills_costs_no_mail(engine: Engine, readers: Counted) -> None:
    async with receiving(engine, Inbox(engine, retry_s=0.01, readers=readers)) as post:
        await post.hand_over(dear("before"), "create@cis.test")
        await eventually(lambda: len(post.files("done")) == 1)
        os.kill(await busy(readers), signal.SIGKILL)
        await post.hand_over(dear("after"), "create@cis.test")
        await eventually(lambda: len(post.files("done")) == 2)
    assert await engine.store.event_by_source("olga@cis.test", "after")


async def test_a_mail_that_was_in_hand_at_three_deaths_is_set_aside_and_the_others_are_handled(
    tmp_path: Path, names: NameServer
) -> None:
    names.silent.add("_dmarc.poison.example")
    poison = mails.request(
        mails.vevent(organizer="x@poison.example"), sender="x@poison.example", proven=False
    )
    own = signed(
        mails.request(
            mails.vevent("own", organizer="boss@victim.test"), sender="boss@victim.test", proven=False
        ),
        "victim.test",
    )
    spool = Spool(tmp_path / "inbox")
    bad = spool.store(poison.as_bytes(), (OwnMailbox(name="create"),), "x@poison.example").id
    settings = {"RELAYS": "none", "DNS": names.address, "ORGANIZERS": "*"}
    for death in range(DEATHS_MAX):
        asked = len(names.asked)
        async with program(tmp_path, "worker", **settings) as worker:
            await eventually(lambda before=asked: len(names.asked) > before)
            worker.kill()
            await worker.wait()
        assert (tmp_path / "inbox" / "new" / bad).exists(), death
    spool.store(own, (OwnMailbox(name="create"),), "boss@victim.test")
    async with program(tmp_path, "worker", **settings), engine_in(tmp_path) as engine:
        await eventually((tmp_path / "inbox" / "quarantine" / bad).exists)
        await eventually(lambda: engine.store.event_by_source("boss@victim.test", "own"))
        (note,) = [n for n in await newest(engine, 10) if n.code == Code.PROCESS_DIED]
        assert str(DEATHS_MAX) in note.detail
    assert list((tmp_path / "inbox" / "deaths").iterdir()) == []


async def test_a_server_that_stops_in_good_order_counts_no_death(tmp_path: Path) -> None:
    async with program(tmp_path, "worker") as worker:
        await eventually((tmp_path / "inbox" / "in-flight").exists)
        worker.terminate()
        await worker.wait()
    assert list((tmp_path / "inbox" / "in-flight").iterdir()) == []


async def test_answers_are_counted_while_strangers_keep_a_reader_busy(
    tmp_path: Path, engine: Engine, readers: Counted
) -> None:
    """One reader is stopped in the middle of a stranger's mail; the other reads an organizer's."""
    event = await created(engine)
    ann = (await invite(engine, event, "ann@example.com")).attendee
    await deliver(engine)
    router = Router(engine, readers)
    await router.handle(spooled(dear("before", proven=False), OwnMailbox(name="postmaster"), name="0"))
    pid = await busy(readers)
    os.kill(pid, signal.SIGSTOP)
    stuck = [
        asyncio.create_task(
            router.handle(spooled(dear(f"s{n}", proven=False), OwnMailbox(name="postmaster"), name=f"s{n}"))
        )
        for n in range(5)
    ]
    await eventually(lambda: readers.at_work)
    (made,) = await router.handle(spooled(dear("own"), OwnMailbox(name="create"), name="2"))
    assert made.action == "created"
    answer = mails.reply(event.uid, ann.email, to=f"rsvp+{ann.token}@cis.test").as_bytes()
    await router.handle(spooled(answer, OwnMailbox(name="rsvp", token=ann.token), name="3"))
    assert (await attendee(engine, event, ann.email)).partstat == "accepted"
    assert not any(task.done() for task in stuck)
    os.kill(pid, signal.SIGCONT)
    await asyncio.gather(*stuck)


async def test_a_calendar_of_nothing_but_recurring_events_is_refused_before_any_rule_is_worked_out(
    engine: Engine, readers: Counted
) -> None:
    series = [
        mails.vevent(f"s{n}", rrule={"freq": "yearly", "bymonth": [2], "bymonthday": [29]})
        for n in range(101)
    ]
    mail = spooled(mails.request(*series).as_bytes(), OwnMailbox(name="create"))
    (outcome,) = await Router(engine, readers).handle(mail)
    assert (outcome.action, outcome.code) == ("refused", Code.TOO_LARGE)
    assert await engine.store.event_by_source("olga@cis.test", "s0") is None
