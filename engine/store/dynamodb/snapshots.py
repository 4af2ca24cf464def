"""Images of the search file in an S3 bucket, one of which a new process reads at its start.

An image is used only if the table has its SHA-256, so that write access to the bucket alone cannot inject anything.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import datetime
from urllib.parse import parse_qsl, urlsplit

from engine.aws.chain import CredentialChain, NoCredentials
from engine.aws.errors import AwsRefused, Unanswered, Unreached
from engine.aws.s3 import BUCKET, Bucket
from engine.model.base import Value
from engine.refusals import Code, Refused
from engine.store.dynamodb.rows import KindTable

_FORM = "s3://BUCKET/PREFIX[?region=REGION][&endpoint=URL]"
IMAGE_MAX = 256_000_000
"""The most bytes of an image; none is made of a larger file."""
_LASTS_S = 7 * 86_400.0
"""The seconds for which an image is used, since how far ahead series are listed moves with time."""
_FAULTS = (AwsRefused, Unreached, Unanswered, NoCredentials, OSError)
log = logging.getLogger(__name__)


class SearchSnapshot(Value):
    """The newest image: its file format, how far it includes the log, and when it was made."""

    digest: str
    form: str
    places: tuple[int, ...]
    made: float


SNAPSHOTS = KindTable[SearchSnapshot](
    "search-snapshot", SearchSnapshot, key=lambda _: ("all",), checked=False
)


class Images:
    """Images by the SHA-256 of the object in the bucket; failures are only logged."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    @classmethod
    async def of(cls, address: str, clock: Callable[[], datetime]) -> Images:
        """The images at an address, which is checked without a connection. Raises Refused: NOT_ALLOWED."""
        parts = urlsplit(address)
        options = dict(parse_qsl(parts.query))
        if (
            parts.scheme != "s3"
            or not BUCKET.fullmatch(parts.netloc)
            or options.keys() - {"region", "endpoint"}
        ):
            raise Refused(Code.NOT_ALLOWED, f"CIS_SEARCH_SNAPSHOT must be {_FORM}")
        chain = CredentialChain()
        region = options.get("region") or await chain.region()
        prefix = parts.path.strip("/")
        bucket = Bucket(parts.netloc, region, options.get("endpoint", ""), chain, clock)
        return cls(bucket, f"{prefix}/" if prefix else "")

    def _key(self, digest: str) -> str:
        return f"{self._prefix}search-{digest}"

    async def read(self, digest: str) -> bytes | None:
        """The image with this digest; None if it is missing or differs."""
        try:
            piece = await self._bucket.read(self._key(digest), IMAGE_MAX)
        except _FAULTS as fault:
            log.warning("no snapshot of the search is read: %s; the file is made anew", type(fault).__name__)
            return None
        return await asyncio.to_thread(_unpacked, piece.data, digest)

    async def write(self, image: bytes) -> str | None:
        """Store an image and return its digest; None if that failed."""
        packed = await asyncio.to_thread(zlib.compress, image, 3)
        digest = hashlib.sha256(packed).hexdigest()
        try:
            await self._bucket.write(self._key(digest), packed, "application/octet-stream")
        except _FAULTS as fault:
            log.warning("no snapshot of the search is written: %s", type(fault).__name__)
            return None
        return digest

    async def drop(self, digest: str) -> None:
        """Delete an image that the table no longer names."""
        try:
            await self._bucket.delete(self._key(digest))
        except _FAULTS as fault:
            log.warning("an old snapshot of the search stays: %s", type(fault).__name__)

    async def close(self) -> None:
        """Close the connections."""
        await self._bucket.close()


def _unpacked(packed: bytes, digest: str) -> bytes | None:
    if hashlib.sha256(packed).hexdigest() != digest:
        log.warning("a snapshot of the search is not what the table says; the file is made anew")
        return None
    # It has the digest in the table, so it was made here and is no larger than allowed.
    return zlib.decompress(packed)


def fits(snapshot: SearchSnapshot, form: str, heads: Sequence[int]) -> bool:
    """True if an image is of this form of file, of this log, and not too old."""
    young = 0 <= time.time() - snapshot.made < _LASTS_S
    behind = len(snapshot.places) == len(heads) and all(
        p <= h for p, h in zip(snapshot.places, heads, strict=True)
    )
    return snapshot.form == form and young and behind
