"""Whole tables as files: made while somebody looks or not, with how far each is, and downloaded once it is whole."""

from __future__ import annotations

import asyncio
import os
import secrets
import tempfile
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from cis_mcp.console.guard import Screen, Visit
from engine.commands.operators.exports import NoteExport
from engine.exporting.files import Form, Writer, writer, written
from engine.model.exports import Cells, ExportQuery, Table
from engine.refusals import Code, Refused

_HUB = "/console/exports"
_KEPT, _OF_ONE = 12, 4
"""Files of this process, and of one session; the oldest go first."""
_LASTS = timedelta(hours=1)
_PIECE = 1 << 18
MEDIA = {Form.CSV: "text/csv", Form.PARQUET: "application/vnd.apache.parquet"}


@dataclass(eq=False)
class Export:
    """One file, which lies under no name: it is gone with its owner's hour, or with the process."""

    id: str
    whose: str = field(repr=False)
    table: Table
    form: Form
    full: bool
    began: datetime
    of: int
    """Rows that there are at most; 0: not known before."""
    descriptor: int
    rows: int = 0
    size: int = 0
    ready: bool = False
    problem: str = ""
    task: asyncio.Task[None] | None = None

    @property
    def moving(self) -> bool:
        """True while it is being written."""
        return not self.ready and not self.problem

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"{self.table.value}.{self.form.value}"


class Exports:
    """The files of this process; each session sees its own."""

    def __init__(self) -> None:
        self._kept: dict[str, Export] = {}

    async def show(self, visit: Visit) -> Response:
        """GET /console/exports: what can be made, and how far what was asked for is."""
        self._tidy(visit.engine.clock())
        mine = [one for one in self._kept.values() if one.whose == visit.token]
        return visit.show(
            "exports.html",
            title="Tables for analysis",
            exports=mine[::-1],
            moving=any(one.moving for one in mine),
            tables=list(Table),
            forms=list(Form),
        )

    async def start(self, visit: Visit) -> Response:
        """POST: begin a file; with addresses only after a row in the record."""
        try:
            table, form = Table(visit.given("table")), Form(visit.given("format") or Form.CSV)
        except ValueError:
            raise Refused(
                Code.INVALID_ARGUMENT, "There is no such table.", "Choose one of the list."
            ) from None
        full = visit.given("addresses") == "yes"
        organizer = visit.chosen or None
        query = ExportQuery(
            table=table, organizer=organizer, since=_day(visit, "since"), until=_day(visit, "until")
        )
        made = writer(table, form)
        rows = visit.engine.table_rows(query, visit.actor, masked=not full)
        if full:
            await visit.apply(NoteExport(tables=(table,), organizer=organizer or ""))
        of = await _people(visit) if table is Table.ATTENDEES else 0
        export = Export(
            secrets.token_urlsafe(9), visit.token, table, form, full, visit.engine.clock(), of,
            _unnamed(visit.engine.settings.data_dir),
        )  # fmt: skip
        weakref.finalize(export, os.close, export.descriptor)
        self._keep(export)
        export.task = asyncio.create_task(_write(export, rows, made))
        return visit.go(_HUB, "exporting")

    async def download(self, visit: Visit) -> Response:
        """GET /console/exports/{id}: the file."""
        export = self._one(visit)
        if not export.ready:
            raise Refused(Code.BUSY, "The file is not whole yet.", "Its page shows how far it is.")
        headers = {
            "Content-Disposition": f'attachment; filename="{export.name}"',
            "Content-Length": str(export.size),
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return StreamingResponse(_pieces(export), headers=headers, media_type=MEDIA[export.form])

    async def drop(self, visit: Visit) -> Response:
        """POST /console/exports/{id}: stop it, or throw the file away."""
        self._drop(self._one(visit))
        return visit.go(_HUB, "deleted")

    def _one(self, visit: Visit) -> Export:
        self._tidy(visit.engine.clock())
        found = self._kept.get(visit.path("id"))
        if found is None or found.whose != visit.token:
            raise Refused(
                Code.UNKNOWN_PAGE, "That file is gone: it lasts an hour.", "Make it again under Reports."
            )
        return found

    def _keep(self, export: Export) -> None:
        mine = [one for one in self._kept.values() if one.whose == export.whose]
        for one in mine[: max(0, len(mine) - _OF_ONE + 1)]:
            self._drop(one)
        for one in list(self._kept.values())[: max(0, len(self._kept) - _KEPT + 1)]:
            self._drop(one)
        self._kept[export.id] = export

    def _tidy(self, now: datetime) -> None:
        for one in list(self._kept.values()):
            if now - one.began >= _LASTS:
                self._drop(one)

    def _drop(self, export: Export) -> None:
        del self._kept[export.id]
        if export.task:
            export.task.cancel()


def _day(visit: Visit, name: str) -> datetime | None:
    """The moment at which the day of a field begins in UTC. Raises Refused: INVALID_TIME."""
    given = visit.given(name)
    try:
        return datetime.combine(date.fromisoformat(given), time(), UTC) if given else None
    except ValueError:
        raise Refused(Code.INVALID_TIME, "That is no day.", "Choose it again, or leave it empty.") from None


async def _people(visit: Visit) -> int:
    """How many rows the table of people has at most."""
    if visit.everywhere:
        return (await visit.engine.statistics("system", None, visit.actor)).attendees
    whose = visit.chosen or visit.actor.address
    return (await visit.engine.statistics("organizer", whose, visit.actor)).attendees


def _unnamed(folder: Path) -> int:
    """A file that no name leads to: it takes no room once it is closed, however the process ends."""
    descriptor, path = tempfile.mkstemp(dir=folder, prefix=".export-")
    Path(path).unlink()
    return descriptor


async def _write(export: Export, rows: AsyncIterator[list[Cells]], made: Writer) -> None:
    try:
        async for piece in written(_counted(export, rows), made):
            await asyncio.to_thread(_append, export, piece)
        export.ready = True
    except Refused as refused:
        export.problem = refused.message
    except OSError:
        export.problem = "The disk of the server has no room for it."
    finally:
        if export.moving:
            export.problem = "It was ended."


async def _counted(export: Export, rows: AsyncIterator[list[Cells]]) -> AsyncIterator[list[Cells]]:
    async for page in rows:
        yield page
        export.rows += len(page)


def _append(export: Export, piece: bytes) -> None:
    left = memoryview(piece)
    while left:
        took = os.pwrite(export.descriptor, left, export.size)
        export.size += took
        left = left[took:]


async def _pieces(export: Export) -> AsyncIterator[bytes]:
    at = 0
    while at < export.size:
        piece = await asyncio.to_thread(os.pread, export.descriptor, _PIECE, at)
        at += len(piece)
        yield piece


def screens() -> tuple[Screen, ...]:
    """The page of files, and its forms."""
    exports = Exports()
    return (
        Screen("GET", _HUB, exports.show, of_one=True),
        Screen("POST", _HUB, exports.start, asks=True, of_one=True),
        Screen("GET", f"{_HUB}/{{id:str}}", exports.download),
        Screen("POST", f"{_HUB}/{{id:str}}", exports.drop, asks=True),
    )
