"""Read CSV text of unknown encoding, delimiter and making into rows; bounded, and refused clearly (RFC 4180)."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence

from engine.refusals import Code, Refused

BYTES_MAX = 50_000_000
ROWS_MAX = 1_000_000
COLUMNS_MAX = 100
DELIMITERS = ",;\t"


def decode(data: bytes, charset: str = "") -> str:
    """The text of a table as bytes: by its byte order mark, as UTF-8, by `charset`, else as Windows-1252.

    Raises Refused: CSV_UNREADABLE, TOO_LARGE.
    """
    if len(data) > BYTES_MAX:
        raise too_large(ROWS_MAX)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        charset = "utf-16"
    for name in filter(None, ("utf-8-sig", charset, "cp1252")):
        try:
            return data.decode(name)
        except (UnicodeError, LookupError, ValueError):
            continue
    raise unreadable("The list is not text in a known encoding.")


def body(text: str) -> str:
    """The text without byte order mark, leading blank lines and the `sep=` line that Excel reads.

    Raises Refused: CSV_UNREADABLE, TOO_LARGE.
    """
    if len(text) > BYTES_MAX:
        raise too_large(ROWS_MAX)
    text = text.removeprefix("\ufeff").lstrip(" \r\n")
    if "\0" in text:
        raise unreadable("The list is not text; it may be a spreadsheet file.")
    if text[:4].lower() == "sep=":
        text = re.sub(r"\A[^\r\n]*[\r\n]*", "", text)
    return text


def first_line(text: str) -> str:
    """The line that holds the names of the columns."""
    return text.split("\n", 1)[0].split("\r", 1)[0]


def delimiter(header: str, fits: Callable[[Sequence[str]], bool]) -> str | None:
    """The delimiter by which the cells of `header` fit, if any does."""
    return next((d for d in DELIMITERS if fits(_cells(header, d))), None)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


def lines(text: str, delimiter: str, rows_max: int) -> Iterator[list[str]]:
    """The header, then each row that is not blank, as cells.

    Raises Refused: CSV_UNREADABLE, TOO_LARGE.
    """
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True
    )
    header = _next(reader) or []
    if len(header) > COLUMNS_MAX:
        raise Refused(Code.TOO_LARGE, f"The list has {len(header)} columns.", f"{COLUMNS_MAX} are allowed.")
    yield header
    number = 0
    while (cells := _next(reader)) is not None:
        if any(cell.strip() for cell in cells):
            number += 1
            refuse_too_many(number, rows_max)
            yield cells


def _next(reader: Iterator[list[str]]) -> list[str] | None:
    """The next line of the table, None after the last; a line that breaks the rules of CSV is refused."""
    try:
        return next(reader, None)
    except csv.Error as error:
        line = getattr(reader, "line_num", 0)
        raise unreadable(f"Line {line} of the list is not CSV: {error}.") from None


def refuse_too_many(number: int, rows_max: int) -> None:
    """Refuse the row of that number where it is one too many."""
    if number > rows_max:
        raise too_large(rows_max)


def too_large(rows_max: int) -> Refused:
    return Refused(
        Code.TOO_LARGE,
        f"A list may have {BYTES_MAX:,} bytes and {rows_max:,} rows; this has more.",
        "Split it.",
    )


def unreadable(what: str) -> Refused:
    return Refused(
        Code.CSV_UNREADABLE,
        what,
        'Save it as CSV in UTF-8, and put quotes around a cell only as a pair, with "" for a quote inside.',
    )
