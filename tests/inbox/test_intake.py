"""Mails are handled exactly once, and a bad one never stops the others (promise 1)."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from email.message import EmailMessage

import pytest

from engine.engine import Engine
from engine.inbox.contents.readers import Readers
from engine.inbox.intake.intake import Inbox
from engine.inbox.intake.router import Router
from engine.inbox.spool.spool import OwnMailbox
from engine.model.events import Event
from engine.model.people import Attendee, Partstat
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver, invite
from tests.support.inboxes import Post, inbox_of, receiving
from tests.support.intakes import newest
from tests.support.waiting import eventually, time_passes


async def handled_twice(engine: Engine, mail: EmailMessage | bytes, mailbox: str, token: str = "") -> None:
    """Handle a mail, die before it is moved out of the way, and handle it again."""
    raw = mail if isinstance(mail, bytes) else mail.as_bytes()
    readers = Readers()
    inbox = Inbox(engine, readers=readers)
    try:
        envelope = inbox.spool.store(raw, (OwnMailbox(name=mailbox, token=token),), "x@example.com")
        spooled = inbox.spool.read(envelope.id)
        assert spooled is not None
        await Router(engine, readers).handle(spooled)
        await inbox.handle(envelope.id)
        assert list(inbox.spool.waiting()) == []
    finally:
        await inbox.close()


@pytest.fixture
async def event(engine: Engine) -> Event:
    return await created(engine, organizer="olga@cis.test")


@pytest.fixture
async def ann(engine: Engine, event: Event) -> Attendee:
    done = await invite(engine, event, "ann@example.com")
    await deliver(engine)
    return done.attendee


async def test_an_invitation_that_is_handled_twice_makes_one_event_and_one_notice(engine: Engine) -> None:
    await handled_twice(engine, mails.request(), "create")
    assert len(await deliver(engine)) == 1
    found = await engine.store.event_by_source("olga@cis.test", "client-uid-1")
    assert found is not None
    assert found.sequence == 0


async def test_a_cancellation_that_is_handled_twice_is_no_error(engine: Engine, clock: Clock) -> None:
    await handled_twice(engine, mails.request(), "create")
    await deliver(engine)
    clock.move(minutes=1)
    await handled_twice(engine, mails.cancel(), "create")
    (notice,) = await deliver(engine)
    assert notice.notice is not None
    assert notice.notice.subject.startswith("Cancelled")


async def test_a_receipt_that_is_handled_twice_counts_once(
    engine: Engine, event: Event, ann: Attendee
) -> None:
    answer = mails.reply(event.uid, ann.email, to=f"rsvp+{ann.token}@cis.test")
    await handled_twice(engine, answer, "rsvp", ann.token)
    assert (await attendee(engine, event, ann.email)).partstat is Partstat.ACCEPTED
    with closing(sqlite3.connect(engine.settings.database)) as raw:
        assert raw.execute("SELECT count(*) FROM receipt").fetchone() == (1,)


async def test_what_is_handled_twice_is_noted_once(engine: Engine) -> None:
    await handled_twice(engine, mails.request(), "create")
    assert [note.action for note in await newest(engine, 10)] == ["created"]


async def test_a_list_that_is_handled_twice_is_one_campaign_and_one_report(
    engine: Engine, event: Event, clock: Clock
) -> None:
    csv = f"uid,email\n{event.uid},bob@example.com\n,lost@example.com\n"
    await handled_twice(engine, mails.listed(csv), "bulk")
    gone = await deliver(engine)
    assert sorted(m.email for m in gone) == ["bob@example.com", "olga@cis.test"]
    clock.move(minutes=1)
    assert [m.email for m in await deliver(engine)] == ["olga@cis.test"]
    clock.move(minutes=1)
    assert await deliver(engine) == []
    assert len(await engine.campaigns(engine.local)) == 1


async def test_a_good_list_that_is_handled_twice_is_answered_once(engine: Engine, event: Event) -> None:
    await handled_twice(engine, mails.listed(f"uid,email\n{event.uid},bob@example.com\n"), "bulk")
    gone = await deliver(engine)
    assert sorted(m.email for m in gone) == ["bob@example.com", "olga@cis.test"]


@pytest.mark.parametrize(
    "mail", [mails.mail("olga@cis.test", "create@cis.test"), mails.cancel(), b"nonsense"], ids=range(3)
)
async def test_a_refusal_that_is_handled_twice_is_told_once(engine: Engine, mail: EmailMessage) -> None:
    await handled_twice(engine, mail, "create")
    assert len(await deliver(engine)) <= 1


async def test_what_a_crash_left_in_the_spool_is_handled_at_the_next_start(engine: Engine) -> None:
    Inbox(engine).spool.store(mails.request().as_bytes(), (OwnMailbox(name="create"),), "x@example.com")
    async with receiving(engine) as post:
        await eventually(lambda: post.files("done"))
    assert await engine.store.event_by_source("olga@cis.test", "client-uid-1")


async def test_a_mail_that_was_put_into_the_folder_by_hand_is_handled(post: Post) -> None:
    (post.folder / "new" / "by-hand").write_bytes(mails.request().as_bytes())
    post.inbox.arrived.notify()
    await eventually(lambda: post.files("done"))
    assert (await newest(post.engine))[0].action == "created"


async def test_a_mail_at_which_our_own_code_fails_is_tried_again_then_set_aside_while_others_are_handled(
    engine: Engine, event: Event, ann: Attendee
) -> None:
    _rename_table(engine, "receipt", "elsewhere")
    inbox = Inbox(engine, retry_s=60)
    async with receiving(engine, inbox) as post:
        answer = mails.reply(event.uid, ann.email, to=f"rsvp+{ann.token}@cis.test")
        await post.hand_over(answer)
        await post.hand_over(mails.request())
        await eventually(lambda: post.files("done"))
        assert len(post.files("new")) == 1, "the bad one is still tried"
        await eventually(lambda: time_passes(61) or post.files("quarantine"))
    _rename_table(engine, "elsewhere", "receipt")
    assert await engine.store.event_by_source("olga@cis.test", "client-uid-1")


async def test_a_fault_that_passes_sets_nothing_aside(engine: Engine, event: Event, ann: Attendee) -> None:
    _rename_table(engine, "receipt", "elsewhere")
    inbox = Inbox(engine, retry_s=60)
    async with receiving(engine, inbox) as post:
        await post.hand_over(mails.reply(event.uid, ann.email, to=f"rsvp+{ann.token}@cis.test"))
        for n in range(10):
            await post.hand_over(mails.request(mails.vevent(f"u{n}")))
        await eventually(lambda: len(post.files("done")) == 10)
        _rename_table(engine, "elsewhere", "receipt")
        time_passes(61)
        await eventually(lambda: not post.files("new"))
        assert post.files("quarantine") == []
    assert (await attendee(engine, event, ann.email)).partstat is Partstat.ACCEPTED


def _rename_table(engine: Engine, old: str, new: str) -> None:
    with closing(sqlite3.connect(engine.settings.database)) as raw:
        raw.execute(f"ALTER TABLE {old} RENAME TO {new}")


async def test_a_spool_that_cannot_be_read_for_a_while_stops_nobody(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    async with receiving(engine) as post:
        new = post.folder / "new"
        new.rename(post.folder / "gone")
        post.inbox.arrived.notify()
        await eventually(lambda: "the spool cannot be read" in caplog.text)
        (post.folder / "gone").rename(new)
        assert (await post(mails.request())).action == "created"


async def test_two_processes_that_see_one_mail_handle_it_once(engine: Engine, clock: Clock) -> None:
    async with inbox_of(engine) as one, inbox_of(engine) as two:
        for n in range(10):
            clock.move(minutes=1)
            envelope = one.spool.store(
                mails.request(mails.vevent(f"u{n}")).as_bytes(), (OwnMailbox(name="create"),), "x@example.com"
            )
            await asyncio.gather(one.handle(envelope.id), two.handle(envelope.id))
    assert len(await deliver(engine)) == 10


async def test_a_cancellation_does_not_overtake_its_invitation(engine: Engine) -> None:
    spool = Inbox(engine).spool
    box = (OwnMailbox(name="create"),)
    for n in range(10):
        spool.store(mails.request(mails.vevent(f"u{n}")).as_bytes(), box, "x@example.com")
        spool.store(mails.cancel(mails.vevent(f"u{n}", sequence=1)).as_bytes(), box, "x@example.com")
    async with receiving(engine) as post:
        await eventually(lambda: not post.files("new"))
    for n in range(10):
        found = await engine.store.event_by_source("olga@cis.test", f"u{n}")
        assert found is not None
        assert found.cancelled


async def test_a_mail_for_a_mailbox_that_we_do_not_have_waits_for_a_person(post: Post) -> None:
    post.inbox.spool.store(mails.request().as_bytes(), (OwnMailbox(name="info"),), "x@example.com")
    post.inbox.arrived.notify()
    await eventually(lambda: post.files("quarantine"))
    assert (await newest(post.engine))[0].code == "for_operator"
