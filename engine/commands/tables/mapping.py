"""Tell which column of a list holds the addresses and which the names, if their titles do not."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Sequence

from engine.commands.tables import csvlist, table
from engine.refusals import Code, Refused

_NAMES_SHOWN = 60
"""Characters of a column's title."""
_EMPTY = f" {table.DELIMITERS}"


def titles(text: str) -> list[str]:
    """What the first line has in each cell. Raises Refused: EMPTY_LIST, TOO_LARGE, CSV_UNREADABLE."""
    _, line = _head(text, table.begin(text))
    if not line.strip():
        raise Refused(Code.EMPTY_LIST, "The list is empty.", "Give at least one row.")
    return [" ".join(cell.split())[:_NAMES_SHOWN] for cell in table.cells(line, _delimiter(line))]


def mapped(text: str, email: int, name: int | None) -> str:
    """The list with the titles `email` and `name` over the columns at these places; what heads it stays.

    Raises Refused: INVALID_ARGUMENT, TOO_LARGE, CSV_UNREADABLE.
    """
    start = table.begin(text)
    place, line = _head(text, start)
    mark = _delimiter(line)
    cells = table.cells(line, mark)
    if not 0 <= email < len(cells) or (name is not None and not 0 <= name < len(cells)) or name == email:
        raise Refused(
            Code.INVALID_ARGUMENT,
            "Addresses and names each need an existing column of the list.",
            "Choose them again.",
        )
    bare = csvlist.is_address_like(cells[email])
    if bare:
        cells = [f"column {n}" for n in range(1, len(cells) + 1)]
    head = _line(_renamed(cells, email, name), mark)
    # A line that holds an address is the first row: the titles go above it.
    rest = "\n" + text[place:] if bare else text[place + len(line) :]
    return text[start:place] + head + rest


def _head(text: str, start: int) -> tuple[int, str]:
    """The first line of several cells, and where it begins: what stands alone in lines above it heads the list."""
    for place, line in csvlist.heads(text, start):
        if any(mark in line.strip(_EMPTY) for mark in table.DELIMITERS):
            return place, line
        if "@" in line:
            break
    return start, table.first_line(text, start)


def _renamed(cells: Sequence[str], email: int, name: int | None) -> list[str]:
    """The titles; another column that bears one of the two names gets a number."""
    own = {email: "email"} | ({} if name is None else {name: "name"})
    numbers = itertools.count(2)
    return [
        own.get(place) or (f"{cell} {next(numbers)}" if cell.strip().lower() in {"email", "name"} else cell)
        for place, cell in enumerate(cells)
    ]


def _delimiter(line: str) -> str:
    """The delimiter that parts the line most often."""
    return max(table.DELIMITERS, key=line.count)


def _line(cells: Sequence[str], mark: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=mark, lineterminator="").writerow(cells)
    return buffer.getvalue()
