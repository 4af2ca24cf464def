"""Rows as a file, piece by piece: CSV (RFC 4180), or Parquet by pyarrow, which only this module imports."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Protocol

from engine.attendee_report import harmless
from engine.exporting.cells import names
from engine.model.exports import COLUMNS, Cell, Cells, Table
from engine.refusals import Code, Refused

_GROUP = 20_000
"""The rows of a Parquet row group, which are all that is in memory at once."""


class Form(StrEnum):
    """The format of a file."""

    CSV = "csv"
    PARQUET = "parquet"


class FileWriter(Protocol):
    """Writes one file of rows."""

    def add(self, rows: list[Cells]) -> bytes:
        """Add rows, and return the part of the file that is complete, perhaps empty."""
        ...

    def end(self) -> bytes:
        """The remaining part of the file."""
        ...


def writer(table: Table, form: Form) -> FileWriter:
    """A writer of this table. Raises Refused: PACKAGE_MISSING."""
    return CsvWriter(table) if form is Form.CSV else ParquetWriter(table)


async def written(rows: AsyncIterator[list[Cells]], made: FileWriter) -> AsyncIterator[bytes]:
    """The file in pieces, each made in a thread, since that may take long."""
    async for page in rows:
        if piece := await asyncio.to_thread(made.add, page):
            yield piece
    if piece := await asyncio.to_thread(made.end):
        yield piece


class CsvWriter:
    """CSV with a header, times in ISO 8601 and UTC, and no cell that a spreadsheet would read as a formula."""

    def __init__(self, table: Table) -> None:
        self._head: list[Cells] = [tuple(names(table))]

    def add(self, rows: list[Cells]) -> bytes:
        buffer = io.StringIO()
        lines = csv.writer(buffer, lineterminator="\r\n")
        for row in (*self._head, *rows):
            lines.writerow([_text(cell) for cell in row])
        self._head = []
        return buffer.getvalue().encode()

    def end(self) -> bytes:
        return self.add([])


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return harmless(cell)
    if isinstance(cell, datetime):
        return f"{cell.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return "" if cell is None else str(cell)


class _Pieces(io.RawIOBase):
    """A file object that returns what was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()
        self._written = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._written

    def write(self, piece: Any) -> int:
        content = bytes(piece)
        self._waiting += content
        self._written += len(content)
        return len(content)

    def taken(self) -> bytes:
        """The bytes written since the last call."""
        found = bytes(self._waiting)
        self._waiting.clear()
        return found


class ParquetWriter:
    """Parquet with typed columns, compressed by snappy, which all readers support."""

    def __init__(self, table: Table) -> None:
        self._arrow, parquet = _pyarrow()
        self._schema = self._arrow.schema(_fields(self._arrow, table))
        self._file = _Pieces()
        self._writer = parquet.ParquetWriter(self._file, self._schema, compression="snappy")
        self._rows: list[Cells] = []

    def add(self, rows: list[Cells]) -> bytes:
        self._rows += rows
        if len(self._rows) >= _GROUP:
            self._write()
        return self._file.taken()

    def end(self) -> bytes:
        self._write()
        self._writer.close()
        return self._file.taken()

    def _write(self) -> None:
        if self._rows:
            columns = [list(column) for column in zip(*self._rows, strict=True)]
            arrays = [
                self._arrow.array(cells, type=field.type)
                for cells, field in zip(columns, self._schema, strict=True)
            ]
            self._writer.write_table(self._arrow.Table.from_arrays(arrays, schema=self._schema))
            self._rows = []


def _fields(arrow: Any, table: Table) -> list[Any]:
    kinds: dict[str, Callable[[], Any]] = {
        "text": arrow.string,
        "number": arrow.int64,
        "truth": arrow.bool_,
        "time": lambda: arrow.timestamp("ms", tz="UTC"),
    }
    return [
        arrow.field(one.name, kinds[one.kind](), metadata={"meaning": one.meaning}) for one in COLUMNS[table]
    ]


def _pyarrow() -> tuple[Any, Any]:
    """The pyarrow package, which is large and used only here. Raises Refused: PACKAGE_MISSING."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyarrow":
            raise
        raise Refused(
            Code.PACKAGE_MISSING,
            "Parquet needs the package pyarrow, which is not installed here.",
            'Install it with the extra “parquet”: pip install "cis-mcp[parquet]". CSV needs nothing.',
        ) from None
    return pyarrow, parquet
