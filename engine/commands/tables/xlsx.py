"""Read the first sheet that is shown of a spreadsheet file (Office Open XML, ECMA-376) as CSV text; bounded."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from xml.parsers import expat

from engine.commands.tables import table, xlsx_formats, xlsx_parts
from engine.commands.tables.xlsx_formats import TimeFormat
from engine.commands.tables.xlsx_parts import PartParser
from engine.refusals import Code, Refused

_CELL_MAX = 32_767
"""Characters that a cell may have."""
_PLACE = re.compile(r"([A-Z]{1,3})\d+")
_MAGIC = b"PK\x03\x04"
_TRUTH = {"0": "FALSE", "1": "TRUE"}


def is_spreadsheet(data: bytes) -> bool:
    """True for a file that is packed as these are."""
    return data.startswith(_MAGIC)


def as_csv(data: bytes) -> str:
    """The rows of the first sheet that is shown, as CSV, its dates as 2027-05-02 and its times as 19:00.

    Raises Refused: CSV_UNREADABLE, TOO_LARGE.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            buffer = io.StringIO()
            _write_rows(package, csv.writer(buffer).writerow)
            return buffer.getvalue()
    except (
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
        KeyError,
        NotImplementedError,
        RuntimeError,
        EOFError,
    ):
        raise table.unreadable("The file is no spreadsheet that can be read.") from None


def _strings(package: zipfile.ZipFile) -> list[str]:
    """The texts that cells refer to by number (18.4)."""
    if "xl/sharedStrings.xml" not in package.namelist():
        return []
    reader = _Strings()
    reader.parse(xlsx_parts.part(package, "xl/sharedStrings.xml"))
    return reader.found


def _write_rows(package: zipfile.ZipFile, write: Callable[[list[str]], object]) -> None:
    book, strings, formats = xlsx_parts.book(package), _strings(package), xlsx_formats.formats(package)
    sheet = _Sheet(strings, formats, write, since_1904=book.since_1904)
    sheet.parse(xlsx_parts.part(package, book.sheet))


def _whole(words: list[str]) -> str:
    """The text of a cell; one that is longer than any is refused, for a part of an address is another's."""
    text = "".join(words)
    if len(text) > _CELL_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"A cell has more than {_CELL_MAX} characters.",
            "Shorten it, and save the file again.",
        )
    return text


class _Strings(PartParser):
    """The shared strings; what is said of how a text sounds (rPh) is left out."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside = self._sound = False
        self._words: list[str] = []

    def begin(self, tag: str, given: dict[str, str]) -> None:
        if tag == "si":
            self._words = []
        self._sound = self._sound or tag == "rPh"
        self._inside = tag == "t" and not self._sound

    def end(self, tag: str) -> None:
        self._inside = False
        if tag == "rPh":
            self._sound = False
        if tag == "si":
            self.found.append(_whole(self._words))

    def text(self, words: str) -> None:
        if self._inside:
            self._words.append(words)


class _Sheet(PartParser):
    """The rows of a sheet, each cell in its place (18.3.1.4), given to `write` one by one."""

    def __init__(
        self,
        strings: list[str],
        formats: Mapping[str, TimeFormat],
        write: Callable[[list[str]], object],
        *,
        since_1904: bool,
    ) -> None:
        super().__init__()
        self._strings, self._formats, self._write = strings, formats, write
        self._since_1904 = since_1904
        self._format: TimeFormat | None = None
        self._count = self._size = 0
        self._row: dict[int, str] = {}
        self._place, self._kind, self._inside = 0, "", False
        self._words: list[str] = []

    def begin(self, tag: str, given: dict[str, str]) -> None:
        if tag == "row":
            self._row, self._place = {}, -1
        if tag == "c":
            named = _PLACE.fullmatch(given.get("r", ""))
            self._place = _number(named[1]) if named else self._place + 1
            self._kind, self._words = given.get("t", ""), []
            self._format = self._formats.get(given.get("s", "0"))
        self._inside = tag in {"v", "t"}

    def end(self, tag: str) -> None:
        self._inside = False
        if tag == "c" and self._place < table.COLUMNS_MAX:
            self._row[self._place] = value = self._value(_whole(self._words))
            self._grow(len(value))
        if tag == "row":
            width = max(self._row, default=-1) + 1
            self._grow(width + 1)
            table.refuse_too_many(self._count, table.ROWS_MAX)
            self._count += 1
            self._write([self._row.get(place, "") for place in range(width)])

    def text(self, words: str) -> None:
        if self._inside:
            self._words.append(words)

    def _grow(self, size: int) -> None:
        """Count the text that the rows come to: many cells may refer to one long string."""
        self._size += size
        if self._size > table.BYTES_MAX:
            raise xlsx_parts.too_large()

    def _value(self, words: str) -> str:
        match self._kind:
            case "s":
                return self._shared(words)
            case "b":
                return _TRUTH.get(words, words)
            case "e":
                return ""
        if self._format and self._kind in {"", "n"}:
            return xlsx_formats.written(words, self._format, since_1904=self._since_1904)
        return words

    def _shared(self, words: str) -> str:
        place = int(words) if words.isascii() and words.isdigit() and len(words) < 10 else -1
        return self._strings[place] if 0 <= place < len(self._strings) else ""


def _number(letters: str) -> int:
    """The place of a column: A is 0, AA is 26."""
    found = 0
    for letter in letters:
        found = found * 26 + ord(letter) - ord("A") + 1
    return found - 1
