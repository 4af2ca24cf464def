"""Whole tables as files: made in the background, with progress, and downloaded once they are complete."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import shutil
import tempfile
import weakref
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import partial
from pathlib import Path

from starlette.responses import Response, StreamingResponse

from cis_mcp.console import words
from cis_mcp.console.guard import Screen, Visit
from engine.commands.operators.exports import NoteExport
from engine.exporting.files import FileWriter, Form, writer, written
from engine.mail.locale.language import Language, noop
from engine.model.exports import Cells, ExportQuery, Table
from engine.refusals import Code, Refused

_HUB = "/console/exports"
_KEPT, _OF_ONE = 12, 4
"""Files of this process, and of one person in all sessions."""
_LASTS_S = 3_600.0
"""Seconds for which a file is kept once it is whole, whether or not anybody looks for it."""
_PIECE = 1 << 18
MEDIA = {Form.CSV: "text/csv", Form.PARQUET: "application/vnd.apache.parquet"}


@dataclass(eq=False)
class ExportedFile:
    """One file without a name on disk; it is deleted an hour after it was made, or when the process ends."""

    id: str
    whose: str = field(repr=False)
    person: str = field(repr=False)
    """Who is signed in there; empty: the operator."""
    table: Table
    form: Form
    full: bool
    began: datetime
    of: int
    """Rows that there are at most; 0: not known before."""
    descriptor: int
    reserve: int
    """Bytes of the disk that it leaves free."""
    rows: int = 0
    size: int = 0
    ready: bool = False
    problem: str | Refused = ""
    task: asyncio.Task[None] | None = None

    @property
    def moving(self) -> bool:
        """True while it is being written."""
        return not self.ready and not self.problem

    def told(self, language: Language) -> str:
        """Why the export failed."""
        if isinstance(self.problem, Refused):
            return words.told(self.problem, language)[0]
        return language.say(self.problem)

    @property
    def name(self) -> str:
        """What the file is called."""
        return f"{self.table.value}.{self.form.value}"


class SessionExports:
    """The files of this process; each session sees its own."""

    def __init__(self) -> None:
        self._kept: dict[str, ExportedFile] = {}

    async def show(self, visit: Visit) -> Response:
        """GET /console/exports: what can be made, and how far what was asked for is."""
        mine = [one for one in self._kept.values() if one.whose == visit.token]
        return visit.show(
            "exports.html",
            title=visit.say("Tables for analysis"),
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
        self._room(_signed_in(visit))
        query = ExportQuery(
            table=table, organizer=organizer, since=_day(visit, "since"), until=_day(visit, "until")
        )
        made = writer(table, form)
        rows = visit.engine.table_rows(query, visit.actor, masked=not full)
        if full:
            await visit.apply(NoteExport(tables=(table,), organizer=organizer or ""))
        of = await _people(visit) if table is Table.ATTENDEES else 0
        export = ExportedFile(
            secrets.token_urlsafe(9), visit.token, _signed_in(visit), table, form, full,
            visit.engine.clock(), of, _unnamed(visit.engine.settings.data_dir),
            visit.engine.settings.disk_reserve,
        )  # fmt: skip
        weakref.finalize(export, os.close, export.descriptor)
        self._keep(export)
        export.task = asyncio.create_task(_write(export, rows, made))
        export.task.add_done_callback(partial(self._ended, export.id))
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

    def _one(self, visit: Visit) -> ExportedFile:
        found = self._kept.get(visit.path("id"))
        if found is None or found.whose != visit.token:
            raise Refused(
                Code.UNKNOWN_PAGE, "That file is gone: it lasts an hour.", "Make it again under Reports."
            )
        return found

    def _keep(self, export: ExportedFile) -> None:
        # Others may have begun while its row in the record was written.
        if old := self._room(export.person):
            self._drop(old)
        self._kept[export.id] = export

    def _room(self, person: str) -> ExportedFile | None:
        """The file of that person that goes for a new one; None if there is room. Raises Refused: BUSY."""
        mine = [one for one in self._kept.values() if one.person == person]
        ended = [one for one in mine if not one.moving]
        full = len(mine) >= _OF_ONE
        if (full and not ended) or (not full and len(self._kept) >= _KEPT):
            raise Refused(
                Code.BUSY,
                "The server makes and keeps no more files just now.",
                "Throw one of yours away, or wait until others are gone: each lasts an hour.",
            )
        return ended[0] if full else None

    def _ended(self, export_id: str, _task: asyncio.Task[None]) -> None:
        # By its id: a file that was thrown away must not be held until then.
        asyncio.get_running_loop().call_later(_LASTS_S, self._over, export_id)

    def _over(self, export_id: str) -> None:
        if found := self._kept.get(export_id):
            self._drop(found)

    def _drop(self, export: ExportedFile) -> None:
        del self._kept[export.id]
        if export.task:
            export.task.cancel()


def _signed_in(visit: Visit) -> str:
    return visit.caller.actor.address if visit.caller and not visit.everywhere else ""


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


async def _write(export: ExportedFile, rows: AsyncIterator[list[Cells]], made: FileWriter) -> None:
    try:
        async for piece in written(_counted(export, rows), made):
            await asyncio.to_thread(_append, export, piece)
        export.ready = True
    except Refused as refused:
        export.problem = refused
    except OSError:
        export.problem = noop("The disk of the server has no room for it.")
    finally:
        if export.moving:
            export.problem = noop("It was ended before it was whole.")
        if export.problem:
            os.ftruncate(export.descriptor, 0)


async def _counted(export: ExportedFile, rows: AsyncIterator[list[Cells]]) -> AsyncIterator[list[Cells]]:
    async for page in rows:
        yield page
        export.rows += len(page)


def _append(export: ExportedFile, piece: bytes) -> None:
    if shutil.disk_usage(export.descriptor).free - len(piece) < export.reserve:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    left = memoryview(piece)
    while left:
        took = os.pwrite(export.descriptor, left, export.size)
        export.size += took
        left = left[took:]


async def _pieces(export: ExportedFile) -> AsyncIterator[bytes]:
    at = 0
    while at < export.size:
        piece = await asyncio.to_thread(os.pread, export.descriptor, _PIECE, at)
        at += len(piece)
        yield piece


def screens() -> tuple[Screen, ...]:
    """The page of files, and its forms."""
    exports = SessionExports()
    return (
        Screen("GET", _HUB, exports.show, of_one=True),
        Screen("POST", _HUB, exports.start, asks=True, of_one=True),
        Screen("GET", f"{_HUB}/{{id:str}}", exports.download),
        Screen("POST", f"{_HUB}/{{id:str}}", exports.drop, asks=True),
    )
