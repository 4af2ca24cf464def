"""Mail into Amazon SES for tests: its receipt rules, held against botocore's model, over a real SMTP listener.

A mail is judged by the rules of the active set, the first before the others: its bytes, below the fields of SES, go
into the bucket, and the topic of the rule tells the queue.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from botocore.exceptions import ClientError

from tests.support import awsmodels
from tests.support.sesmail import notification, stamped
from tests.support.sqs import Sqs

_IDS = itertools.count(1)


@dataclass
class ReceiptRules:
    """The part of the API, version 1, that receipt rules have; asked as boto3's client is."""

    sets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    active: str = ""

    def describe_active_receipt_rule_set(self) -> dict[str, Any]:
        return self._described(self.active) if self.active else {}

    def describe_receipt_rule_set(self, **values: Any) -> dict[str, Any]:
        return self._described(self._checked("DescribeReceiptRuleSet", values)["RuleSetName"])

    def create_receipt_rule_set(self, **values: Any) -> None:
        self.sets.setdefault(self._checked("CreateReceiptRuleSet", values)["RuleSetName"], [])

    def create_receipt_rule(self, **values: Any) -> None:
        """Without `After` the rule is the first of its set."""
        found = self._checked("CreateReceiptRule", values)
        self.sets[found["RuleSetName"]].insert(0, found["Rule"])

    def set_active_receipt_rule_set(self, **values: Any) -> None:
        self.active = self._checked("SetActiveReceiptRuleSet", values).get("RuleSetName", "")

    def matching(self, recipient: str) -> list[dict[str, Any]]:
        """The actions for a recipient, in the order of the rules."""
        domain = recipient.rpartition("@")[2]
        rules = [one for one in self.sets.get(self.active, []) if one["Enabled"]]
        return [a for one in rules if {recipient, domain} & {*one["Recipients"]} for a in one["Actions"]]

    def _described(self, name: str) -> dict[str, Any]:
        if name not in self.sets:
            error = {"Error": {"Code": "RuleSetDoesNotExist", "Message": name}}
            raise ClientError(error, "DescribeReceiptRuleSet")
        return {"Metadata": {"Name": name}, "Rules": self.sets[name]}

    def _checked(self, operation: str, values: dict[str, Any]) -> dict[str, Any]:
        wrong = awsmodels.complaints(values, awsmodels.operation(operation, "ses").input_shape)
        assert not wrong, wrong
        return values


@dataclass
class Inbound:
    """SES's listener for one account."""

    rules: ReceiptRules
    queue: Sqs
    at: datetime
    port: int = 0

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not self.rules.matching(address.lower()):
            return "550 5.1.1 Requested action not taken: mailbox unavailable"
        envelope.rcpt_tos.append(address)
        return "250 Ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        message = BytesParser(policy=policy.default).parsebytes(envelope.content)
        assert isinstance(message, EmailMessage)
        recipients = [address.lower() for address in envelope.rcpt_tos]
        sender = envelope.mail_from or ""
        name = f"{next(_IDS):040x}"
        for action in self.rules.matching(recipients[0]):
            self._kept(
                action["S3Action"], name, stamped(message, recipients[0], sender=sender), recipients, sender
            )
        return f"250 OK {name}"

    def _kept(
        self, action: dict[str, Any], name: str, raw: bytes, recipients: list[str], sender: str
    ) -> None:
        assert self.queue.bucket
        assert action["BucketName"] == self.queue.bucket.name
        key = f"{action['ObjectKeyPrefix']}{name}"
        self.queue.bucket.put(key, raw, self.at)
        told = notification(key, recipients, self.at, action["BucketName"], sender)
        self.queue.post_by_sns(told, name=f"sns-{name}")


@asynccontextmanager
async def receiving_by_ses(rules: ReceiptRules, queue: Sqs, at: datetime) -> AsyncIterator[Inbound]:
    """The listener at a port of this machine."""
    inbound = Inbound(rules, queue, at)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: SMTP(inbound, enable_SMTPUTF8=True), "127.0.0.1", 0)
    inbound.port = listener.sockets[0].getsockname()[1]
    try:
        yield inbound
    finally:
        listener.close()
        await listener.wait_closed()
