"""The Amazon SES transport: SendEmail of its API v2, with the raw mail."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import Field

from engine.aws.chain import CredentialChain, NoCredentials
from engine.aws.client import JsonClient
from engine.aws.connections import ServiceEndpoint
from engine.aws.errors import AwsRefused, ErrorClass, Unanswered, Unreached
from engine.mail.incoming.sesnotice import TAG_EVENT, TAG_ROW
from engine.model.base import Value
from engine.model.counters import Quota
from engine.outbox.account_list import ListedAddress, ListedPage
from engine.outbox.transport import Accepted, Envelope, Rejected, Settle, send_each

_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+){1,3}-[0-9]{1,2}")
_SET = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""What SES takes as the value of a tag; the uid of an imported event may be anything, and its mail leaves without."""
_CONNECTIONS, _CONNECTIONS_MOST = 32, 256
_FORM = "give it as ses://REGION[?endpoint=https://…&configuration_set=…&connections=32]"
_JSON = {"content-type": "application/json"}
_SEND, _ACCOUNT = "/v2/email/outbound-emails", "/v2/email/account"
_SUPPRESSED = "/v2/email/suppression/addresses"
_PAGE = "1000"
_UNLIMITED = -1
_ANSWER_MAX = 500


class SesTarget(Value):
    """Where to send: read from `ses://REGION[?endpoint=…&configuration_set=…&connections=…]`."""

    region: str
    endpoint: str = Field("", description="empty: the region's own")
    configuration_set: str = ""
    connections: int = Field(_CONNECTIONS, description="at most; fewer while SES throttles")

    @classmethod
    def of(cls, url: str) -> SesTarget:
        """Read the URL; raises ValueError with a sentence on what is wrong."""
        parts = urlsplit(url)
        options = {k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        endpoint, name = options.pop("endpoint", ""), options.pop("configuration_set", "")
        connections = options.pop("connections", str(_CONNECTIONS))
        if parts.scheme != "ses" or options or parts.path.strip("/") or not _REGION.fullmatch(parts.netloc):
            raise ValueError(f"CIS_OUTBOX: {_FORM}")
        if name and not _SET.fullmatch(name):
            raise ValueError("CIS_OUTBOX: configuration_set has up to 64 letters, digits, - and _")
        if not connections.isdecimal() or not 1 <= int(connections) <= _CONNECTIONS_MOST:
            raise ValueError(f"CIS_OUTBOX: connections must be from 1 to {_CONNECTIONS_MOST}")
        if endpoint:
            ServiceEndpoint.of(endpoint)
        return cls(
            region=parts.netloc, endpoint=endpoint, configuration_set=name, connections=int(connections)
        )


class SesTransport:
    """Sends by SendEmail, one call a mail; what is sent at once is bounded by the caller."""

    def __init__(
        self,
        target: SesTarget,
        domain: str,
        clock: Callable[[], datetime],
        credentials: CredentialChain | None = None,
    ) -> None:
        self.connections = target.connections
        self.quota_name = f"ses {target.region}"
        self.list_name = f"ses-{target.region}-suppressed"
        self.sandbox = False
        """True if the account, when it was asked for its quota, might mail only addresses that it has verified."""
        self._target = target
        self._domain = domain
        self._clock = clock
        self._chain = credentials or CredentialChain()
        self._client: JsonClient | None = None
        self._opening = asyncio.Lock()

    async def send_many(self, envelopes: Sequence[Envelope], settled: Settle) -> None:
        """Hand mails over one after the other."""
        await send_each(self.send, envelopes, settled)

    async def send(self, envelope: Envelope) -> Accepted:
        """Hand one mail over. Raises Rejected."""
        body = json.dumps(_request(envelope, self._target.configuration_set)).encode()
        found = await self._call("POST", _SEND, body, envelope.recipient)
        name = str(found.get("MessageId", ""))
        return Accepted(answer=f"SES took it as {name}"[:_ANSWER_MAX], transport_id=name)

    async def quota(self) -> Quota:
        """The account's rate, and what is left of its day. Raises Rejected."""
        account = await self._call("GET", _ACCOUNT)
        self.sandbox = account.get("ProductionAccessEnabled") is False
        found = account.get("SendQuota") or {}
        most, rate = float(found.get("Max24HourSend", _UNLIMITED)), float(found.get("MaxSendRate", 0))
        left = None if most < 0 else max(0, int(most - float(found.get("SentLast24Hours", 0))))
        return Quota(rate=max(0.0, rate), remaining=left)

    async def listed(self, since: datetime | None, page: str) -> ListedPage:
        """A page of the account's suppression list, of what came onto it since then. Raises Rejected."""
        query = [("PageSize", _PAGE)] + [("NextToken", page)] * bool(page)
        if since:
            query.append(("StartDate", since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")))
        found = await self._call("GET", _SUPPRESSED, query=query)
        try:
            entries = tuple(map(_listed, found.get("SuppressedDestinationSummaries") or ()))
        except (KeyError, TypeError, ValueError) as error:
            raise Rejected("SES answers no list", permanent=False, server=True) from error
        return ListedPage(entries, str(found.get("NextToken") or ""))

    async def close(self) -> None:
        """Close the connections."""
        if self._client:
            await self._client.close()

    async def _call(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        recipient: str = "",
        query: Sequence[tuple[str, str]] = (),
    ) -> dict[str, Any]:
        try:
            client = await self._open()
            return await client.call(method, path, query=query, headers=_JSON if body else None, body=body)
        except AwsRefused as refused:
            raise _rejection(refused, recipient, self._domain) from refused
        except (Unreached, NoCredentials) as error:
            raise Rejected(str(error)[:_ANSWER_MAX], permanent=False, server=True) from error
        except Unanswered as error:
            raise Rejected(str(error)[:_ANSWER_MAX], permanent=False, server=True, in_doubt=True) from error

    async def _open(self) -> JsonClient:
        """The client; where its host is, botocore's data says, which takes milliseconds to read."""
        async with self._opening:
            if self._client is None:
                region = self._target.region
                url = self._target.endpoint or await self._chain.url("sesv2", "email", region)
                self._client = JsonClient("ses", region, ServiceEndpoint.of(url), self._chain, self._clock)
        return self._client


def _request(envelope: Envelope, configuration_set: str) -> dict[str, Any]:
    """SendEmail's values. Bounces go to the envelope's sender, where there is one; the tags are for events of SES."""
    tags = [{"Name": TAG_ROW, "Value": envelope.row}] if envelope.row else []
    if _TAG.fullmatch(envelope.event_uid):
        tags.append({"Name": TAG_EVENT, "Value": envelope.event_uid})
    request: dict[str, Any] = {
        "Destination": {"ToAddresses": [_ascii(envelope.recipient)]},
        "Content": {"Raw": {"Data": base64.b64encode(envelope.content).decode()}},
    }
    if tags:
        request["EmailTags"] = tags
    if envelope.sender:
        request["FeedbackForwardingEmailAddress"] = envelope.sender
    if configuration_set:
        request["ConfigurationSetName"] = configuration_set
    return request


def _listed(values: dict[str, Any]) -> ListedAddress:
    at = datetime.fromtimestamp(float(values["LastUpdateTime"]), UTC)
    return ListedAddress(str(values["EmailAddress"]), values["Reason"] == "COMPLAINT", at)


def _ascii(address: str) -> str:
    """The address with its domain in ASCII. Raises Rejected for a local part that SES does not take."""
    if address.isascii():
        return address
    local, _, domain = address.rpartition("@")
    try:
        return f"{local.encode('ascii').decode()}@{domain.encode('idna').decode()}"
    except UnicodeError:
        words = "SES accepts no address with a local part that is not ASCII"
        raise Rejected(words, permanent=True) from None


def _rejection(refused: AwsRefused, recipient: str, domain: str) -> Rejected:
    """What an error of SES means for the mail, and for those after it."""
    words = f"{refused.code}: {refused.message}"[:_ANSWER_MAX]
    if _of_the_account(refused, recipient, domain):
        return Rejected(words, permanent=False, server=True)
    if refused.fault is ErrorClass.THROTTLED:
        spent = "daily" in refused.message.lower()
        return Rejected(words, permanent=False, server=True, throttled=True, spent=spent)
    if refused.fault is ErrorClass.PERMANENT:
        return Rejected(words, permanent=True)
    return Rejected(words, permanent=False, server=True)


def _of_the_account(refused: AwsRefused, recipient: str, domain: str) -> bool:
    """True if no mail of ours would be taken: the same code may speak of a recipient, or of our own identity."""
    message = refused.message.lower()
    if refused.fault is ErrorClass.ACCOUNT or "configuration set" in message:
        return True
    theirs = recipient.lower() in message and f"@{domain}" not in message
    return "not verified" in message and not theirs
