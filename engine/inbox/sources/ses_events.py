"""Events of Amazon SES: what became of our mails after SES took them, each recorded once.

SES publishes events to an SNS topic, which hands them to a queue. SNS signs what it posts to the web; here that need
not be checked, since only who has the rights writes to the queue: its policy lets the topic alone.
"""

from __future__ import annotations

import json
import logging

from engine.aws.sqs import QueueMessage
from engine.commands.base import Done, Work
from engine.engine import Engine
from engine.inbox.handling.received import MailAction
from engine.inbox.routes.reports import ServiceReport, service_report
from engine.mail.incoming.content import DeliveryReport
from engine.mail.incoming.sesnotice import TAG_ROW
from engine.model.actors import Actor
from engine.model.counters import Intake
from engine.refusals import Code, Refused
from engine.store.protocol import AlreadyTakenIn

log = logging.getLogger(__name__)

_ID_MAX = 100


class SesEvents:
    """Records the events of one queue."""

    def __init__(self, engine: Engine, queue: str, label: str) -> None:
        self._engine = engine
        self._queue = queue
        self._label = label

    async def take(self, message: QueueMessage, report: DeliveryReport) -> bool:
        """True once what the event says is kept; False for one that may be quicker than the answer to its mail."""
        settled = await service_report(self._engine, report)
        name = f"sqs_{self._queue}:{_sns_id(message.body) or message.id}"
        known = not settled or await self._recorded(settled, name)
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
            if report.once:
                await self._engine.apply(report.command, actor, before=before, also=also)
            else:
                await self._engine.apply(report.command, actor)
        except AlreadyTakenIn:
            log.info("%s: an event was taken in before", self._label)
        except Refused as refused:
            if refused.code is not Code.UNKNOWN_TOKEN:
                raise
            log.info("%s: an event belongs to no message that is known", self._label)
            return False
        return True


def _sns_id(body: str) -> str:
    """The id that SNS gave the message, the same however often the queue hands it out; empty without one."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    name = found.get("MessageId") if isinstance(found, dict) else None
    return name if isinstance(name, str) and len(name) <= _ID_MAX else ""
