"""Read CSV text of unknown encoding, delimiter and making into rows; bounded, and refused clearly (RFC 4180)."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter

from engine.mail.charsets import known, single_byte, wide
from engine.refusals import Code, Refused

BYTES_MAX = 50_000_000
ROWS_MAX = 1_000_000
COLUMNS_MAX = 100
FIRST_LINE_MAX = 100_000
ROW_MAX = 250_000
"""Characters of a row, which may go over several lines."""
DELIMITERS = ",;\t|"
BROKEN_MAX = 50
"""Rows with a stray quote that one table may have; each may be looked at up to its longest."""
_BLANK = re.compile("\ufeff*[ \r\n]*")
_SEPARATOR = re.compile(r"sep=[^\r\n]*[\r\n]*", re.IGNORECASE)
_FILLED = re.compile(r"[^ ,;|\t\r\n][^\r\n]*+")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++")
_CELL_MAX = csv.field_size_limit()


def decode(data: bytes, charset: str = "") -> str:
    """The text of a table as bytes: by its byte order mark or its zeros, as UTF-8, by `charset`, else by its letters.

    Raises Refused: CSV_UNREADABLE, TOO_LARGE.
    """
    if len(data) > BYTES_MAX:
        raise too_large(ROWS_MAX)
    for name in filter(None, _encodings(data, charset)):
        try:
            return data.decode(name)
        except (UnicodeError, LookupError, ValueError):
            continue
    raise unreadable("The list is not text in a known encoding.")


def _encodings(data: bytes, charset: str) -> Iterator[str]:
    """One after the other: most are never looked for."""
    yield wide(data)
    yield "utf-8-sig"
    yield known(charset)
    yield single_byte(data)


def begin(text: str) -> int:
    """Where the table begins: after a byte order mark, leading blank lines and the `sep=` line that Excel reads.

    Raises Refused: CSV_UNREADABLE, TOO_LARGE.
    """
    if len(text) > BYTES_MAX:
        raise too_large(ROWS_MAX)
    if "\0" in text:
        raise unreadable("The list is not text; it may be a spreadsheet file.")
    start = _end_of(_BLANK, text, 0)
    return _end_of(_SEPARATOR, text, start)


def _end_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start


def first_line(text: str, start: int = 0) -> str:
    """The line that holds the names of the columns, which is looked at before anything else is done with a list.

    Raises Refused(TOO_LARGE) if it is longer than that of any table.
    """
    line = text[start : start + FIRST_LINE_MAX + 1]
    match = _LINE_END.search(line)
    if match is None and len(line) > FIRST_LINE_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"The first line of the list has more than {FIRST_LINE_MAX:,} characters.",
            "Name the columns in the first line, and put each row on a line of its own.",
        )
    return line[: match.start()] if match else line


def delimiter(header: str, fits: Callable[[Sequence[str]], bool]) -> str | None:
    """The delimiter by which the cells of `header` fit, if any does. Raises Refused(TOO_LARGE) for too many cells."""
    for mark in DELIMITERS:
        _refuse_columns(header.count(mark) + 1)
    return next((mark for mark in DELIMITERS if fits(cells(header, mark))), None)


def _refuse_columns(count: int) -> None:
    if count > COLUMNS_MAX:
        raise Refused(Code.TOO_LARGE, f"The list has {count:,} columns.", f"{COLUMNS_MAX} are allowed.")


def cells(line: str, delimiter: str) -> list[str]:
    """The cells of one line by themselves; none if it is not CSV."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []


class Lines:
    """The lines of a text from `start` on, with their ends and one after the other: no copy of the whole is made.

    A row of a table may go over several lines, and is bounded as a whole; `row` says that the next one begins.
    """

    def __init__(self, text: str, start: int = 0) -> None:
        self._text, self._start, self._row = text, start, start

    def row(self) -> None:
        """Note that the next line begins a row of the table."""
        self._row = self._start

    def again(self) -> str:
        """The first line of this row, from whose end on it is read again."""
        self._start = self._row
        return next(self)

    @property
    def read(self) -> str:
        """What of this row was read until now."""
        return self._text[self._row : self._start]

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self._start >= len(self._text):
            raise StopIteration
        limit = self._row + ROW_MAX
        match = _LINE_END.search(self._text, self._start, limit)
        if match is None and limit < len(self._text):
            raise Refused(
                Code.TOO_LARGE, f"A row of the list has more than {ROW_MAX:,} characters.", "Shorten it."
            )
        end = match.end() if match else len(self._text)
        line, self._start = self._text[self._start : end], end
        return line


class Broken(list[str]):
    """A row that breaks the rules of CSV: its first line, cut at the delimiters."""


def rows(
    text: str,
    delimiter: str,
    rows_max: int,
    start: int = 0,
    swallows: Callable[[str], bool] = lambda _: False,
) -> Iterator[list[str]]:
    """The header, then each row that is not blank, as cells; one that breaks the rules is Broken, and costs no other.

    `swallows`: whether a row of several lines looks as if a stray quote had swallowed the rows after it.

    Raises Refused: CSV_UNREADABLE, TOO_LARGE.
    """
    if _all_of_one_line(text, start):
        return _filled(_rows_of_one_line(text, delimiter, start), text, rows_max, start)
    return _filled(_Reader(Lines(text, start), delimiter, swallows), text, rows_max, start)


def _filled(reader: Iterator[list[str]], text: str, rows_max: int, start: int) -> Iterator[list[str]]:
    """The header, then the rows that are not blank."""
    header = next(reader, [])
    if isinstance(header, Broken):
        raise unreadable("The first line of the list is not CSV.")
    _refuse_columns(len(header))
    yield header
    refuse_lines(text, start, rows_max)
    filled = (cells for cells in reader if "".join(cells).strip())
    yield from itertools.islice(filled, rows_max)
    if next(filled, None):
        raise too_large(rows_max)


def _all_of_one_line(text: str, start: int) -> bool:
    """True if each row is one line for certain, and none is so long that the library would refuse a cell."""
    if text.find('"', start) >= 0:
        return False
    while len(text) - start > _CELL_MAX:
        end = max(text.rfind(mark, start, start + _CELL_MAX) for mark in "\r\n")
        if end < 0:
            return False
        start = end + 1
    return True


def _rows_of_one_line(text: str, delimiter: str, start: int) -> Iterator[list[str]]:
    """Each line as cells; nearly all lists are such, and this takes half the time of looking at each line."""
    lines = map(itemgetter(0), _LINE.finditer(text, start))
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


class _Reader(Iterator[list[str]]):
    """Reads row after row, the first of which is the header; a row with a stray quote ends with its first line.

    `swallows`: as of `rows`; a header swallows nothing. Raises Refused: CSV_UNREADABLE, TOO_LARGE.
    """

    def __init__(
        self, lines: Lines, delimiter: str, swallows: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._lines, self._delimiter, self._swallows = lines, delimiter, swallows
        self._reader, self._line = self._opened(), 0
        self._broken, self._headed = 0, False

    def _opened(self) -> Iterator[list[str]]:
        self._line = 0
        return csv.reader(self._lines, delimiter=self._delimiter, strict=True, skipinitialspace=True)

    def __next__(self) -> list[str]:
        self._lines.row()
        headed, self._headed = self._headed, True
        try:
            cells = next(self._reader)
        except csv.Error as error:
            return self._stray(str(error))
        before, self._line = self._line, getattr(self._reader, "line_num", 0)
        several = self._line > before + 1
        if several and headed and self._swallows(self._lines.read):
            return self._stray("a quote is not closed")
        return cells

    def _stray(self, why: str) -> Broken:
        self._broken += 1
        line = self._lines.again()
        if self._broken > BROKEN_MAX:
            raise unreadable(f"More than {BROKEN_MAX} rows of the list are not CSV: {why}.")
        self._reader = self._opened()
        return Broken(cell.strip(' "') for cell in line.rstrip("\r\n").split(self._delimiter))


def once(columns: Iterable[str]) -> list[str]:
    """The names of the columns, empty in place of one that was there before."""
    seen: set[str] = set()
    found: list[str] = []
    for column in columns:
        found.append("" if column in seen else column)
        seen.add(column)
    return found


def refuse_lines(text: str, start: int, rows_max: int) -> None:
    """Refuse a table that has too many rows before any of them is read, where each row is one line for certain."""
    lines = text.count("\n", start) + text.count("\r", start) + 1
    if lines > rows_max and '"' not in text:
        filled = itertools.islice(_FILLED.finditer(text, start), rows_max + 2)
        refuse_too_many(sum(1 for _ in filled) - 1, rows_max)


def refuse_too_many(number: int, rows_max: int) -> None:
    """Refuse the row of that number where it is one too many."""
    if number > rows_max:
        raise too_large(rows_max)


def too_large(rows_max: int) -> Refused:
    """The refusal of a list with more rows than allowed (TOO_LARGE)."""
    return Refused(
        Code.TOO_LARGE,
        f"A list may have at most {BYTES_MAX:,} bytes and {rows_max:,} rows; this one has more.",
        "Split it.",
    )


def unreadable(what: str) -> Refused:
    """The refusal of a list that cannot be read, with why (CSV_UNREADABLE)."""
    return Refused(
        Code.CSV_UNREADABLE,
        what,
        'Save it as CSV in UTF-8, and put quotes around a cell only as a pair, with "" for a quote inside.',
    )
