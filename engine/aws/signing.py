"""Signature Version 4: requests are signed with a key for one day, region and service, which is cached."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """The keys for signing; only temporary credentials (roles, SSO) have a `token`."""

    access: str
    secret: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: `path` without the query, and `headers` to sign besides Host and the date."""

    method: str
    host: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] | None = None
    body: bytes = b""

    @property
    def target(self) -> str:
        """Path and query as they are sent."""
        return f"{self.path}?{query_text(self.query)}" if self.query else self.path


class RequestSigner:
    """Signs requests to one service in one region."""

    def __init__(self, service: str, region: str) -> None:
        self._scope = f"{region}/{service}/aws4_request"
        self._plain = service == "s3"
        self._day: tuple[str, str] = ("", "")
        self._key = b""

    def headers(self, request: Request, keys: SigningKeys, now: datetime) -> dict[str, str]:
        """All headers of the signed request, in lower case; `now` must be aware."""
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {name.lower(): _trimmed(value) for name, value in (request.headers or {}).items()}
        headers["host"], headers["x-amz-date"] = request.host, stamp
        if keys.token:
            headers["x-amz-security-token"] = keys.token
        body = hashlib.sha256(request.body).hexdigest()
        if self._plain:
            headers["x-amz-content-sha256"] = body
        names = sorted(headers)
        signed = ";".join(names)
        scope = f"{stamp[:8]}/{self._scope}"
        lines = "".join(f"{name}:{headers[name]}\n" for name in names)
        path = request.path if self._plain else quote(request.path, safe="/~")
        canonical = _canonical(request, path, lines, signed, body)
        to_sign = f"{_ALGORITHM}\n{stamp}\n{scope}\n{canonical}"
        signature = hmac.digest(self._day_key(keys.secret, stamp[:8]), to_sign.encode(), "sha256").hex()
        headers["authorization"] = (
            f"{_ALGORITHM} Credential={keys.access}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )
        return headers

    def _day_key(self, secret: str, day: str) -> bytes:
        """The signing key of one day, derived again for another day or other credentials."""
        if self._day != (secret, day):
            key = f"AWS4{secret}".encode()
            for part in (day, *self._scope.split("/")):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day, self._key = (secret, day), key
        return self._key


def _canonical(request: Request, path: str, headers: str, signed: str, body: str) -> str:
    """The digest of the canonical request, whose path, except for S3, is encoded once more than the one sent."""
    text = f"{request.method}\n{path}\n{query_text(request.query)}\n{headers}\n{signed}\n{body}"
    return hashlib.sha256(text.encode()).hexdigest()


def query_text(query: Sequence[tuple[str, str]]) -> str:
    """The query, sorted and encoded for signing, and sent in the same form."""
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query)
    return "&".join(f"{name}={value}" for name, value in pairs)


def _trimmed(value: str) -> str:
    return " ".join(value.split())
