"""The parts of a spreadsheet file (Office Open XML, ECMA-376): read within bounds, and which of them is the sheet."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass
from xml.parsers import expat

from engine.commands.tables import table
from engine.refusals import Code, Refused

_PART_MAX = 100_000_000
"""Bytes of one part, unpacked."""
_BESIDE_MAX = 10_000_000
"""Bytes of a part that only says how the others are to be read."""
_SHEET = re.compile(r"xl/worksheets/sheet\d*\.xml")
_WORKBOOK, _RELATIONSHIPS = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"


def part(package: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a part. Raises Refused: TOO_LARGE."""
    return _read(package, name, _PART_MAX)


def beside(package: zipfile.ZipFile, name: str) -> bytes:
    """The bytes of a part that says how others are to be read. Raises Refused: TOO_LARGE."""
    return _read(package, name, min(_BESIDE_MAX, _PART_MAX))


def _read(package: zipfile.ZipFile, name: str, most: int) -> bytes:
    with package.open(name) as opened:
        data = opened.read(most + 1)
    if len(data) > most:
        raise too_large()
    return data


def too_large() -> Refused:
    """The refusal of a file that comes to more than a list may have (TOO_LARGE)."""
    return Refused(Code.TOO_LARGE, "The spreadsheet is too large.", "Save it as CSV, in parts.")


class PartParser:
    """Elements by their local names; a document with a DOCTYPE is refused, so that no entity is ever expanded."""

    def __init__(self) -> None:
        self._expat = expat.ParserCreate(namespace_separator=" ")
        self._expat.buffer_text = True
        self._expat.StartElementHandler = lambda tag, given: self.begin(tag.rpartition(" ")[2], given)
        self._expat.EndElementHandler = lambda tag: self.end(tag.rpartition(" ")[2])
        self._expat.CharacterDataHandler = self.text
        self._expat.StartDoctypeDeclHandler = self._refuse

    def parse(self, data: bytes) -> None:
        """Read a whole part."""
        self._expat.Parse(data, True)

    def _refuse(self, *_: object) -> None:
        raise table.unreadable("The file is no spreadsheet that can be read.")

    def begin(self, tag: str, given: dict[str, str]) -> None:
        """An element begins."""

    def end(self, tag: str) -> None:
        """An element ends."""

    def text(self, words: str) -> None:
        """Text within an element."""


@dataclass(frozen=True)
class SpreadsheetBook:
    """The part of the first sheet that is shown; `since_1904`: whether days are counted from 1904 on, not from 1900."""

    sheet: str
    since_1904: bool = False


def book(package: zipfile.ZipFile) -> SpreadsheetBook:
    """What the file says of its sheets. Raises Refused: CSV_UNREADABLE, TOO_LARGE."""
    names = package.namelist()
    if _WORKBOOK not in names or _RELATIONSHIPS not in names:
        sheets = sorted(filter(_SHEET.fullmatch, names), key=lambda name: (len(name), name))
        if not sheets:
            raise table.unreadable("The file holds no sheet.")
        return SpreadsheetBook(sheets[0])
    related, told = _Related(), _Book()
    related.parse(beside(package, _RELATIONSHIPS))
    told.parse(beside(package, _WORKBOOK))
    target = next((related.sheets[name] for name in told.shown if name in related.sheets), None)
    if target is None:
        raise table.unreadable("The file holds no sheet that is shown.")
    return SpreadsheetBook(posixpath.normpath(posixpath.join("/xl", target)).lstrip("/"), told.since_1904)


class _Related(PartParser):
    """The parts of the sheets that hold cells, by the names that the workbook has for them."""

    def __init__(self) -> None:
        super().__init__()
        self.sheets: dict[str, str] = {}

    def begin(self, tag: str, given: dict[str, str]) -> None:
        if tag == "Relationship" and given.get("Type", "").endswith("/worksheet"):
            self.sheets[given.get("Id", "")] = given.get("Target", "")


class _Book(PartParser):
    """The names of the sheets that are shown, in the order of their tabs (18.2.19)."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.since_1904 = False

    def begin(self, tag: str, given: dict[str, str]) -> None:
        if tag == "workbookPr":
            self.since_1904 = given.get("date1904") in {"1", "true"}
        if tag == "sheet" and given.get("state", "visible") == "visible":
            self.shown += [name for of, name in given.items() if of.endswith(" id")]
