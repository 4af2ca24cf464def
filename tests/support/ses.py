"""Amazon SES for tests: the API v2 over HTTP, signed requests judged by botocore, mails rewritten as SES rewrites them.

What it knows of SES are documented limits, headers and errors; how SES treats a mail beyond them, only SES can show.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from engine.aws.signing import SigningKeys
from tests.support import awsmodels
from tests.support.httpstub import Asked, Told, answering
from tests.support.sink import Mail

KEYS = SigningKeys("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": KEYS.access,
    "AWS_SECRET_ACCESS_KEY": KEYS.secret,
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/nowhere",
    "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
}
REGION = "eu-west-1"
HANG_UP = "hang up"
_AUTHORIZATION = re.compile(r"AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=(\w+)")
_SEND, _ACCOUNT = "/v2/email/outbound-emails", "/v2/email/account"
_SUPPRESSED = "/v2/email/suppression/addresses"
_LINE_MAX = 1_000
_ONCE = {b"from", b"to", b"subject", b"date", b"message-id", b"sender", b"reply-to", b"mime-version"}
_REPLACED = re.compile(rb"(?im)^(?:message-id|date|return-path|x-ses-[a-z-]+):.*\r\n(?:[ \t].*\r\n)*")

Answer = tuple[int, str, str] | str
"""Status, code and message of an error; or `HANG_UP`, after the mail was taken."""


@dataclass(frozen=True)
class Sent:
    """A mail that SES took: as it was given, and as it arrives."""

    name: str
    values: dict[str, Any]
    given: Mail
    arrives: Mail

    @property
    def tags(self) -> dict[str, str]:
        return {tag["Name"]: tag["Value"] for tag in self.values.get("EmailTags", [])}


def _nothing_special(_: str) -> Answer | None:
    return None


@dataclass
class Ses:
    """An account: `manner` may answer a recipient with an error; `quota` is what GetAccount says."""

    url: str = ""
    domain: str = "cis.test"
    sandbox: bool = False
    """Only the mailbox simulator is mailed, as in an account that has verified no address."""
    sent: list[Sent] = field(default_factory=list)
    account_asked: int = 0
    suppressed: list[tuple[str, str, float]] = field(default_factory=list)
    """Address, reason and time of the account's suppression list."""
    page: int = 1_000
    lists_asked: list[dict[str, Any]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    """Paths that the account's policy does not allow."""
    errors: list[str] = field(default_factory=list)
    manner: Callable[[str], Answer | None] = _nothing_special
    on_sent: Callable[[], None] = lambda: None
    quota: dict[str, float] = field(
        default_factory=lambda: {"Max24HourSend": 1e6, "MaxSendRate": 1e5, "SentLast24Hours": 0.0}
    )

    @property
    def mails(self) -> list[Mail]:
        return [sent.arrives for sent in self.sent]

    @property
    def outbox(self) -> str:
        return f"ses://{REGION}?endpoint={self.url}&configuration_set=invites"

    async def answer(self, asked: Asked) -> Told | None:
        if why := unsigned(asked):
            return self._error(403, "InvalidSignatureException", why)
        if asked.path in self.refused:
            return self._error(403, "AccessDeniedException", f"not authorized to call {asked.path}")
        if (asked.method, asked.path) == ("GET", _SUPPRESSED):
            return self._list(dict(parse_qsl(urlsplit(asked.target).query)))
        if (asked.method, asked.path) == ("POST", _SEND):
            return self._take(json.loads(asked.body))
        if (asked.method, asked.path) == ("GET", _ACCOUNT):
            self.account_asked += 1
            said = {"SendingEnabled": True, "ProductionAccessEnabled": not self.sandbox}
            return _well({"SendQuota": self.quota, **said})
        return self._error(404, "UnknownOperationException", asked.target)

    def _list(self, query: dict[str, str]) -> Told:
        values: dict[str, Any] = {**query, "PageSize": int(query["PageSize"])}
        shape = awsmodels.operation("ListSuppressedDestinations").input_shape
        if wrong := awsmodels.complaints(values, shape):
            return self._error(400, "BadRequestException", wrong)
        self.lists_asked.append(values)
        since = datetime.fromisoformat(query.get("StartDate", "1970-01-01T00:00:00Z")).timestamp()
        first = int(query.get("NextToken", "0"))
        found = [entry for entry in self.suppressed if entry[2] >= since]
        last = first + min(self.page, values["PageSize"])
        names = "EmailAddress", "Reason", "LastUpdateTime"
        answer: dict[str, Any] = {
            "SuppressedDestinationSummaries": [dict(zip(names, e, strict=True)) for e in found[first:last]]
        }
        return _well(answer | ({"NextToken": str(last)} if len(found) > last else {}))

    def _take(self, body: dict[str, Any]) -> Told | None:
        values = awsmodels.send_email_values(body)
        wrong = awsmodels.complaints(values, awsmodels.operation("SendEmail").input_shape)
        content = values["Content"]["Raw"]["Data"]
        wrong = wrong or _unfit(content, self.domain)
        if wrong:
            return self._error(400, "BadRequestException", wrong)
        (recipient,) = values["Destination"]["ToAddresses"]
        answer = self._unverified(recipient) if self.sandbox else self.manner(recipient)
        if isinstance(answer, tuple):
            return self._error(*answer)
        sent = self._keep(values, content, recipient)
        self.on_sent()
        return None if answer == HANG_UP else _well({"MessageId": sent.name})

    def _unverified(self, recipient: str) -> Answer | None:
        """The refusal of an account in the sandbox; none for the simulator."""
        if recipient.endswith("@simulator.amazonses.com"):
            return None
        why = f"The following identities failed the check in region {REGION.upper()}: {recipient}"
        return 400, "MessageRejected", f"Email address is not verified. {why}"

    def _keep(self, values: dict[str, Any], content: bytes, recipient: str) -> Sent:
        name = f"0102018f{len(self.sent):08x}-{len(self.sent):08x}-0000-4000-8000-000000000000-000000"
        sender = str(values.get("FeedbackForwardingEmailAddress", ""))
        arrives = Mail(f"{name}@{REGION}.amazonses.com", recipient, rewritten(content, name))
        sent = Sent(name, values, Mail(sender, recipient, content), arrives)
        self.sent.append(sent)
        return sent

    def _error(self, status: int, code: str, message: str) -> Told:
        self.errors.append(code)
        return Told(status, {"x-amzn-errortype": f"{code}:"}, json.dumps({"message": message}).encode())


def _well(values: dict[str, Any]) -> Told:
    return Told(200, {"content-type": "application/json"}, json.dumps(values).encode())


def unsigned(asked: Asked, name: str = "ses", where: str = "") -> str:
    """Why the signature is not good; empty if it is. `where`: a region that is not `REGION`."""
    said = _AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
    if not said:
        return "no signature"
    access, _, region, service, _ = said[1].split("/")
    headers = {name: asked.headers[name] for name in said[2].split(";")}
    url = f"http://{asked.headers['host']}{asked.target}"
    stamp = asked.headers["x-amz-date"]
    scope = service, region
    names, expected = awsmodels.signature(asked.method, url, headers, asked.body, KEYS, scope, stamp)
    good = (access, scope, names, expected) == (KEYS.access, (name, where or REGION), said[2], said[3])
    return "" if good else "the signature is not the one that was computed"


def _unfit(content: bytes, domain: str) -> str:
    """What SES documents that it refuses."""
    head, _, _ = content.partition(b"\r\n\r\n")
    if any(len(line) > _LINE_MAX for line in content.split(b"\r\n")):
        return "Message contains lines that are too long"
    names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    twice = {name for name in names if name in _ONCE and names.count(name) > 1}
    if twice:
        return f"Duplicate header {twice}"
    sender = re.search(rb"(?im)^from:.*?([^\s<]+@[^\s>]+)>?\r?$", head)
    if not sender or not sender[1].lower().endswith(f"@{domain}".encode()):
        return f"Email address is not verified: {sender}"
    return ""


def rewritten(content: bytes, name: str) -> bytes:
    """The mail as it arrives: Message-ID, Date and Return-Path are SES's own, and X-SES headers are gone."""
    head, _, body = content.partition(b"\r\n\r\n")
    kept = _REPLACED.sub(b"", head + b"\r\n")
    own = (
        f"Return-Path: <{name}@{REGION}.amazonses.com>\r\nMessage-ID: <{name}@{REGION}.amazonses.com>\r\n"
        f"Date: {formatdate(usegmt=True)}\r\nFeedback-ID: 1.{REGION}.x:AmazonSES\r\nX-SES-Outgoing: 2027.03.01\r\n"
    )
    return own.encode() + kept + b"\r\n" + body


@asynccontextmanager
async def ses(**values: Any) -> AsyncIterator[Ses]:
    """An account of SES at a port of this machine."""
    account = Ses(**values)

    async def handler(asked: Asked) -> Told | None:
        return await account.answer(asked)

    async with answering(handler) as stub:
        account.url = stub.url
        yield account


__all__ = ["ENVIRONMENT", "HANG_UP", "KEYS", "REGION", "Sent", "Ses", "ses"]
