"""Mail in by Amazon SES, S3, SNS and SQS: each mail once, whatever is lost or comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from engine.aws.chain import CredentialChain
from engine.engine import Engine
from engine.inbox import cleaning, forgetting
from engine.inbox.contents.readers import Readers
from engine.inbox.intake.authenticator import SenderAuthenticator
from engine.inbox.intake.intake import Inbox
from engine.inbox.sources.sqs import QueueMessages, SqsQueue, SqsSource
from engine.inbox.spool.spool import OwnMailbox, ReceivedEnvelope
from engine.mail.incoming import sesmail
from engine.mail.incoming.authenticity import Verdict
from engine.mail.incoming.read import Opened
from engine.model.queries import EventQuery
from engine.refusals import Code
from tests.support import mails
from tests.support.clock import Clock
from tests.support.engines import engine_in
from tests.support.httpstub import Asked, Told
from tests.support.queries import counting_queries
from tests.support.s3 import S3
from tests.support.ses import ENVIRONMENT
from tests.support.sesmail import RECEIPT, notification, stamped
from tests.support.sources import actions, fetching, taken
from tests.support.sqs import Sqs, sqs
from tests.support.waiting import eventually

CREATE = "create@cis.test"
KEY = "in/8i6cr4aeu15skb2lb71a0qo4ts7a8mbou5nfpgg1"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def engine(tmp_path: Path, clock: Clock) -> AsyncIterator[Engine]:
    """No server's word counts by the settings; the name server answers nothing."""
    async with engine_in(tmp_path, clock, dns="127.0.0.1:9") as opened:
        yield opened


@asynccontextmanager
async def account() -> AsyncIterator[Sqs]:
    """A queue and the bucket beside it."""
    async with sqs(S3()) as queue:
        yield queue


def came(
    queue: Sqs, engine: Engine, raw: bytes | None = None, key: str = KEY, to: str = CREATE, told: bool = True
) -> None:
    """SES has put a mail into the bucket, and has told the topic of it."""
    assert queue.bucket
    at = engine.clock() - timedelta(minutes=1)
    raw = stamped(mails.request(proven=False), to) if raw is None else raw
    queue.bucket.put(key, raw, at)
    if told:
        queue.post_by_sns(notification(key, [to], at), name=f"sns-{key}")


async def emptied(engine: Engine, queue: Sqs) -> dict[str, int]:
    """What the mails came to, once the queue is empty."""
    async with fetching(engine, queue.inbox):
        await eventually(lambda: not queue.messages)
    return dict(await actions(engine))


async def test_an_invitation_becomes_an_event(engine: Engine) -> None:
    async with account() as queue:
        came(queue, engine)
        assert await emptied(engine, queue) == {"created": 1}
    (line,) = await taken(engine)
    assert KEY.removeprefix("in/") in line.id


async def test_its_message_is_deleted_after_the_transaction_alone(engine: Engine) -> None:
    found: list[dict[str, int]] = []

    async def on_delete(_: str) -> None:
        found.append(dict(await actions(engine)))

    async with account() as queue:
        queue.on_delete = on_delete
        came(queue, engine)
        await emptied(engine, queue)
    assert found == [{"created": 1}]


async def test_a_message_in_hand_is_hidden_for_longer_and_comes_again_if_its_process_ends(
    engine: Engine,
) -> None:
    async with account() as queue:
        came(queue, engine)
        inbox = Inbox(engine)  # which handles nothing yet
        source = SqsSource(inbox, SqsQueue.of(queue.inbox, 1), renew_s=0.01)
        working = asyncio.create_task(source.run())
        await eventually(lambda: len(queue.extended) >= 2)
        await eventually(lambda: bool(list(inbox.spool.waiting())))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await inbox.close()
        assert (len(queue.messages), queue.deleted) == (1, [])
        await _answer_the_dead(queue)
        queue.visibility_ends()
        assert await emptied(engine, queue) == {"created": 1}


async def _answer_the_dead(queue: Sqs) -> None:
    """The poll that the ended process left behind is answered."""
    name = queue.post("Successfully validated SNS topic for Amazon SES event publishing.")
    await eventually(lambda: not queue.messages[name].visible)


async def test_a_mail_that_is_told_of_twice_counts_once(engine: Engine) -> None:
    async with account() as queue:
        came(queue, engine)
        came(queue, engine)
        assert await emptied(engine, queue) == {"created": 1}
        assert len(queue.deleted) == 2


async def test_the_envelope_decides_which_mailbox_it_is_for_not_the_headers(engine: Engine) -> None:
    raw = stamped(mails.mail("Olga <olga@cis.test>", "bulk@cis.test", proven=False), "postmaster@cis.test")
    async with account() as queue:
        came(queue, engine, raw, to="postmaster@cis.test")
        await emptied(engine, queue)
    assert [line.mailbox for line in await taken(engine)] == ["postmaster"]


async def test_mail_to_no_address_of_ours_leaves_the_queue_and_no_trace(engine: Engine) -> None:
    async with account() as queue:
        came(queue, engine, to="nobody@cis.test")
        assert await emptied(engine, queue) == {}
        assert queue.bucket and queue.bucket.read == []


async def test_a_mail_that_is_too_large_stays_in_the_bucket_and_is_noted(
    tmp_path: Path, clock: Clock
) -> None:
    async with engine_in(tmp_path, clock, max_mail_bytes=10_000) as engine, account() as queue:
        came(queue, engine, stamped(mails.request(proven=False), CREATE) + b"x" * 10_000)
        await emptied(engine, queue)
        assert [line.code for line in await taken(engine)] == [Code.TOO_LARGE]


async def test_what_ses_writes_to_see_whether_it_may_is_no_mail(engine: Engine) -> None:
    async with account() as queue:
        came(queue, engine, key=f"in/{sesmail.SETUP}")
        assert await emptied(engine, queue) == {}


# poison


async def test_a_mail_that_is_not_in_the_bucket_ends_in_the_dead_letter_queue(engine: Engine) -> None:
    async with account() as queue:
        name = queue.post_by_sns(notification(KEY, [CREATE], engine.clock()))
        await _dies(engine, queue, name)


@pytest.mark.parametrize("where", [("another", KEY), ("cis-mail", "elsewhere/x")])
async def test_a_mail_in_another_bucket_or_folder_is_never_read(
    engine: Engine, where: tuple[str, str]
) -> None:
    bucket, key = where
    async with account() as queue:
        assert queue.bucket
        queue.bucket.put(key, stamped(mails.request(proven=False), CREATE), engine.clock())
        name = queue.post_by_sns(notification(key, [CREATE], engine.clock(), bucket=bucket))
        await _dies(engine, queue, name)
        assert queue.bucket.read == []


async def _dies(engine: Engine, queue: Sqs, name: str) -> None:
    async with fetching(engine, queue.inbox):
        for _ in range(3):
            await eventually(lambda: all(not kept.visible for kept in queue.messages.values()))
            queue.visibility_ends()
    assert (queue.dead, queue.deleted) == ([name], [])
    assert await actions(engine) == {}


async def test_a_bucket_that_may_not_be_read_loses_nothing(engine: Engine) -> None:
    async with account() as queue:
        assert queue.bucket
        queue.bucket.denied = True
        came(queue, engine)
        async with fetching(engine, queue.inbox):
            await eventually(lambda: len(queue.bucket.refused) >= 2 if queue.bucket else False)
        assert (len(queue.messages), queue.deleted) == (1, [])
        queue.bucket.denied = False
        await _answer_the_dead(queue)
        queue.visibility_ends()
        assert await emptied(engine, queue) == {"created": 1}


class Withheld(S3):
    """A bucket that refuses one object, and gives no other before `after` is true."""

    after: Callable[[], bool] = staticmethod(lambda: True)

    async def answer(self, asked: Asked) -> Told:
        if asked.path.endswith("/in/refused"):
            return self._error(403, "AccessDenied", "no")
        await eventually(self.after)
        return await super().answer(asked)


async def test_a_mail_that_cannot_be_read_interrupts_no_other(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    tries: list[int] = []

    async def on_delete(name: str) -> None:
        tries.append(queue.messages[name].received)

    bucket = Withheld()
    bucket.after = lambda: "could not be handled" in caplog.text
    async with sqs(bucket) as queue:
        queue.on_delete = on_delete
        came(queue, engine, key="in/refused")
        came(queue, engine)
        async with fetching(engine, queue.inbox):
            await eventually(lambda: tries != [])
    assert tries == [1]
    assert (dict(await actions(engine)), len(queue.messages)) == ({"created": 1}, 1)


# the sweep


async def test_a_sweep_finds_what_no_message_told_of(engine: Engine, clock: Clock) -> None:
    async with account() as queue:
        came(queue, engine, told=False)
        clock.move(minutes=20)
        async with fetching(engine, queue.inbox):
            await eventually(lambda: _has(engine, "created"))


async def _has(engine: Engine, action: str) -> bool:
    return (await actions(engine))[action] > 0


async def test_a_sweep_reads_nothing_again_and_leaves_new_and_old_objects_alone(
    engine: Engine, clock: Clock
) -> None:
    async with account() as queue:
        assert queue.bucket
        came(queue, engine)
        await emptied(engine, queue)
        clock.move(minutes=20)
        queue.bucket.put("in/new", stamped(mails.request(proven=False), CREATE), clock())
        queue.bucket.put("in/old", stamped(mails.request(proven=False), CREATE), clock() - timedelta(days=15))
        queue.bucket.put(
            "in/nobody", stamped(mails.request(), "nobody@cis.test"), clock() - timedelta(hours=1)
        )
        queue.bucket.read.clear()
        inbox = Inbox(engine)
        source = SqsSource(inbox, SqsQueue.of(queue.inbox, 1), sweep_s=0.001)
        working = asyncio.create_task(source.run())
        listed = queue.bucket.listed
        await eventually(lambda: queue.bucket is not None and queue.bucket.listed > listed + 2)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await inbox.close()
        assert queue.bucket.read == ["in/nobody"]
        assert list(inbox.spool.waiting()) == []


async def _swept(engine: Engine, queue: Sqs) -> None:
    """Return when the bucket was looked through anew."""
    inbox = Inbox(engine)
    source = SqsSource(inbox, SqsQueue.of(queue.inbox, 1), sweep_s=0.001)
    working = asyncio.create_task(source.run())
    assert queue.bucket
    bucket, listed = queue.bucket, queue.bucket.listed
    await eventually(lambda: bucket.listed > listed + 2)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await inbox.close()


async def test_mail_to_an_address_that_does_not_exist_leaves_the_bucket_when_a_quarantine_would_be_over(
    engine: Engine, clock: Clock
) -> None:
    async with account() as queue:
        came(queue, engine, to="nobody@cis.test")
        came(queue, engine, key="in/ours", told=False)
        assert queue.bucket
        queue.bucket.put("in/no-mail-of-ses", b"a note of somebody's", clock())
        assert await emptied(engine, queue) == {}
        clock.move(days=29)
        await _swept(engine, queue)
        assert KEY in queue.bucket.objects
        clock.move(days=2)
        queue.bucket.read.clear()
        await _swept(engine, queue)
        assert set(queue.bucket.objects) == {"in/ours", "in/no-mail-of-ses"}
        assert sorted(queue.bucket.read) == sorted([KEY, "in/ours", "in/no-mail-of-ses"])


async def test_a_sweep_asks_once_a_day_what_became_of_old_mail(tmp_path: Path, clock: Clock) -> None:
    """Each is a question to the table, and the bucket of functions keeps the mail of a year."""
    with counting_queries() as queries:
        async with engine_in(tmp_path, clock, dns="127.0.0.1:9") as engine, account() as queue:
            for n in range(3):
                came(queue, engine, key=f"in/{n}")
            await emptied(engine, queue)
            inbox = Inbox(engine)
            messages = QueueMessages(inbox, SqsQueue.of(queue.inbox, 1), CredentialChain())
            assert messages.mail
            clock.move(days=40)
            asked = []
            for hours in (0, 1, 22, 1):
                clock.move(hours=hours)
                before = queries.statements
                await messages.mail.sweep()
                asked.append(queries.statements - before)
            await messages.close()
            await inbox.close()
    assert asked[0] == asked[3] >= 3
    assert asked[1] == asked[2] == 0


async def test_a_short_quarantine_deletes_no_mail_whose_message_may_still_wait_in_the_queue(
    tmp_path: Path, clock: Clock
) -> None:
    async with (
        engine_in(tmp_path, clock, dns="127.0.0.1:9", keep_quarantine_days=3) as engine,
        account() as queue,
    ):
        assert queue.bucket
        came(queue, engine, to="nobody@cis.test", told=False)
        for days, stays in ((5, True), (8, True), (2, False)):
            clock.move(days=days)
            await _swept(engine, queue)
            assert (KEY in queue.bucket.objects) is stays


async def test_a_mail_stays_in_the_bucket_until_90_days_after_the_end_of_the_event_that_it_made(
    engine: Engine,
) -> None:
    async with account() as queue:
        assert queue.bucket
        came(queue, engine)
        await emptied(engine, queue)
        (event,) = (await engine.store.search(EventQuery())).events
        assert event.ends_at
        for days, stays in ((89, True), (91, False)):
            await cleaning.clean(engine, (event.ends_at + timedelta(days=days)).timestamp())
            await _swept(engine, queue)
            assert (KEY in queue.bucket.objects) is stays
        assert not list((engine.settings.data_dir / "inbox/gone").iterdir())


async def test_a_person_who_is_forgotten_leaves_no_mail_in_the_bucket(engine: Engine) -> None:
    async with account() as queue:
        assert queue.bucket
        came(queue, engine)
        named = mails.request(
            mails.vevent("u2", attendees=[("guest@people.example", "NEEDS-ACTION")]), proven=False
        )
        came(queue, engine, stamped(named, CREATE), key="in/naming")
        await emptied(engine, queue)
        await forgetting.forget(engine, "guest@people.example", engine.local)
        await _swept(engine, queue)
        assert list(queue.bucket.objects) == [KEY]


# whose word counts

FORGED = "amazonses.com; spf=pass smtp.mailfrom=cis.test; dkim=pass header.d=cis.test; dmarc=pass header.from=cis.test"


@pytest.mark.parametrize(
    "raw",
    [
        stamped(mails.request(proven=False), CREATE, sender="eve@evil.example", dmarc="fail"),
        stamped(
            mails.request(proven=False, headers={"Authentication-Results": FORGED}), CREATE, dmarc="fail"
        ),
        f"Authentication-Results: {FORGED}\r\n".encode() + mails.request(proven=False).as_bytes(),
        stamped(mails.request(proven=False), CREATE, results=False, receipt=False).replace(
            b"From:", f"Authentication-Results: {FORGED}\r\n{RECEIPT}\r\nFrom:".encode(), 1
        ),
        stamped(mails.request(proven=False), CREATE, results=False).replace(
            b"From:", f"Authentication-Results: {FORGED}\r\n{RECEIPT}\r\nFrom:".encode(), 1
        ),
    ],
    ids=["ses says no", "below ses's own", "without ses's fields", "in place of ses's receipt", "behind it"],
)
async def test_only_what_ses_itself_wrote_on_top_is_believed(engine: Engine, raw: bytes) -> None:
    verdict = await _told(engine, raw)
    assert verdict is None or not verdict.passed


async def test_what_ses_wrote_on_top_proves_the_sender(engine: Engine) -> None:
    verdict = await _told(engine, stamped(mails.request(proven=False), CREATE))
    assert verdict and verdict.passed and not verdict.wants_signatures


async def _told(engine: Engine, raw: bytes) -> Verdict | None:
    """What is known of the sender of a mail that lies in the spool, without asking any name server."""
    inbox = Inbox(engine)
    async with account() as queue:
        came(queue, engine, raw)
        working = asyncio.create_task(SqsSource(inbox, SqsQueue.of(queue.inbox, 1)).run())
        await eventually(lambda: bool(list(inbox.spool.waiting())))
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    mail = inbox.spool.read(next(inbox.spool.waiting()))
    await inbox.close()
    assert mail
    return SenderAuthenticator(engine.settings, Readers()).known_verdict(mail.envelope, Opened(mail.raw).head)


def test_the_same_mail_by_another_way_is_not_believed(engine: Engine) -> None:
    raw = stamped(mails.request(proven=False), CREATE)
    envelope = ReceivedEnvelope(id="1", mailboxes=(OwnMailbox(name="create"),))
    assert SenderAuthenticator(engine.settings, Readers()).known_verdict(envelope, Opened(raw).head) is None


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (stamped(mails.request(proven=False), CREATE), ("olga@cis.test", CREATE, True)),
        (stamped(mails.request(proven=False), CREATE, sender=""), ("", CREATE, True)),
        (stamped(mails.request(proven=False), CREATE, results=False), ("olga@cis.test", CREATE, False)),
        (stamped(mails.request(proven=False), CREATE, receipt=False), (None, "", False)),
        (mails.request().as_bytes(), (None, "", False)),
    ],
)
def test_what_ses_writes_on_top_is_read(head: bytes, expected: tuple[object, ...]) -> None:
    found = sesmail.stamp(head)
    assert (found.sender, found.recipient, found.vouches) == expected
