"""Read a list of recipients: CSV with a header in any order, or bare addresses a line (cis-reference 13)."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr

from engine.commands import table
from engine.commands.table import BYTES_MAX, decode
from engine.refusals import Code, Refused

__all__ = ["BYTES_MAX", "CsvRow", "decode", "read"]

_LINE_MAX = 500
"""Longest line that can be an address with a name; more is not looked at."""

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
    fields: Mapping[str, str] = field(default_factory=dict)


def read(text: str) -> list[CsvRow]:
    """The rows of a list; columns other than uid, email and name are personal fields, in lower case.

    Raises Refused: CSV_NO_HEADER, CSV_UNREADABLE, EMPTY_LIST, TOO_LARGE.
    """
    text = table.body(text)
    first = table.first_line(text)
    if not first:
        raise Refused(Code.EMPTY_LIST, "The list is empty.", _EXAMPLE)
    rows = list(_bare(text) if _is_address(first) else _table(text, first))
    if not rows:
        raise Refused(Code.EMPTY_LIST, "The list has a header and no rows.", "Add a row for each recipient.")
    return rows


def _is_address(line: str) -> bool:
    return len(line) <= _LINE_MAX and bool(_ADDRESS.fullmatch(_plain(line)[1]))


def _plain(line: str) -> tuple[str, str]:
    """Name and address of a line such as `ann@example.com` or `Ann <ann@example.com>`."""
    line = line.strip().rstrip(",;").strip()
    return parseaddr(line) if line.endswith(">") and len(line) <= _LINE_MAX else ("", line)


def _bare(text: str) -> Iterator[CsvRow]:
    lines = (line for line in text.splitlines() if line.strip(" \t,;"))
    for number, line in enumerate(lines, start=1):
        table.refuse_too_many(number, table.ROWS_MAX)
        name, email = _plain(line)
        yield CsvRow(number, "", email, name)


def _columns(header: Sequence[str]) -> list[str]:
    """What each column holds: uid, email, name, or the name of a personal field; empty to pass over it."""
    columns: list[str] = []
    for cell in header:
        plain = " ".join(cell.lower().split())
        column = _KNOWN.get(re.sub(r"[ _-]", "", plain), plain)
        columns.append("" if column in columns else column)
    return columns


def _table(text: str, header: str) -> Iterator[CsvRow]:
    delimiter = table.delimiter(header, lambda cells: "email" in _columns(cells))
    if delimiter is None:
        raise Refused(Code.CSV_NO_HEADER, "The list has no column named email.", _EXAMPLE)
    lines = table.lines(text, delimiter, table.ROWS_MAX)
    columns = _columns(next(lines))
    for number, cells in enumerate(lines, start=1):
        yield _row(number, columns, cells)


def _row(number: int, columns: Sequence[str], cells: Sequence[str]) -> CsvRow:
    padded = itertools.zip_longest(columns, cells[: len(columns)], fillvalue="")
    values = {column: cell.strip() for column, cell in padded if column}
    uid, email, name = (values.pop(key, "") for key in ("uid", "email", "name"))
    return CsvRow(number, uid, email, name, {k: v for k, v in values.items() if v})
