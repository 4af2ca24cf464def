"""Exports all tables to an S3 bucket every night, as CSV and, if pyarrow is installed, as Parquet (`CIS_EXPORT`).

An object in the bucket marks each night that is done, so that no state is stored here, and several processes, or one
that restarts, write each night once.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

from engine.aws.chain import CredentialChain, NoCredentials
from engine.aws.connections import ServiceEndpoint
from engine.aws.errors import AwsRefused, Unanswered, Unreached
from engine.aws.s3 import BUCKET, Bucket
from engine.engine import Engine
from engine.exporting.files import Form, writer
from engine.model.exports import Cells, ExportQuery, Table
from engine.refusals import Refused

log = logging.getLogger(__name__)

_HOUR = 2
"""The hour (UTC) from which on a night is exported."""
_PART = 100_000
"""The most rows of a file: about 15 MB, which are in memory while it is written."""
_AGAIN = timedelta(hours=1)
_FORM = "s3://BUCKET/PREFIX[?region=REGION][&endpoint=URL][&addresses=yes]"
MEDIA = {Form.CSV: "text/csv", Form.PARQUET: "application/vnd.apache.parquet"}


@dataclass(frozen=True)
class ExportTarget:
    """The destination of the tables; the prefix is empty or ends with a slash."""

    bucket: str
    prefix: str
    region: str = ""
    endpoint: str = ""
    addresses: bool = False

    @classmethod
    def of(cls, url: str) -> ExportTarget:
        """The destination that the setting's URL names. Raises ValueError."""
        parts = urlsplit(url.strip())
        options = dict(parse_qsl(parts.query))
        wrong = options.keys() - {"region", "endpoint", "addresses"}
        if parts.scheme != "s3" or not BUCKET.fullmatch(parts.netloc) or wrong or parts.fragment:
            raise ValueError(f"must be {_FORM}")
        if options.get("addresses", "no") not in {"yes", "no"}:
            raise ValueError("addresses must be yes or no")
        if endpoint := options.get("endpoint", ""):
            ServiceEndpoint.of(endpoint)
        prefix = parts.path.strip("/")
        return cls(
            parts.netloc,
            f"{prefix}/" if prefix else "",
            options.get("region", ""),
            endpoint,
            options.get("addresses") == "yes",
        )


class Nights:
    """Runs the nightly export in a background task, which ends with the server."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._place = ExportTarget.of(engine.settings.export) if engine.settings.export else None
        self._task: asyncio.Task[None] | None = None
        self._next: datetime | None = None

    def look(self) -> None:
        """Start the export if it is due; otherwise this costs no more than reading the clock."""
        now = self._engine.clock()
        if self._place is None or now.hour < _HOUR or (self._next and now < self._next):
            return
        if self._task is None or self._task.done():
            self._next = now + _AGAIN
            self._task = asyncio.create_task(self._night(self._place))

    async def ended(self) -> None:
        """Wait for the running export, if any."""
        if self._task:
            await self._task

    async def stop(self) -> None:
        """Cancel a running export; the night is then exported again from the start."""
        if self._task:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _night(self, place: ExportTarget) -> None:
        try:
            written = await export(self._engine, place)
        except (AwsRefused, Unreached, Unanswered, NoCredentials, Refused) as error:
            log.warning(
                "the nightly export failed with %s; it is tried again in an hour", type(error).__name__
            )
        else:
            if written:
                log.info("the nightly export wrote %d objects", written)


async def export(engine: Engine, place: ExportTarget) -> int:
    """Export all tables unless tonight's export is done, and return how many objects were written; 0 if it was done.

    Raises AwsRefused, Unreached, Unanswered, NoCredentials, Refused.
    """
    chain = CredentialChain()
    bucket = Bucket(place.bucket, place.region or await chain.region(), place.endpoint, chain, engine.clock)
    try:
        done = f"{place.prefix}_done/{engine.clock():%Y-%m-%d}"
        if await _there(bucket, done):
            return 0
        written = {done}
        for table in Table:
            written |= await _table(engine, bucket, place, table)
        await bucket.write(done, b"", "text/plain")
        await _clear(bucket, place.prefix, written)
        return len(written)
    finally:
        await bucket.close()


async def _there(bucket: Bucket, key: str) -> bool:
    found, _ = await bucket.page(key)
    return any(one.key == key for one in found)


async def _table(engine: Engine, bucket: Bucket, place: ExportTarget, table: Table) -> set[str]:
    """Write the files of one table and the manifest of its CSV files for QuickSight; return their keys."""
    forms = [Form.CSV, *([Form.PARQUET] if _parquet() else [])]
    keys: set[str] = set()
    csv: list[str] = []
    rows = engine.table_rows(ExportQuery(table=table), engine.local, masked=not place.addresses)
    number = 0
    async for part in _parts(rows):
        for form in forms:
            key = f"{place.prefix}{table.value}/{form.value}/part-{number:05}.{form.value}"
            await bucket.write(key, await asyncio.to_thread(_file, table, form, part), MEDIA[form])
            keys.add(key)
            csv += [key] if form is Form.CSV else []
        number += 1
    manifest = f"{place.prefix}{table.value}/manifest.json"
    await bucket.write(manifest, _manifest(place.bucket, csv), "application/json")
    return {*keys, manifest}


async def _parts(rows: AsyncIterator[list[Cells]]) -> AsyncIterator[list[Cells]]:
    """The rows in parts, one per file; without rows there is one empty part, whose file names the columns."""
    part: list[Cells] = []
    none = True
    async for page in rows:
        part += page
        if len(part) >= _PART:
            yield part
            part, none = [], False
    if part or none:
        yield part


def _file(table: Table, form: Form, rows: list[Cells]) -> bytes:
    made = writer(table, form)
    return made.add(rows) + made.end()


def _manifest(bucket: str, keys: list[str]) -> bytes:
    """The manifest from which Amazon QuickSight finds the files."""
    settings = {"format": "CSV", "delimiter": ",", "textqualifier": '"', "containsHeader": "true"}
    files = [{"URIs": [f"s3://{bucket}/{key}" for key in keys]}]
    return json.dumps({"fileLocations": files, "globalUploadSettings": settings}, indent=1).encode()


def _parquet() -> bool:
    try:
        writer(Table.LINKS, Form.PARQUET)
    except Refused:
        return False
    return True


async def _clear(bucket: Bucket, prefix: str, kept: set[str]) -> None:
    """Delete objects of earlier nights in our own folders, such as parts that a table no longer has."""
    ours = (*(f"{prefix}{table.value}/" for table in Table), f"{prefix}_done/")
    for folder in ours:
        following = ""
        while True:
            found, following = await bucket.page(folder, following)
            for one in found:
                if one.key not in kept:
                    await bucket.delete(one.key)
            if not following:
                break
