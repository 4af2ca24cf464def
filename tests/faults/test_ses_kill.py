"""A worker that sends through Amazon SES is killed: every mail goes, twice only as the same revision (promise 5)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.faults.scene import (
    PATIENCE_S,
    asked,
    campaign_to,
    crowd,
    killed,
    leases_run_out,
    retries_come_nearer,
)
from tests.inbox.test_sqs_source import event_of, mail_of
from tests.support.httpstub import Asked, Handler, Told, answering
from tests.support.processes import program
from tests.support.reports import ses_bounce
from tests.support.ses import ENVIRONMENT, HANG_UP, Answer, Ses, ses
from tests.support.sqs import Sqs
from tests.support.waiting import eventually

_PEOPLE = 200
_KILLS_AFTER = (20, 120)


async def test_a_campaign_through_ses_whose_worker_is_killed_reaches_everybody(tmp_path: Path) -> None:
    lost = {"p33@example.com", "p150@example.com"}

    def manner(recipient: str) -> Answer | None:
        return HANG_UP if recipient in lost and not lost.discard(recipient) else None

    async with ses(manner=manner) as account, campaign_to(tmp_path, crowd(_PEOPLE)) as story:
        settings = {"OUTBOX": account.outbox, "INVITE_LIMIT": "0", "SENDERS": "1", **ENVIRONMENT}
        for count in _KILLS_AFTER:
            async with program(tmp_path, "worker", **settings) as process:
                account.on_sent = _kill_after(account, count, process)
                await killed(process)
            leases_run_out(tmp_path)
        async with program(tmp_path, "worker", **settings):
            await story.all_sent()
    _each_as_one_revision(account, story.people)
    names = {str(row[0]) for row in asked(tmp_path, "SELECT transport_id FROM transport_name")}
    assert len(names) == _PEOPLE
    assert names <= {sent.name for sent in account.sent}


def _each_as_one_revision(account: Ses, people: list[str]) -> None:
    """Each person has mail, and if it came twice, with the same UID and SEQUENCE."""
    assert account.errors == []
    revisions = defaultdict(set)
    for sent in account.sent:
        event = sent.arrives.event
        revisions[sent.given.recipient].add(
            (str(event["UID"]), int(event["SEQUENCE"]), sent.given.message_id)
        )
    assert set(revisions) == set(people)
    assert all(len(found) == 1 for found in revisions.values())


class Service:
    """A service at one port, which is killed with all that it has in hand, and comes again there."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._up = AsyncExitStack()
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def begins(self) -> None:
        stub = await self._up.enter_async_context(answering(self._handler, self.port))
        self.port = stub.port

    async def killed(self) -> None:
        await self._up.aclose()


@asynccontextmanager
async def _service(handler: Handler) -> AsyncIterator[Service]:
    service = Service(handler)
    await service.begins()
    try:
        yield service
    finally:
        await service.killed()


async def test_a_campaign_whose_ses_and_queue_are_killed_midway_reaches_everybody(tmp_path: Path) -> None:
    account, queue, stops = Ses(), Sqs(), list(_KILLS_AFTER)
    stuck = asyncio.Event()

    async def answer(request: Asked) -> Told | None:
        told = await account.answer(request)
        if stops and len(account.sent) >= stops[0]:
            stuck.set()
            await asyncio.Event().wait()  # until it is killed: what it took has no answer
        return told

    async with (
        _service(answer) as out,
        _service(queue.answer) as into,
        campaign_to(tmp_path, crowd(_PEOPLE)) as story,
    ):
        account.url, queue.url = out.url, into.url
        settings = {"OUTBOX": account.outbox, "INBOX": queue.inbox, "INVITE_LIMIT": "0", "SENDERS": "1"}
        async with program(tmp_path, "worker", **settings, **ENVIRONMENT):
            for _ in _KILLS_AFTER:
                async with asyncio.timeout(PATIENCE_S):
                    await stuck.wait()
                await out.killed()
                await into.killed()
                del stops[0]
                stuck.clear()
                if not stops:  # by now the first mail is settled, so that its event is not too early
                    first = account.sent[0]
                    bounce = ses_bounce(mail_of(first.given.recipient, first.name), first.given.recipient)
                    queue.post_by_sns(event_of(bounce))
                await out.begins()
                await into.begins()
                retries_come_nearer(tmp_path, 3_600)
            await eventually(lambda: not queue.messages, PATIENCE_S)
            await story.finished()
            counts = await story.counts()
    assert (counts["sent"], counts["failed"], queue.dead) == (_PEOPLE - 1, 1, [])
    _each_as_one_revision(account, story.people)
    assert len(account.sent) > _PEOPLE  # what was in hand at a kill went twice


def _kill_after(account: Ses, count: int, process: asyncio.subprocess.Process) -> Callable[[], None]:
    def look() -> None:
        if len(account.sent) >= count:
            account.on_sent = lambda: None  # a second signal would take its exit status away
            process.kill()

    return look
