"""`cis_mcp.functions.queue.handler`: handles mail and events of SES from a queue that Lambda reads.

`CIS_INBOX` names the queue and its bucket, as for a server that reads the queue itself, and the same code handles
each message. Those that were not handled are reported (`batchItemFailures`), so that the queue delivers them again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from cis_mcp.functions.instance import FunctionInstance, announced, settings_of_function
from cis_mcp.run.runtime import opened
from engine.aws.chain import CredentialChain
from engine.aws.sqs import QueueMessage
from engine.engine import Engine
from engine.inbox import cleaning, sources
from engine.inbox.intake.intake import Inbox
from engine.inbox.sources.sqs import QueueMessages, SqsQueue
from engine.refusals import Code, Refused
from engine.settings import Settings

log = logging.getLogger(__name__)

Event = dict[str, Any]
_Open = tuple[Engine, QueueMessages, str]


_REPORT_S = 5.0
"""Seconds of a call that remain for its report: without one, all messages of the batch come again."""
QUARANTINED_MAX = 200_000_000
"""Bytes of mail in quarantine that an instance keeps of what it handled; all of it is in the bucket."""


class QueueFunction:
    """Handles batches one after another, as Lambda passes them."""

    def __init__(self, settings: Settings) -> None:
        self.instance: FunctionInstance[_Open] = FunctionInstance(lambda: _handling(settings))

    def __call__(self, event: Event, context: object) -> Event:
        # What is left is asked for once the engine is open: a cold start takes seconds of it.
        return self.instance.run(
            lambda opened: announced(opened[0], _batch(*opened, event, _left_s(context)))
        )


@asynccontextmanager
async def _handling(settings: Settings) -> AsyncIterator[_Open]:
    """What handles messages; the inbox runs beside it. Raises Refused: INVALID_ARGUMENT without a queue."""
    queue = _queue(settings)
    async with opened(settings) as engine:
        inbox = Inbox(engine)
        running = asyncio.create_task(inbox.run())
        messages = QueueMessages(inbox, queue, CredentialChain())
        try:
            yield engine, messages, queue.name
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await messages.close()


def _queue(settings: Settings) -> SqsQueue:
    for number, url in enumerate(sources.urls(settings.inbox.get_secret_value()), 1):
        if url.startswith("sqs://"):
            return SqsQueue.of(url, number)
    raise Refused(
        Code.INVALID_ARGUMENT,
        "CIS_INBOX names no queue.",
        "Set it to sqs://QUEUE?region=REGION&bucket=BUCKET.",
    )


def _left_s(context: object) -> float | None:
    """Seconds that remain for handling; None if Lambda did not say when it ends the call."""
    left: Callable[[], int] | None = getattr(context, "get_remaining_time_in_millis", None)
    return None if left is None else max(0.0, left() / 1_000 - _REPORT_S)


async def _batch(
    engine: Engine, messages: QueueMessages, queue: str, event: Event, left_s: float | None
) -> Event:
    """Handle a batch; returns the ids of messages that were not handled, or not within `left_s` seconds.

    Of the others no copy stays on the disk.
    """

    async def done(record: Event) -> bool:
        one = _message(record)
        return _is_of(record, queue) and await _handled(messages.handled(one), one.id)

    handling = {asyncio.create_task(done(record)): str(record["messageId"]) for record in event["Records"]}
    if handling:
        await asyncio.wait(handling, timeout=left_s)
    for task, name in handling.items():
        if task.cancel():
            log.warning("message %s was not handled in the time of a call; it comes again", name)
    await asyncio.gather(*handling, return_exceptions=True)
    failed = [name for task, name in handling.items() if task.cancelled() or not task.result()]
    await _room_made(engine)
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _is_of(record: Event, queue: str) -> bool:
    """True if the message is from the queue of CIS_INBOX: we do not know who may write to another one."""
    ours = str(record.get("eventSourceARN", "")).rpartition(":")[2] == queue
    if not ours:
        log.warning("message %s is of another queue, and is not handled", record.get("messageId"))
    return ours


async def _room_made(engine: Engine) -> None:
    """Delete copies of handled mails, which would otherwise fill the instance's small disk."""
    try:
        await cleaning.drop_copies(engine, QUARANTINED_MAX)
    except OSError:
        log.exception("copies of handled mails could not be deleted; trying again after the next batch")


def _message(record: Event) -> QueueMessage:
    return QueueMessage(str(record["messageId"]), str(record["receiptHandle"]), str(record["body"]))


async def _handled(work: Coroutine[object, object, bool], name: str) -> bool:
    try:
        return await work
    except Exception:
        log.exception("message %s could not be handled; it comes again", name)
        return False


@cache
def _function() -> QueueFunction:
    return QueueFunction(settings_of_function())


def handler(event: Event, context: object) -> Event:
    """The function that Lambda calls."""
    return _function()(event, context)
