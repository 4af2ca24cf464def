"""Calls to one AWS service: signed, sent and read, most of them as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol
from xml.sax.saxutils import unescape

from engine.aws.connections import ServiceConnections, ServiceEndpoint, ServiceResponse
from engine.aws.errors import AwsRefused, Unanswered
from engine.aws.signing import Request, RequestSigner, SigningKeys

_AGENT = "cis-mcp"
_CODE_MAX, _MESSAGE_MAX = 100, 1_000
_WELL = 300
_XML = re.compile(rb"<(Code|Message)>([^<]*)</")


class Credentials(Protocol):
    """A source of keys."""

    async def keys(self) -> SigningKeys: ...

    def forget(self) -> None: ...


class ServiceClient:
    """Signs and sends requests; it retries nothing, since only the caller knows which calls may be repeated."""

    def __init__(
        self,
        service: str,
        region: str,
        endpoint: ServiceEndpoint,
        credentials: Credentials,
        clock: Callable[[], datetime],
    ) -> None:
        self._signer = RequestSigner(service, region)
        self._host = endpoint.authority
        self._credentials = credentials
        self._clock = clock
        self._connections = ServiceConnections(endpoint)
        self.ahead_s = 0.0
        """The seconds that the service's clock is surely ahead of ours, by its responses; below 0, it is behind."""

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> ServiceResponse:
        """The service's response; `path` must be encoded. Raises AwsRefused, Unreached, Unanswered, NoCredentials."""
        request = Request(method, self._host, path, query, headers, body)
        keys = await self._credentials.keys()
        asked = self._clock()
        signed = self._signer.headers(request, keys, asked)
        response = await self._connections.ask(_wire(request, signed))
        self._compare_clocks(asked, response.headers.get("date", ""))
        if response.status < _WELL:
            return response
        refused = _refusal(response)
        if refused.stale_keys:
            self._credentials.forget()
        raise refused

    def _compare_clocks(self, asked: datetime, date: str) -> None:
        """Compare our clock with the date of a response, which was made after `asked` and leaves out the fraction."""
        try:
            there = parsedate_to_datetime(date)
            least, most = (there - self._clock()).total_seconds(), (there - asked).total_seconds() + 1
        except (TypeError, ValueError):
            return
        self.ahead_s = min(max(self.ahead_s, least), most)

    async def close(self) -> None:
        """Close the connections."""
        await self._connections.close()


class JsonClient(ServiceClient):
    """A client of a service whose requests and responses are JSON."""

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> dict[str, Any]:
        """The JSON object in the service's response. Raises AwsRefused, Unreached, Unanswered, NoCredentials."""
        return _object(await self.ask(method, path, query=query, headers=headers, body=body))


def _wire(request: Request, headers: Mapping[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = (
        f"{request.method} {request.target} HTTP/1.1\r\n{lines}"
        f"user-agent: {_AGENT}\r\ncontent-length: {len(request.body)}\r\n\r\n"
    )
    return head.encode("latin-1") + request.body


def _object(response: ServiceResponse) -> dict[str, Any]:
    """The JSON object in a response. Raises Unanswered if there is none, since the request did take effect."""
    try:
        found = json.loads(response.body) if response.body else {}
    except ValueError as error:
        raise Unanswered("the answer is no JSON") from error
    if not isinstance(found, dict):
        raise Unanswered("the answer is no JSON object")
    return found


def _refusal(response: ServiceResponse) -> AwsRefused:
    """The error with its code from a header or the body (AWS JSON 1.0 and 1.1, REST JSON, REST XML)."""
    values = _error(response.body)
    code = response.headers.get("x-amzn-errortype") or values.get("__type") or values.get("code") or ""
    message = str(values.get("message") or values.get("Message") or "") + _reasons(values)
    bare = str(code).partition(":")[0].rpartition("#")[2]
    return AwsRefused(
        bare[:_CODE_MAX] or f"HTTP {response.status}",
        str(message)[:_MESSAGE_MAX],
        response.status,
        response.headers.get("x-amz-bucket-region", ""),
    )


def _reasons(values: Mapping[str, object]) -> str:
    """Why DynamoDB cancelled a transaction, item by item; the error's text names the reasons in no guaranteed form."""
    reasons = values.get("CancellationReasons")
    codes = (
        [str(one.get("Code")) for one in reasons if isinstance(one, dict)]
        if isinstance(reasons, list)
        else []
    )
    return f" [{', '.join(codes)}]" if codes else ""


def _error(body: bytes) -> dict[str, object]:
    if body.lstrip()[:1] == b"<":
        found = {
            name.decode(): unescape(value.decode(errors="replace")) for name, value in _XML.findall(body)
        }
        return {"code": found.get("Code", ""), "message": found.get("Message", "")}
    try:
        values = json.loads(body)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}
