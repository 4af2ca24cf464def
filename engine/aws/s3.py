"""Objects of Amazon S3: read (in pieces if long), write, delete and list them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from urllib.parse import quote

from engine.aws.chain import CredentialChain
from engine.aws.client import ServiceClient
from engine.aws.connections import ServiceEndpoint, ServiceResponse
from engine.aws.errors import AwsRefused, Unanswered

BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
KEY_MAX = 1_024
"""The most bytes of a key in UTF-8."""
_PIECE = 8_000_000
_PAGE = 1_000
_MOVED = {301, 307, 400}
_CONTENTS = re.compile(r"<Contents>(.*?)</Contents>", re.DOTALL)
_VALUE = re.compile(r"<(Key|LastModified|Size|NextContinuationToken)>([^<]*)</")


@dataclass(frozen=True, slots=True)
class Object:
    """The metadata of an object, from a listing or its head."""

    key: str
    at: datetime
    size: int


@dataclass(frozen=True, slots=True)
class Piece:
    """An object with its first bytes, or all of them if there are no more than requested."""

    about: Object
    data: bytes
    etag: str = ""


class Bucket:
    """A bucket by its name. Each call raises AwsRefused, Unreached, Unanswered, NoCredentials."""

    def __init__(
        self,
        name: str,
        region: str,
        endpoint: str,
        credentials: CredentialChain,
        clock: Callable[[], datetime],
    ) -> None:
        """`endpoint`: empty for the region's own; S3 redirects if the bucket is in another region."""
        self.name = name
        self._region = region
        self._endpoint = endpoint
        self._credentials = credentials
        self._clock = clock
        self._client: ServiceClient | None = None
        self._root = ""
        self._opening = asyncio.Lock()

    async def read(self, key: str, most: int) -> Piece:
        """The first `most` + 1 bytes of an object, which must not change while it is read."""
        piece = await self._piece(key, 0, min(_PIECE, most + 1))
        found = bytearray(piece.data)
        whole = min(piece.about.size, most + 1)
        while len(found) < whole:
            more = await self._piece(key, len(found), min(_PIECE, whole - len(found)), piece.etag)
            if not more.data:
                raise Unanswered("the object ended early")
            found += more.data
        return Piece(piece.about, bytes(found), piece.etag)

    async def head(self, key: str) -> Object:
        """The metadata of an object, without reading it."""
        return _about(key, await self._ask("HEAD", key))

    async def page(self, prefix: str, following: str = "") -> tuple[list[Object], str]:
        """Objects in order of their keys, and the token of the next page, empty at the end."""
        query = [("list-type", "2"), ("prefix", prefix), ("max-keys", str(_PAGE))]
        query += [("continuation-token", following)] * bool(following)
        text = (await self._ask("GET", "", query=query)).body.decode()
        found = [_listed(dict(_VALUE.findall(each))) for each in _CONTENTS.findall(text)]
        rest = dict(_VALUE.findall(_CONTENTS.sub("", text)))
        return found, unescape(rest.get("NextContinuationToken", ""))

    async def write(self, key: str, data: bytes, media: str) -> None:
        """Write an object, replacing any with this key."""
        await self._ask("PUT", key, headers={"content-type": media}, body=data)

    async def delete(self, key: str) -> None:
        """Delete an object, if it exists."""
        await self._ask("DELETE", key)

    async def close(self) -> None:
        """Close the connections."""
        if self._client:
            await self._client.close()

    async def _piece(self, key: str, start: int, size: int, etag: str = "") -> Piece:
        headers = {"range": f"bytes={start}-{start + size - 1}"} | ({"if-match": etag} if etag else {})
        try:
            response = await self._ask("GET", key, headers=headers)
        except AwsRefused as refused:
            if refused.code != "InvalidRange" or start:
                raise
            return Piece(await self.head(key), b"")  # an empty object
        return Piece(_about(key, response), response.body[:size], response.headers.get("etag", ""))

    async def _ask(
        self,
        method: str,
        key: str,
        *,
        query: list[tuple[str, str]] | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> ServiceResponse:
        client = await self._open()
        path = f"{self._root}/{quote(key, safe='/~')}"
        try:
            return await client.ask(method, path, query=query or (), headers=headers, body=body)
        except AwsRefused as refused:
            if refused.status not in _MOVED or refused.region in {"", self._region}:
                raise
            self._region = refused.region
        await self.close()
        self._client = None
        client = await self._open()
        path = f"{self._root}/{quote(key, safe='/~')}"
        return await client.ask(method, path, query=query or (), headers=headers, body=body)

    async def _open(self) -> ServiceClient:
        """The client, created once even if several callers need it at the same time."""
        async with self._opening:
            if self._client is None:
                self._client = await self._made()
            return self._client

    async def _made(self) -> ServiceClient:
        """The client: by the bucket's own host name, or by its path at an endpoint and for names with periods."""
        own = f"https://{await self._credentials.host('s3', self._region)}"
        url = self._endpoint or await self._credentials.url("s3", "s3", self._region)
        self._root = f"/{self.name}"
        if url == own and "." not in self.name:
            url, self._root = own.replace("://", f"://{self.name}."), ""
        return ServiceClient("s3", self._region, ServiceEndpoint.of(url), self._credentials, self._clock)


def _about(key: str, response: ServiceResponse) -> Object:
    total = response.headers.get("content-range", "").rpartition("/")[2]
    size = total if total.isdecimal() else response.headers.get("content-length", str(len(response.body)))
    try:
        at = parsedate_to_datetime(response.headers.get("last-modified", "")).astimezone(UTC)
        return Object(key, at, int(size))
    except ValueError as error:
        raise Unanswered("S3 does not say when the object was made") from error


def _listed(values: dict[str, str]) -> Object:
    at = datetime.fromisoformat(values["LastModified"]).astimezone(UTC)
    return Object(unescape(values["Key"]), at, int(values["Size"]))
