"""Events of Amazon SES from a queue: what became of our mails after SES took them.

SES publishes events to an SNS topic, which hands them to the queue. SNS signs what it posts to the web; here that need
not be checked, since only who has the rights writes to the queue: its policy lets the topic alone.
"""

from __future__ import annotations

import json
import logging
import re
from urllib.parse import parse_qs, urlsplit

from pydantic import Field

from engine.aws.chain import Chain, NoCredentials
from engine.aws.connections import Endpoint
from engine.aws.errors import AwsRefused, Unanswered, Unreached
from engine.aws.sqs import Queue, QueueMessage
from engine.commands.base import Done, Work
from engine.engine import system_clock
from engine.inbox.intake.intake import Inbox
from engine.inbox.intake.received import MailAction
from engine.inbox.routes.reports import ServiceReport, service_report
from engine.inbox.sources.patience import Fault, Waits, again_and_again
from engine.mail.incoming import sesnotice
from engine.mail.incoming.sesnotice import TAG_ROW
from engine.model.actors import Actor
from engine.model.base import Value
from engine.model.counters import Intake
from engine.refusals import Code, Refused
from engine.store.protocol import AlreadyTakenIn

log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")
_GREETING = "Successfully validated SNS topic for Amazon SES event publishing."
_ID_MAX = 100


class SqsQueue(Value):
    """Where events come from: read from `sqs://QUEUE?region=REGION[&endpoint=…]`."""

    name: str
    region: str
    label: str
    endpoint: str = Field("", description="empty: the region's own")

    @classmethod
    def of(cls, url: str, number: int) -> SqsQueue:
        """Read the URL of source `number`; raises ValueError with a sentence on what is wrong."""
        parts = urlsplit(url)
        options = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        region, endpoint = options.pop("region", ""), options.pop("endpoint", "")
        known = _NAME.fullmatch(parts.netloc) and _REGION.fullmatch(region)
        if not known or options or parts.path.strip("/"):
            form = "sqs://QUEUE?region=REGION[&endpoint=https://…]"
            raise ValueError(f"CIS_INBOX: source {number} must be given as {form}")
        if endpoint:
            Endpoint.of(endpoint)
        label = f"queue {parts.netloc}"
        return cls(name=parts.netloc, region=region, label=label, endpoint=endpoint)


class SqsSource:
    """Reads the queue; a message is deleted after what it says is kept, so that a crash has it come again.

    What is no event of SES is left in the queue, whose redrive policy sets it aside after some tries.
    """

    def __init__(self, inbox: Inbox, queue: SqsQueue, credentials: Chain | None = None) -> None:
        self._engine = inbox.engine
        self._queue = queue
        self._chain = credentials or Chain()

    async def run(self) -> None:
        """Read until cancelled."""
        await again_and_again(self._queue.label, self._session)

    async def _session(self, waits: Waits) -> None:
        region = self._queue.region
        url = self._queue.endpoint or f"https://{await self._chain.host('sqs', region)}"
        queue = Queue(self._queue.name, region, Endpoint.of(url), self._chain, system_clock)
        try:
            while True:
                messages = await queue.receive()
                handled = [message for message in messages if await self._handled(message)]
                if handled:
                    await queue.delete(handled)
                waits.well()
        except (AwsRefused, Unreached, Unanswered, NoCredentials) as error:
            raise Fault(str(error)[:300]) from error
        finally:
            await queue.close()

    async def _handled(self, message: QueueMessage) -> bool:
        """True once the message may be deleted."""
        body = _opened(message.body)
        if _GREETING in message.body:
            return True
        report = sesnotice.event(message.body)
        if report is None:
            log.warning("%s: message %s is no event of SES; it stays there", self._queue.label, message.id)
            return False
        settled = await service_report(self._engine, report)
        known = not settled or await self._recorded(settled, f"sqs_{self._queue.name}:{body or message.id}")
        # An event may be quicker than the answer that names its mail: one with our tag comes again.
        return known or TAG_ROW not in message.body

    async def _recorded(self, report: ServiceReport, name: str) -> bool:
        """Apply what an event says exactly once; False if it belongs to no mail that the ledger knows."""

        async def before(work: Work) -> None:
            if await work.unit.taken_in(name):
                raise AlreadyTakenIn(name)

        async def also(work: Work, _: Done) -> None:
            action = MailAction.BOUNCE.value
            line = Intake(
                id=name, at=work.now, mailbox="", action=action, code=report.code, uid="", detail=""
            )
            await work.unit.take_in(line)

        actor = Actor(kind="attendee", address=report.address)
        try:
            await self._engine.apply(report.command, actor, before=before, also=also)
        except AlreadyTakenIn:
            log.info("%s: an event was taken in before", self._queue.label)
        except Refused as refused:
            if refused.code is not Code.UNKNOWN_TOKEN:
                raise
            log.info("%s: an event belongs to no message that is known", self._queue.label)
            return False
        return True


def _opened(body: str) -> str:
    """The id that SNS gave the message, the same however often the queue hands it out; empty without one."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    name = found.get("MessageId") if isinstance(found, dict) else None
    return name if isinstance(name, str) and len(name) <= _ID_MAX else ""
