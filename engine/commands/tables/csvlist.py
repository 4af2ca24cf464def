"""Read a list of recipients: CSV as tools export it, with or without a header, or bare addresses a line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from engine.commands.tables import headers, mailboxes, table
from engine.commands.tables.headers import Columns
from engine.commands.tables.table import BYTES_MAX, decode
from engine.model.list_rows import ListRow
from engine.refusals import Code, Refused

__all__ = ["BYTES_MAX", "decode", "read", "read_file", "read_objects", "read_packed", "unpacked"]

_LINE_MAX = 500
"""Longest line that can be an address with a name; more is not looked at."""

_COLUMN_NAME_MAX = 100
_NONE: Mapping[str, str] = {}
_BETWEEN = "\0"
"""Between the cells of a column: no list that is read holds it."""
Packed = tuple[tuple[str, ...], list[Mapping[str, str]] | None]
"""The addresses, names, codes and uids of a list, and its fields, if any row has some."""
_NAMED = re.compile(r'(?:"((?:[^"\\]|\\.)*+)"\s*+|([^"<>,;]*+))<([^<>]*+)>')
_ADDRESS = re.compile(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\"]+")
_PREAMBLE_MAX = 20
"""Lines that may stand before the names of the columns."""
_EVENT = re.compile(r"\W*(?:(?:event|uid|id)\W+){0,2}([a-z0-9]{40}|[2-9a-hjkmnp-z]{8})\W*", re.IGNORECASE)
_ONE_OF_SEVERAL = ":::"
"""Between the addresses that Google Contacts exports in one cell."""
_EXAMPLE = "The first line must name the columns, for example: email,name"


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where a list begins, and how: without columns it is an address a line. `uid`: the event of all its rows."""

    start: int
    delimiter: str = ""
    columns: Columns | None = None
    header: bool = True
    uid: str = ""


def read(text: str, rows_max: int | None = None) -> list[ListRow]:
    """The rows of a list; columns that hold no address, name or uid are personal fields, in lower case.

    A row that is not CSV has the code CSV_UNREADABLE. `rows_max`: how many it may have, fewer than any list may.

    Raises Refused: CSV_NO_HEADER, CSV_UNREADABLE, EMPTY_LIST, TOO_LARGE.
    """
    start = table.begin(text)
    first = table.first_line(text, start)
    if not first:
        raise Refused(Code.EMPTY_LIST, "The list is empty.", _EXAMPLE)
    most = table.ROWS_MAX if rows_max is None else rows_max
    if not text[start + len(first) :].strip() and (people := mailboxes.read(first)):
        table.refuse_too_many(len(people), most)
        return [ListRow(email, name, number=number) for number, (name, email) in enumerate(people, 1)]
    layout = _layout(text, start)
    if layout is None:
        raise _no_header(first)
    rows = list(_table(text, layout, most) if layout.columns else _bare(text, layout, most))
    if not rows:
        raise Refused(Code.EMPTY_LIST, "The list has a header and no rows.", "Add a row for each recipient.")
    if all(row.code for row in rows):
        raise table.unreadable("No row of the list is CSV.")
    return rows


def read_file(content: str | bytes) -> list[ListRow]:
    """As `read`, of text or of the bytes of a file."""
    return read(content if isinstance(content, str) else decode(content))


def read_packed(content: str | bytes) -> Packed:
    """As `read_file`, for `unpacked`: a text for each column goes from process to process at a fraction of the cost.

    This module imports little, which counts where a process is started to read one list.
    """
    rows = read_file(content)
    texts = tuple(_BETWEEN.join(map(attrgetter(name), rows)) for name in ("email", "name", "code", "uid"))
    return texts, [row.fields for row in rows] if any(row.fields for row in rows) else None


def unpacked(packed: Packed) -> list[ListRow]:
    """The rows of a list that another process read; they are numbered from 1."""
    texts, fields = packed
    emails, names, codes, uids = (text.split(_BETWEEN) for text in texts)
    return list(
        map(ListRow, emails, names, fields or itertools.repeat(_NONE), itertools.count(1), codes, uids)
    )


def read_objects(objects: Iterable[Mapping[str, str]], first: int = 1) -> Iterator[ListRow]:
    """The rows of a list whose every entry names its own columns, numbered from `first`. Raises Refused(TOO_LARGE)."""
    known: dict[tuple[str, ...], _Layout] = {}
    for number, entry in enumerate(objects, first):
        names = tuple(entry)
        if names not in known:
            columns = headers.read(names)
            _refuse_long(columns or Columns(email=()))
            known[names] = _Layout(0, columns=columns)
        layout = known[names]
        yield _row(number, layout, tuple(entry.values())) if layout.columns else ListRow("", number=number)


def _no_header(first: str) -> Refused:
    shown = " ".join(first.split())[:80]
    return Refused(
        Code.CSV_NO_HEADER, f"The list has no column of addresses; its first line is “{shown}”.", _EXAMPLE
    )


def _layout(text: str, start: int) -> _Layout | None:
    """How the list is laid out; lines before that which hold no address are passed over. Raises Refused(TOO_LARGE)."""
    uid, rows_begin = "", -1
    for place, line in heads(text, start):
        if _is_address(line):
            return _Layout(place if rows_begin < 0 else rows_begin, uid=uid)
        if (delimiter := table.delimiter(line, lambda cells: headers.read(cells) is not None)) is not None:
            return _Layout(place, delimiter, headers.read(table.cells(line, delimiter)), uid=uid)
        if rows_begin < 0 and "@" in line:
            rows_begin = place
        if named := _EVENT.fullmatch(line):
            uid = named[1].lower()
    return _without_header(text, rows_begin, uid) if rows_begin >= 0 else None


def heads(text: str, start: int) -> Iterator[tuple[int, str]]:
    """The first lines that are not blank, of which one may name the columns, and where each begins."""
    return itertools.islice(_lines(text, start), _PREAMBLE_MAX)


def _lines(text: str, start: int) -> Iterator[tuple[int, str]]:
    while start < len(text):
        line = table.first_line(text, start)
        if line.strip(" \t,;|"):
            yield start, line
        start += len(line)
        start += len(text[start : start + 2]) - len(text[start : start + 2].lstrip("\r\n"))


def _without_header(text: str, start: int, uid: str) -> _Layout | None:
    """A list whose first row tells what its columns hold: one holds an address."""
    line = table.first_line(text, start)
    for delimiter in table.DELIMITERS:
        cells = table.cells(line, delimiter)
        held = [n for n, cell in enumerate(cells) if _is_address(cell)]
        if len(cells) > 1 and len(held) == 1:
            return _Layout(start, delimiter, _columns_of(cells, held[0]), header=False, uid=uid)
    return _Layout(start, uid=uid) if is_address_like(line) else None


def _columns_of(cells: Sequence[str], email: int) -> Columns:
    """An event's uid or id may stand before the address; the first other cell that holds letters is the name."""
    uid = next((n for n in range(email) if _EVENT.fullmatch(cells[n])), None)
    others = (n for n, cell in enumerate(cells) if n not in {email, uid} and any(map(str.isalpha, cell)))
    return Columns(email=(email,), uid=uid, full=next(others, None))


def _is_address(line: str) -> bool:
    return len(line) <= _LINE_MAX and bool(_ADDRESS.fullmatch(_plain(line)[1]))


def is_address_like(line: str) -> bool:
    """True for one word with an @, or such a word in angle brackets: an address, or what was meant as one."""
    return len(line) <= _LINE_MAX and "@" in line and " " not in _plain(line)[1]


def _plain(line: str) -> tuple[str, str]:
    """Name and address of a line such as `ann@example.com` or `Ann <ann@example.com>`."""
    return _split(line.strip().rstrip(",;").strip())


def _split(line: str) -> tuple[str, str]:
    """Name and address of a text such as `Ann <ann@example.com>`; of any other, the text as it is."""
    match = _NAMED.fullmatch(line) if len(line) <= _LINE_MAX else None
    if not match or not _ADDRESS.fullmatch(match[3].strip()):
        return "", line
    quoted, plain, address = match.groups()
    name = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
    return "" if "@" in name else " ".join(name.split()), address.strip()


def _bare(text: str, layout: _Layout, rows_max: int) -> Iterator[ListRow]:
    table.refuse_lines(text, layout.start, rows_max + 1)
    number, lines = 0, table.Lines(text, layout.start)
    for line in lines:
        lines.row()
        if line.strip(" \t,;\r\n"):
            number += 1
            table.refuse_too_many(number, rows_max)
            name, email = _plain(line)
            yield ListRow(email, name, number=number, uid=layout.uid)


def _table(text: str, layout: _Layout, rows_max: int) -> Iterator[ListRow]:
    columns = layout.columns
    assert columns is not None, "a list with columns is read as a table"
    _refuse_long(columns)
    width = 1 + max((*columns.email, *columns.fields), default=0)

    def swallows(row: str) -> bool:
        """A line of a cell that is itself a row with an address was swallowed by a stray quote."""
        return any(_holds(columns, layout.delimiter, line, width) for line in row.splitlines()[1:])

    rows = table.rows(text, layout.delimiter, rows_max, layout.start, swallows)
    first = next(rows)
    numbered = enumerate(rows if layout.header else itertools.chain([first], rows), start=1)
    return _named_rows(numbered, layout) if columns.only_named else _rows(numbered, layout)


def _rows(numbered: Iterable[tuple[int, list[str]]], layout: _Layout) -> Iterator[ListRow]:
    for number, cells in numbered:
        yield (
            _broken(number, layout, cells) if isinstance(cells, table.Broken) else _row(number, layout, cells)
        )


def _named_rows(numbered: Iterable[tuple[int, list[str]]], layout: _Layout) -> Iterator[ListRow]:
    """As `_rows`, of a table of names and addresses alone, in two thirds of the time."""
    columns = layout.columns
    assert columns is not None and columns.full is not None, "the table has only names and addresses"
    (at,), full, uid = columns.email, columns.full, layout.uid
    last = max(at, full)
    for number, cells in numbered:
        if type(cells) is list and len(cells) > last:  # a row that is Broken is more than a list
            email, name = cells[at].strip(), cells[full].strip()
            if not ("<" in email or ":::" in email or name in headers.NO_VALUES):
                yield ListRow(email, name, _NONE, number, "", uid)
                continue
        yield from _rows([(number, cells)], layout)


def _holds(columns: Columns, delimiter: str, line: str, width: int) -> bool:
    cells = [cell.strip(' "') for cell in line.split(delimiter)]
    return len(cells) >= min(width, 2) and any(
        n < len(cells) and _is_address(cells[n]) for n in columns.email
    )


def _refuse_long(columns: Columns) -> None:
    """Refuse with TOO_LARGE a name that is too long: each row bears it."""
    if any(len(name) > _COLUMN_NAME_MAX for name in columns.fields.values()):
        raise Refused(
            Code.TOO_LARGE,
            f"The name of a column has more than {_COLUMN_NAME_MAX} characters.",
            _EXAMPLE,
        )


def _row(number: int, layout: _Layout, cells: Sequence[str]) -> ListRow:
    # a row may have fewer cells than there are columns, and costs no more than what it has
    columns = layout.columns
    assert columns is not None, "a list with columns is read as a table"
    named, email = _addressed(columns, cells)
    uid = cells[columns.uid].strip() if columns.uid is not None and columns.uid < len(cells) else ""
    fields = _personal(columns, cells) if columns.fields else _NONE
    return ListRow(email, columns.name(cells) or named, fields, number, "", uid or layout.uid)


def _addressed(columns: Columns, cells: Sequence[str]) -> tuple[str, str]:
    """The first cell that holds an address, as name and address."""
    held = ""
    for place in columns.email:
        if place < len(cells) and (held := cells[place].strip()):
            break
    # Most hold an address alone, and a list may have a million.
    if "<" not in held and _ONE_OF_SEVERAL not in held:
        return "", held
    return _split(held.partition(_ONE_OF_SEVERAL)[0].rstrip())


def _personal(columns: Columns, cells: Sequence[str]) -> Mapping[str, str]:
    names = columns.fields
    return {
        names[n]: kept for n, value in enumerate(cells) if n in names and (kept := value.strip())
    } or _NONE


def _broken(number: int, layout: _Layout, cells: Sequence[str]) -> ListRow:
    """A row with a stray quote: as much of it as tells its sender which one it is."""
    email = next((cell for cell in cells if _is_address(cell)), "")
    return ListRow(email, number=number, code=Code.CSV_UNREADABLE.value, uid=layout.uid)
