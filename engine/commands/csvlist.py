"""Read a list of recipients: CSV with a header in any order, or bare addresses a line (cis-reference 13)."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parseaddr

from engine.refusals import Code, Refused

BYTES_MAX = 50_000_000
ROWS_MAX = 1_000_000
COLUMNS_MAX = 100
_DELIMITERS = ",;\t"
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


def decode(data: bytes, charset: str = "") -> str:
    """The text of a list as bytes: by its byte order mark, as UTF-8, by `charset`, else as Windows-1252.

    Raises Refused: CSV_UNREADABLE, TOO_LARGE.
    """
    if len(data) > BYTES_MAX:
        raise _too_large()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charset = "utf-16"
    for name in filter(None, ("utf-8-sig", charset, "cp1252")):
        try:
            return data.decode(name)
        except (UnicodeError, LookupError, ValueError):
            continue
    raise _unreadable("The list is not text in a known encoding.")


def read(text: str) -> list[CsvRow]:
    """The rows of a list; columns other than uid, email and name are personal fields, in lower case.

    Raises Refused: CSV_NO_HEADER, CSV_UNREADABLE, EMPTY_LIST, TOO_LARGE.
    """
    if len(text) > BYTES_MAX:
        raise _too_large()
    text = _body(text)
    first = text.split("\n", 1)[0].split("\r", 1)[0]
    if not first:
        raise Refused(Code.EMPTY_LIST, "The list is empty.", _EXAMPLE)
    rows = list(_bare(text) if _is_address(first) else _table(text, _delimiter(first)))
    if not rows:
        raise Refused(Code.EMPTY_LIST, "The list has a header and no rows.", "Add a row for each recipient.")
    return rows


def _body(text: str) -> str:
    """The text without byte order mark, leading blank lines and the `sep=` line that Excel reads."""
    text = text.removeprefix("\ufeff").lstrip(" \r\n")
    if "\0" in text:
        raise _unreadable("The list is not text; it may be a spreadsheet file.")
    if text[:4].lower() == "sep=":
        text = re.sub(r"\A[^\r\n]*[\r\n]*", "", text)
    return text


def _is_address(line: str) -> bool:
    return len(line) <= _LINE_MAX and bool(_ADDRESS.fullmatch(_plain(line)[1]))


def _plain(line: str) -> tuple[str, str]:
    """Name and address of a line such as `ann@example.com` or `Ann <ann@example.com>`."""
    line = line.strip().rstrip(",;").strip()
    return parseaddr(line) if line.endswith(">") and len(line) <= _LINE_MAX else ("", line)


def _bare(text: str) -> Iterator[CsvRow]:
    lines = (line for line in text.splitlines() if line.strip(" \t,;"))
    for number, line in enumerate(lines, start=1):
        _refuse_too_many(number)
        name, email = _plain(line)
        yield CsvRow(number, "", email, name)


def _delimiter(header: str) -> str:
    """The delimiter by which the header has a column for the address."""
    for delimiter in _DELIMITERS:
        if "email" in _columns(_cells(header, delimiter)):
            return delimiter
    raise Refused(Code.CSV_NO_HEADER, "The list has no column named email.", _EXAMPLE)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def _columns(header: Sequence[str]) -> list[str]:
    """What each column holds: uid, email, name, or the name of a personal field; empty to pass over it."""
    columns: list[str] = []
    for cell in header:
        plain = " ".join(cell.lower().split())
        column = _KNOWN.get(re.sub(r"[ _-]", "", plain), plain)
        columns.append("" if column in columns else column)
    return columns


def _table(text: str, delimiter: str) -> Iterator[CsvRow]:
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    columns = _columns(_next(reader) or [])
    if len(columns) > COLUMNS_MAX:
        raise Refused(Code.TOO_LARGE, f"The list has {len(columns)} columns.", f"{COLUMNS_MAX} are allowed.")
    number = 0
    while (cells := _next(reader)) is not None:
        if any(cell.strip() for cell in cells):
            number += 1
            _refuse_too_many(number)
            yield _row(number, columns, cells)


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """The next line of the table, None after the last; a line that breaks the rules of CSV is refused."""
    try:
        return next(reader, None)
    except csv.Error as error:
        line = getattr(reader, "line_num", 0)
        raise _unreadable(f"Line {line} of the list is not CSV: {error}.") from None


def _row(number: int, columns: Sequence[str], cells: Sequence[str]) -> CsvRow:
    padded = itertools.zip_longest(columns, cells[: len(columns)], fillvalue="")
    values = {column: cell.strip() for column, cell in padded if column}
    uid, email, name = (values.pop(key, "") for key in ("uid", "email", "name"))
    return CsvRow(number, uid, email, name, {k: v for k, v in values.items() if v})


def _refuse_too_many(number: int) -> None:
    if number > ROWS_MAX:
        raise _too_large()


def _too_large() -> Refused:
    return Refused(
        Code.TOO_LARGE,
        f"A list may have {BYTES_MAX:,} bytes and {ROWS_MAX:,} rows; this has more.",
        "Split it.",
    )


def _unreadable(what: str) -> Refused:
    return Refused(
        Code.CSV_UNREADABLE,
        what,
        'Save it as CSV in UTF-8, and put quotes around a cell only as a pair, with "" for a quote inside.',
    )
