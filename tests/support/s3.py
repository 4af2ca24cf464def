"""Amazon S3 for tests: one bucket, signed requests judged by botocore, their names held against its model."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.support import awsmodels
from tests.support.httpstub import Asked, Told, answering
from tests.support.ses import unsigned

NAME = "cis-mail"
_OPERATIONS = {"GET": "GetObject", "HEAD": "HeadObject", "PUT": "PutObject", "DELETE": "DeleteObject"}
_HEADERS = {"range", "if-match"}


@dataclass
class S3:
    """A bucket: objects by their keys, each with its time."""

    url: str = ""
    name: str = NAME
    objects: dict[str, tuple[bytes, datetime]] = field(default_factory=dict)
    page: int = 1_000
    region: str = ""
    """Another region, where the bucket is."""
    read: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    listed: int = 0
    refused: list[str] = field(default_factory=list)
    denied: bool = False

    def put(self, key: str, data: bytes, at: datetime) -> None:
        self.objects[key] = data, at

    async def answer(self, asked: Asked) -> Told:
        if self.region and f"/{self.region}/s3/" not in asked.headers["authorization"]:
            return self._error(301, "PermanentRedirect", "it is elsewhere")
        if wrong := unsigned(asked, "s3", self.region):
            return self._error(403, "SignatureDoesNotMatch", wrong)
        if self.denied:
            return self._error(403, "AccessDenied", "no")
        query = dict(parse_qsl(urlsplit(asked.target).query, keep_blank_values=True))
        _, bucket, key = unquote(urlsplit(asked.target).path).split("/", 2)
        if bucket != self.name:
            return self._error(404, "NoSuchBucket", bucket)
        operation = _OPERATIONS[asked.method] if key else "ListObjectsV2"
        own = [name for name in asked.headers if name in _HEADERS]
        if strange := awsmodels.unknown(operation, "s3", query.keys() - {"list-type"}, own):
            return self._error(400, "InvalidArgument", str(strange))
        return self._object(asked, key) if key else self._list(query)

    def _object(self, asked: Asked, key: str) -> Told:
        if asked.method == "PUT":
            self.written.append(key)
            self.put(key, asked.body, datetime.now(UTC))
            return Told(200, {"etag": f'"{len(asked.body)}"'})
        if asked.method == "DELETE":
            self.objects.pop(key, None)
            return Told(204)
        if key not in self.objects:
            return self._error(404, "NoSuchKey", key)
        data, at = self.objects[key]
        about = {"last-modified": format_datetime(at.astimezone(UTC), usegmt=True), "etag": f'"{len(data)}"'}
        if asked.method == "HEAD":
            return Told(
                raw=Told(200, about | {"content-length": str(len(data))}).wire.replace(
                    b"content-length: 0\r\n", b""
                )
            )
        self.read.append(key)
        piece = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", ""))
        assert piece, asked.headers
        first, last = int(piece[1]), min(int(piece[2]), len(data) - 1)
        if first > last:
            return self._error(416, "InvalidRange", "The requested range is not satisfiable")
        return Told(
            206, about | {"content-range": f"bytes {first}-{last}/{len(data)}"}, data[first : last + 1]
        )

    def _list(self, query: dict[str, str]) -> Told:
        self.listed += 1
        keys = sorted(key for key in self.objects if key.startswith(query["prefix"]))
        first = int(query.get("continuation-token", "0"))
        last = first + min(self.page, int(query["max-keys"]))
        entries = "".join(
            f"<Contents><Key>{escape(key)}</Key><LastModified>{at:%Y-%m-%dT%H:%M:%S.000Z}</LastModified>"
            f"<ETag>x</ETag><Size>{len(data)}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key in keys[first:last]
            for data, at in [self.objects[key]]
        )
        more = f"<NextContinuationToken>{last}</NextContinuationToken>" if len(keys) > last else ""
        truncated = f"<IsTruncated>{str(bool(more)).lower()}</IsTruncated>"
        listed = f"<Name>{self.name}</Name>{truncated}{entries}{more}"
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult>{listed}</ListBucketResult>'
        return Told(200, {"content-type": "application/xml"}, body.encode())

    def _error(self, status: int, code: str, message: str) -> Told:
        self.refused.append(code)
        body = f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        headers = {"x-amz-bucket-region": self.region} if self.region else {}
        return Told(status, headers, body.encode())


@asynccontextmanager
async def s3(kind: type[S3] = S3, **values: object) -> AsyncIterator[S3]:
    """A bucket at a port of this machine."""
    bucket = kind(**values)  # type: ignore[arg-type]
    async with answering(bucket.answer) as stub:
        bucket.url = stub.url
        yield bucket
