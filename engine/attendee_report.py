"""The CSV report of an event, and the masked view of its attendees."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import AsyncIterator, Iterable
from datetime import UTC

from engine.model.people import Attendee

HEADER = ("email", "name", "status", "origin", "prodid", "answered")
"""The columns of the reference product, and behind them when the last answer came, in UTC."""
_SIGNS = frozenset("=+-@|%\N{MINUS SIGN}")
_BLANKS = ("\t", "\r", "\n")
_EMPTY = frozenset('"\u115f\u1160\u3164\uffa0\u2800')
"""A quote, and letters and symbols without a shape: fillers of Hangul, a blank of Braille."""
_SEPARATOR = re.compile(r"(?<=[;\t\r\n])")
_LOOKED_AT = 200
"""Characters of a cell in which something must be seen."""


async def csv_lines(attendees: AsyncIterator[Attendee]) -> AsyncIterator[str]:
    """The report line by line, header first, each with its CRLF (RFC 4180)."""
    yield _line(HEADER)
    async for attendee in attendees:
        at = attendee.receipt_arrived
        answered = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""
        cells = (attendee.email, attendee.name, attendee.partstat.label, attendee.origin, attendee.prodid)
        yield _line([*map(harmless, cells), answered])


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, whichever separator it takes the lines apart by."""
    if cell[:1].isalnum() and cell.isascii() and not _SEPARATOR.search(cell):
        return cell
    lead = "'" if cell.startswith(_BLANKS) else ""
    return lead + "".join(f"'{piece}" if _formula(piece) else piece for piece in _SEPARATOR.split(cell))


def _formula(piece: str) -> bool:
    """True if what is seen first begins a formula; a full-width sign counts as one, and so does a crossed one."""
    seen = next((c for c in unicodedata.normalize("NFKD", piece[:_LOOKED_AT]) if not _unseen(c)), "")
    return seen in _SIGNS if seen else len(piece) > _LOOKED_AT


def _unseen(character: str) -> bool:
    """True for spaces, controls, what has no width, and marks that combine; a quote says nothing either."""
    return character in _EMPTY or unicodedata.category(character)[0] in "CMZ"


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()


def masked_name(name: str) -> str:
    """A name hidden but for its first letter; nothing if there is none."""
    return _hidden(name) if name else ""


def _hidden(text: str) -> str:
    return f"{text[:1]}*******"
