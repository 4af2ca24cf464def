"""A process dies after the last change of a mail and before its notice: the organizer hears of it once all the same."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from email.message import EmailMessage

import pytest

from engine.engine import Engine
from engine.inbox.handling.received import Outcome
from engine.inbox.intake.intake import Inbox
from engine.inbox.spool.spool import OwnMailbox
from engine.model.messages import Message
from engine.model.queries import EventQuery
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import attendee, created, deliver
from tests.support.inboxes import inbox_of
from tests.support.mails import vevent


@pytest.fixture
async def inbox(engine: Engine) -> AsyncIterator[Inbox]:
    async with inbox_of(engine) as opened:
        yield opened


@contextmanager
def failing(engine: Engine, part: str) -> Iterator[None]:
    """The store fails where it would note this part of a mail, as a disk does."""
    with closing(sqlite3.connect(engine.settings.database, isolation_level=None)) as raw:
        raw.execute(
            f"CREATE TRIGGER failing BEFORE INSERT ON intake WHEN NEW.id LIKE '%:{part}' "
            "BEGIN SELECT RAISE(ABORT, 'it ends here'); END"
        )
        try:
            yield
        finally:
            raw.execute("DROP TRIGGER failing")


async def handled(inbox: Inbox, mail: EmailMessage, box: str, ends_before: str = "") -> Outcome:
    """What becomes of a mail; with `ends_before`, of a mail that is handled again after its process ended there."""
    envelope = inbox.spool.store(mail.as_bytes(), (OwnMailbox(name=box),), "x@example.com")
    if ends_before:
        with failing(inbox.engine, ends_before), pytest.raises(sqlite3.IntegrityError, match="it ends here"):
            await inbox.handle(envelope.id)
    (outcome,) = await inbox.handle(envelope.id)
    return outcome


async def told(engine: Engine) -> list[str]:
    """What organizers are told, also what is gathered for a minute."""
    assert isinstance(engine.clock, Clock)
    gone: list[Message] = await deliver(engine)
    for _ in range(2):
        engine.clock.move(minutes=1)
        gone += await deliver(engine)
    return [message.notice.text for message in gone if message.notice]


async def test_a_mail_with_several_events_is_told_of_after_a_kill_as_without_one(
    engine: Engine, inbox: Inbox
) -> None:
    two = [mails.request(vevent(f"{n}1", summary="One"), vevent(f"{n}2", summary="Two")) for n in (1, 2)]
    calm = await handled(inbox, two[0], "create")
    (as_ever,) = await told(engine)
    killed = await handled(inbox, two[1], "create", ends_before="all")
    (notice,) = await told(engine)
    uids = [event.uid for event in (await engine.store.search(EventQuery())).events]
    assert len(uids) == 4
    assert (killed.action, killed.detail) == (calm.action, calm.detail)
    assert notice.splitlines()[0] == as_ever.splitlines()[0]
    assert [line.partition("uid")[0] for line in notice.splitlines()] == [
        line.partition("uid")[0] for line in as_ever.splitlines()
    ]


async def test_a_mail_that_is_killed_after_its_notice_is_told_of_once(engine: Engine, inbox: Inbox) -> None:
    mail = mails.request(vevent("u1", summary="One"), vevent("u2", summary="Two"))
    envelope = inbox.spool.store(mail.as_bytes(), (OwnMailbox(name="create"),), "x@example.com")
    await inbox.handle(envelope.id)
    path = inbox.engine.settings.data_dir / "inbox"
    (path / "done" / envelope.id).rename(path / "new" / envelope.id)
    await inbox.handle(envelope.id)
    assert len(await told(engine)) == 1


async def test_rows_without_an_event_are_told_of_when_the_campaign_had_begun_before_a_kill(
    engine: Engine, inbox: Inbox
) -> None:
    event = await created(engine, organizer="olga@cis.test")
    csv = f"uid,email\n{event.uid},good@example.org\n,bad@example.org\n"
    outcome = await handled(inbox, mails.listed(csv), "bulk", ends_before="problems")
    assert (outcome.action, outcome.uid) == ("campaign", event.uid)
    notices = await told(engine)
    assert len([text for text in notices if "bad@example.org" in text]) == 1
    assert (await attendee(engine, event, "good@example.org")).email == "good@example.org"
