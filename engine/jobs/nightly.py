"""Exports all tables to an S3 bucket every night, as CSV and, if pyarrow is installed, as Parquet (`CIS_EXPORT`).

An object in the bucket marks each night that is done. Of several processes, the one that has the turn writes it; the
files of each run have names of its own, and a table's manifest is written last, so that it never names parts of two.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
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
from engine.refusals import Code, Refused

log = logging.getLogger(__name__)

_HOUR = 2
"""The hour (UTC) from which on a night is exported."""
_PART = 100_000
"""The most rows of a file: about 15 MB, which are in memory while it is written."""
_AGAIN = timedelta(hours=1)
_TURN_S = 600.0
"""Seconds after which another process may take the turn of one that does not keep it, since it died."""
_KEPT = timedelta(minutes=1)
_FILE = re.compile(r"(csv|parquet)/part-(\d{8}T\d{6}-)?\d{5,}\.\1")
"""What an export calls a table's files, below the table's own name; earlier versions gave no time."""
_NIGHT = re.compile(r"\d{4}-\d\d-\d\d")
_FAULTS = (AwsRefused, Unreached, Unanswered, NoCredentials, Refused)
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
        except _FAULTS as error:
            log.warning(
                "the nightly export failed with %s; it is tried again in an hour", type(error).__name__
            )
        except Exception:
            log.exception("the nightly export failed by a fault of ours; it is tried again in an hour")
        else:
            if written:
                log.info("the nightly export wrote %d objects", written)


class ExportTurn:
    """The turn to write to one destination, which one process has at a time."""

    def __init__(self, engine: Engine, place: ExportTarget) -> None:
        self._engine = engine
        self._name = f"export s3://{place.bucket}/{place.prefix}"
        self._ends: datetime | None = None

    async def take(self) -> bool:
        """Take or keep the turn; False if another process has it."""
        name, held, now = self._name, self._ends, self._engine.clock()
        self._ends = await self._engine.store.transact(lambda unit: unit.take_turn(name, held, now, _TURN_S))
        return self._ends is not None

    async def keep(self) -> None:
        """Keep the turn, at most once a minute. Raises Refused: BUSY if another process has taken it."""
        if self._ends and self._ends - self._engine.clock() > timedelta(seconds=_TURN_S) - _KEPT:
            return
        if not await self.take():
            raise Refused(Code.BUSY, "Another process has taken the export, as this one stood still.")

    async def leave(self) -> None:
        """Let another process have the turn at once."""
        if held := self._ends:
            await self._engine.store.transact(lambda unit: unit.end_turn(self._name, held))


async def export(engine: Engine, place: ExportTarget) -> int:
    """Export all tables unless tonight's export is done, and return how many objects were written; 0 if it was done,
    or is another process's to do.

    Raises AwsRefused, Unreached, Unanswered, NoCredentials, Refused.
    """
    chain = CredentialChain()
    bucket = Bucket(place.bucket, place.region or await chain.region(), place.endpoint, chain, engine.clock)
    turn = ExportTurn(engine, place)
    try:
        night = f"{engine.clock():%Y-%m-%d}"
        done = f"{place.prefix}_done/{night}"
        if await _there(bucket, done) or not await turn.take() or await _there(bucket, done):
            return 0
        written = 1
        for table in Table:
            written += await _table(engine, bucket, place, table, turn)
        await bucket.write(done, b"", "text/plain")
        await _clear(bucket, f"{place.prefix}_done/", _NIGHT, {done})
        return written
    finally:
        try:
            await turn.leave()
        finally:
            await bucket.close()


async def _there(bucket: Bucket, key: str) -> bool:
    found, _ = await bucket.page(key)
    return any(one.key == key for one in found)


async def _table(engine: Engine, bucket: Bucket, place: ExportTarget, table: Table, turn: ExportTurn) -> int:
    """Write the files of one table and then its manifest, drop those of earlier runs, and return how many there are."""
    folder, run = f"{place.prefix}{table.value}/", f"{engine.clock():%Y%m%dT%H%M%S}"
    files: list[str] = []
    try:
        async for form, number, content in _files(engine, place, table, turn):
            files.append(f"{folder}{form.value}/part-{run}-{number:05}.{form.value}")
            await bucket.write(files[-1], content, MEDIA[form])
        await turn.keep()
    except Exception:
        await _withdrawn(bucket, files)
        raise
    csv = [key for key in files if key.endswith(Form.CSV.value)]
    await bucket.write(f"{folder}manifest.json", _manifest(place.bucket, csv), "application/json")
    await _clear(bucket, folder, _FILE, set(files))
    return len(files) + 1


async def _withdrawn(bucket: Bucket, files: list[str]) -> None:
    """Delete what no manifest names; what cannot be deleted now is by the next run."""
    for key in files:
        with suppress(*_FAULTS):
            await bucket.delete(key)


async def _files(
    engine: Engine, place: ExportTarget, table: Table, turn: ExportTurn
) -> AsyncIterator[tuple[Form, int, bytes]]:
    """Form, number and content of each file of a table; the turn is kept meanwhile."""
    forms = [Form.CSV, *([Form.PARQUET] if _parquet() else [])]
    rows = engine.table_rows(ExportQuery(table=table), engine.local, masked=not place.addresses)
    number = 0
    async for part in _parts(rows, turn):
        for form in forms:
            yield form, number, await asyncio.to_thread(_file, table, form, part)
        number += 1


async def _parts(rows: AsyncIterator[list[Cells]], turn: ExportTurn) -> AsyncIterator[list[Cells]]:
    """The rows in parts, one per file; without rows there is one empty part, whose file names the columns."""
    part: list[Cells] = []
    none = True
    async for page in rows:
        await turn.keep()
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


async def _clear(bucket: Bucket, folder: str, ours: re.Pattern[str], kept: set[str]) -> None:
    """Delete what earlier runs left in a folder, which may have other things in it, too."""
    following = ""
    while True:
        found, following = await bucket.page(folder, following)
        for one in found:
            if one.key not in kept and ours.fullmatch(one.key.removeprefix(folder)):
                await bucket.delete(one.key)
        if not following:
            break
