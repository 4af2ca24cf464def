"""Read a list of recipients: CSV with a header in any order, or bare addresses a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from engine.commands.tables import table
from engine.commands.tables.table import BYTES_MAX, decode
from engine.refusals import Code, Refused

__all__ = ["BYTES_MAX", "CsvRow", "decode", "read"]

_LINE_MAX = 500
"""Longest line that can be an address with a name; more is not looked at."""

_COLUMN_NAME_MAX = 100
_NONE: Mapping[str, str] = {}
_NAMED = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"\s*+|([^"<>,;]*+))<([^<>]*+)>')
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")
_KNOWN = {
    "email": "email",
    "emailaddress": "email",
    "uid": "uid",
    "eventuid": "uid",
    "name": "name",
    "fullname": "name",
}
_EXAMPLE = "The first line must name the columns, for example: email,name"


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One row of a list as written; `row` 1 is the first row after the header, blank rows left out."""

    row: int
    uid: str
    email: str
    name: str
    fields: Mapping[str, str] = field(default_factory=lambda: _NONE)


def read(text: str, rows_max: int | None = None) -> list[CsvRow]:
    """The rows of a list; columns other than uid, email and name are personal fields, in lower case.

    `rows_max`: how many it may have, fewer than any list may.

    Raises Refused: CSV_NO_HEADER, CSV_UNREADABLE, EMPTY_LIST, TOO_LARGE.
    """
    start = table.begin(text)
    first = table.first_line(text, start)
    if not first:
        raise Refused(Code.EMPTY_LIST, "The list is empty.", _EXAMPLE)
    most = table.ROWS_MAX if rows_max is None else rows_max
    rows = list(_bare(text, start, most) if _is_address(first) else _table(text, start, first, most))
    if not rows:
        raise Refused(Code.EMPTY_LIST, "The list has a header and no rows.", "Add a row for each recipient.")
    return rows


def _is_address(line: str) -> bool:
    return len(line) <= _LINE_MAX and bool(_ADDRESS.fullmatch(_plain(line)[1]))


def _plain(line: str) -> tuple[str, str]:
    """Name and address of a line such as `ann@example.com` or `Ann <ann@example.com>`."""
    line = line.strip().rstrip(",;").strip()
    match = _NAMED.fullmatch(line) if len(line) <= _LINE_MAX else None
    if not match:
        return "", line
    quoted, plain, address = match.groups()
    name = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return "" if "@" in name else " ".join(name.split()), address.strip()


def _bare(text: str, start: int, rows_max: int) -> Iterator[CsvRow]:
    table.refuse_lines(text, start, rows_max + 1)
    number, lines = 0, table.Lines(text, start)
    for line in lines:
        lines.row()
        if line.strip(" \t,;\r\n"):
            number += 1
            table.refuse_too_many(number, rows_max)
            name, email = _plain(line)
            yield CsvRow(number, "", email, name)


def _column(cell: str) -> str:
    """What a column holds: uid, email, name, or the name of a personal field."""
    plain = " ".join(cell.lower().split())
    return _KNOWN.get(re.sub(r"[ _-]", "", plain), plain)


def _columns(header: Sequence[str]) -> list[str]:
    """What each column holds; empty for what another one holds, which is passed over.

    Raises Refused(TOO_LARGE) for a name that is too long: each row bears it.
    """
    found = table.once(_column(cell) for cell in header)
    if any(len(name) > _COLUMN_NAME_MAX for name in found):
        raise Refused(
            Code.TOO_LARGE,
            f"The name of a column has more than {_COLUMN_NAME_MAX} characters.",
            _EXAMPLE,
        )
    return found


def _table(text: str, start: int, header: str, rows_max: int) -> Iterator[CsvRow]:
    delimiter = table.delimiter(header, lambda cells: "email" in {_column(cell) for cell in cells})
    if delimiter is None:
        raise Refused(Code.CSV_NO_HEADER, "The list has no column named email.", _EXAMPLE)
    rows = table.rows(text, delimiter, rows_max, start)
    columns = _columns(next(rows))
    for number, cells in enumerate(rows, start=1):
        yield _row(number, columns, cells)


def _row(number: int, columns: Sequence[str], cells: Sequence[str]) -> CsvRow:
    # a row may have fewer cells than there are columns, and costs no more than what it has
    values = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}
    uid, email, name = (values.pop(key, "") for key in ("uid", "email", "name"))
    return CsvRow(number, uid, email, name, {k: v for k, v in values.items() if v} or _NONE)
