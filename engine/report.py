"""The CSV report of an event, and the masked view of its attendees (cis-reference 48, 49)."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable

from engine.model import Attendee

HEADER = ("email", "name", "status", "origin", "prodid")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


async def csv_lines(attendees: AsyncIterator[Attendee]) -> AsyncIterator[str]:
    """The report line by line, header first, each with its CRLF (RFC 4180)."""
    yield _line(HEADER)
    async for attendee in attendees:
        cells = (attendee.email, attendee.name, attendee.partstat.label, attendee.origin, attendee.prodid)
        yield _line(map(harmless, cells))


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (B27)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _line(cells: Iterable[str]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue()


def masked_name(name: str) -> str:
    """A name hidden but for its first letter; nothing where there is none."""
    return _hidden(name) if name else ""


def masked_address(address: str) -> str:
    """The address hidden but for its first letter and its domain."""
    user, _, domain = address.partition("@")
    return f"{_hidden(user)}@{domain}"


def _hidden(text: str) -> str:
    return f"{text[:1]}*******"
