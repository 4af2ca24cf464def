"""A queue of Amazon SQS, to which SNS hands what SES has to say: mail that came in, and what became of ours."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from urllib.parse import parse_qs, urlsplit

from pydantic import Field

from engine.aws.chain import CredentialChain, NoCredentials
from engine.aws.connections import ServiceEndpoint
from engine.aws.errors import AwsRefused, Unanswered, Unreached
from engine.aws.s3 import BUCKET, Bucket
from engine.aws.sqs import BATCH, Queue, QueueMessage
from engine.engine import system_clock
from engine.inbox.intake.intake import Inbox
from engine.inbox.sources.patience import SourceFault, Waits, again_and_again
from engine.inbox.sources.ses_events import SesEvents
from engine.inbox.sources.ses_mail import SesMail
from engine.mail.incoming import sesmail, sesnotice
from engine.model.base import Value

log = logging.getLogger(__name__)

Handler = Callable[[QueueMessage], Coroutine[object, object, bool]]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/-]{0,200}")
_GREETING = "Successfully validated SNS topic for Amazon SES event publishing."
_FAULTS = (AwsRefused, Unreached, Unanswered, NoCredentials)
_GONE = {"NoSuchKey", "HTTP 404"}
_AT_ONCE = 50
"""Messages in hand at once: while one waits for the name servers, the others go on."""
_RENEW_S = 20.0
_HIDDEN_S = 60
"""Messages in hand are hidden from others for that long, again and again until they are handled."""
_SWEEP_S = 3_600.0


class SqsQueue(Value):
    """Where to read: from `sqs://QUEUE?region=REGION[&bucket=…&prefix=…][&endpoint=…]`."""

    name: str
    region: str
    label: str
    bucket: str = Field("", description="where SES puts mail; empty: the queue has events alone")
    prefix: str = ""
    endpoint: str = Field("", description="empty: the region's own")

    @classmethod
    def of(cls, url: str, number: int) -> SqsQueue:
        """Read the URL of source `number`; raises ValueError with a sentence on what is wrong."""
        parts = urlsplit(url)
        options = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        region, endpoint = options.pop("region", ""), options.pop("endpoint", "")
        bucket, prefix = options.pop("bucket", ""), options.pop("prefix", "")
        known = _NAME.fullmatch(parts.netloc) and _REGION.fullmatch(region) and not parts.path.strip("/")
        stored = BUCKET.fullmatch(bucket) and _PREFIX.fullmatch(prefix) if bucket else not prefix
        if not known or not stored or options:
            form = "sqs://QUEUE?region=REGION[&bucket=BUCKET[&prefix=PREFIX]][&endpoint=https://…]"
            raise ValueError(f"CIS_INBOX: source {number} must be given as {form}")
        if endpoint:
            ServiceEndpoint.of(endpoint)
        label = f"queue {parts.netloc}"
        return cls(
            name=parts.netloc, region=region, label=label, bucket=bucket, prefix=prefix, endpoint=endpoint
        )


class QueueMessages:
    """Handles the messages of one queue, whoever fetches them: mail that SES received, and its events."""

    def __init__(self, inbox: Inbox, queue: SqsQueue, credentials: CredentialChain) -> None:
        self._label = queue.label
        self._events = SesEvents(inbox.engine, queue.name, queue.label)
        self.mail: SesMail | None = None
        self._bucket: Bucket | None = None
        if queue.bucket:
            self._bucket = Bucket(queue.bucket, queue.region, queue.endpoint, credentials, system_clock)
            self.mail = SesMail(inbox, self._bucket, queue.prefix, queue.label)

    async def handled(self, message: QueueMessage) -> bool:
        """True once the message may be deleted. Raises AwsRefused, Unreached, Unanswered, NoCredentials; OSError."""
        if _GREETING in message.body:
            return True
        if report := sesnotice.event(message.body):
            return await self._events.take(message, report)
        if self.mail and (mail := sesmail.received(message.body)):
            try:
                return await self.mail.take(mail)
            except AwsRefused as refused:
                if refused.code not in _GONE:
                    raise
                log.warning("%s: the object of message %s is not there", self._label, message.id)
                return False
        log.warning("%s: message %s is not understood; it stays there", self._label, message.id)
        return False

    async def close(self) -> None:
        """Close the connections."""
        if self._bucket:
            await self._bucket.close()


class SqsSource:
    """Reads the queue; a message is deleted after what it says is kept, so that a crash has it come again.

    What cannot be understood is left in the queue, whose redrive policy sets it aside after some tries.
    """

    def __init__(
        self,
        inbox: Inbox,
        queue: SqsQueue,
        credentials: CredentialChain | None = None,
        *,
        renew_s: float = _RENEW_S,
        sweep_s: float = _SWEEP_S,
    ) -> None:
        self._queue = queue
        self._chain = credentials or CredentialChain()
        self._renew_s = renew_s
        self._sweep_s = sweep_s
        self._messages = QueueMessages(inbox, queue, self._chain)

    async def run(self) -> None:
        """Read until cancelled."""
        await again_and_again(self._queue.label, self._session)

    async def _session(self, waits: Waits) -> None:
        region = self._queue.region
        url = self._queue.endpoint or await self._chain.url("sqs", "sqs", region)
        queue = Queue(self._queue.name, region, ServiceEndpoint.of(url), self._chain, system_clock)
        async with AsyncExitStack() as ending:  # each step is taken though the one before it is called off
            ending.push_async_callback(self._messages.close)
            ending.push_async_callback(queue.close)
            ending.push_async_callback(_called_off, asyncio.create_task(self._sweep()))
            try:
                await _InHand(queue, self._messages.handled, self._renew_s).run(waits)
            except _FAULTS as error:
                raise SourceFault(str(error)[:300]) from error

    async def _sweep(self) -> None:
        """Look for mail that no message told of, at once and then every hour."""
        while mail := self._messages.mail:
            try:
                await mail.sweep()
            except (*_FAULTS, OSError) as error:
                log.warning("%s: the bucket could not be swept: %s", self._queue.label, str(error)[:300])
            await asyncio.sleep(self._sweep_s)


async def _called_off(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class _InHand:
    """The messages that are being handled; they are hidden from others until that is done."""

    def __init__(self, queue: Queue, handled: Handler, renew_s: float) -> None:
        self._queue = queue
        self._handled = handled
        self._renew_s = renew_s
        self._hand: dict[asyncio.Task[bool], QueueMessage] = {}
        self._receiving: asyncio.Task[list[QueueMessage]] | None = None
        self._fault: BaseException | None = None
        """Why a message could not be handled; the others in hand are handled first."""

    async def run(self, waits: Waits) -> None:
        """Receive, handle and delete until something is wrong, or cancelled; what is not handled comes again."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        try:
            while True:
                await self._step(waits)
                if self._fault and not self._hand:
                    raise self._fault
                if loop.time() - renewed >= self._renew_s:
                    renewed = loop.time()
                    await self._renew()
        finally:
            tasks = [*self._hand, *([self._receiving] if self._receiving else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _step(self, waits: Waits) -> None:
        room = _AT_ONCE - len(self._hand)
        if self._receiving is None and room > 0 and not self._fault:
            self._receiving = asyncio.create_task(self._queue.receive(room))
        tasks = {*self._hand, *([self._receiving] if self._receiving else [])}
        done, _ = await asyncio.wait(tasks, timeout=self._renew_s, return_when=asyncio.FIRST_COMPLETED)
        if self._receiving in done:
            receiving, self._receiving = self._receiving, None
            for message in receiving.result():
                self._hand[asyncio.create_task(self._handled(message))] = message
            waits.well()
        await self._delete([task for task in self._hand if task in done])

    async def _delete(self, ended: list[asyncio.Task[bool]]) -> None:
        messages = [(task, self._hand.pop(task)) for task in ended]
        for task, message in messages:
            if error := task.exception():
                log.warning("message %s could not be handled: %s", message.id, str(error)[:300])
                self._fault = self._fault or error
        handled = [message for task, message in messages if not task.exception() and task.result()]
        for first in range(0, len(handled), BATCH):
            await self._queue.delete(handled[first : first + BATCH])

    async def _renew(self) -> None:
        messages = list(self._hand.values())
        for first in range(0, len(messages), BATCH):
            with suppress(AwsRefused):  # the worst of it is that a message comes twice
                await self._queue.extend(messages[first : first + BATCH], _HIDDEN_S)
