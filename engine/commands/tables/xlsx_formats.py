"""Numbers of a spreadsheet that are shown as dates and times, told by the formats of their cells (ECMA-376, 18.8)."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from datetime import date, timedelta
from enum import Enum, auto

from engine.commands.tables.xlsx_parts import PartParser, beside

_STYLES = "xl/styles.xml"
_CODE_MAX = 255
"""Characters that the code of a format may have."""
_NUMBER = re.compile(r"\d{1,20}(?:\.\d{0,30})?(?:[Ee][+-]?\d{1,3})?")
_UNSHOWN = re.compile(r'"[^"]*"|\\.|[_*].|\[(?!h+\]|m+\]|s+\])[^\[\]]*\]')
_PIECE = re.compile(r"am/pm|a/p|y+|m+|d+|h+|s+(?:\.0+)?|[0#?]")
_DAY_S = 86_400
_FIRST, _FIRST_1904 = date(1899, 12, 30), date(1904, 1, 1)
_LEAP = 60
"""The number of 29 February 1900, which there was in spreadsheets alone: days before it are counted from one later."""
_DAYS_MAX = 2_958_465


class TimeFormat(Enum):
    """As what a number is shown."""

    DAY = auto()
    TIME = auto()
    BOTH = auto()
    LENGTH = auto()
    """Hours, also more than a day has."""
    ANY = auto()
    """A date or a time, as the number is: formats that each language has of its own."""


_OWN: Mapping[int, TimeFormat] = {
    **dict.fromkeys((14, 15, 16, 17), TimeFormat.DAY),
    **dict.fromkeys((18, 19, 20, 21, 45, 47), TimeFormat.TIME),
    22: TimeFormat.BOTH,
    46: TimeFormat.LENGTH,
    **dict.fromkeys((*range(27, 37), *range(50, 59)), TimeFormat.ANY),
}
"""The formats that a file needs not spell out (18.8.30)."""


def formats(package: zipfile.ZipFile) -> Mapping[str, TimeFormat]:
    """As what the cells of each style are shown, by the style's number; those of plain numbers are left out."""
    if _STYLES not in package.namelist():
        return {}
    styles = _Styles()
    styles.parse(beside(package, _STYLES))
    return styles.found


class _Styles(PartParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, TimeFormat] = {}
        self._named: dict[str, TimeFormat | None] = {str(n): kind for n, kind in _OWN.items()}
        self._inside, self._count = False, 0

    def begin(self, tag: str, given: dict[str, str]) -> None:
        if tag == "numFmt":
            self._named[given.get("numFmtId", "")] = of_code(given.get("formatCode", ""))
        elif tag == "cellXfs":
            self._inside = True
        elif tag == "xf" and self._inside:
            if (kind := self._named.get(given.get("numFmtId", ""))) is not None:
                self.found[str(self._count)] = kind
            self._count += 1

    def end(self, tag: str) -> None:
        self._inside = self._inside and tag != "cellXfs"


def of_code(code: str) -> TimeFormat | None:
    """As what a format such as `dd/mm/yyyy hh:mm` shows a number; None: as a number (18.8.31)."""
    code = code.lower()
    if len(code) > _CODE_MAX or code == "general":
        return None
    shown = _UNSHOWN.sub("", code).partition(";")[0]
    pieces = _PIECE.findall(shown)
    if any(piece in "0#?" for piece in pieces):
        return None
    if re.search(r"\[[hms]", shown):
        return TimeFormat.LENGTH
    clock = any(piece[0] in "has" for piece in pieces)
    months = (piece[0] == "m" and not _minute(pieces, n) for n, piece in enumerate(pieces))
    day = any(piece[0] in "yd" for piece in pieces) or any(months)
    if day:
        return TimeFormat.BOTH if clock else TimeFormat.DAY
    return TimeFormat.TIME if clock else None


def _minute(pieces: list[str], place: int) -> bool:
    """True if an m is between hours and seconds, or beside one of them: elsewhere it is a month."""
    before = pieces[place - 1][0] if place else ""
    after = pieces[place + 1][0] if place + 1 < len(pieces) else ""
    return before == "h" or after == "s"


def written(words: str, kind: TimeFormat, *, since_1904: bool) -> str:
    """A number as the date or time that it is shown as: 2027-05-02, 19:00, or both; of what is none, the number."""
    most = _DAYS_MAX - (_FIRST_1904 - _FIRST).days * since_1904
    if not _NUMBER.fullmatch(words) or not 0 <= float(words) <= most:
        return words
    seconds = round(float(words) * _DAY_S)
    days, within = divmod(seconds, _DAY_S)
    if kind is TimeFormat.LENGTH:
        return _clock(seconds)
    timed = kind is TimeFormat.BOTH or (kind is TimeFormat.ANY and within > 0)
    if kind is TimeFormat.TIME or (timed and not days):
        return _clock(within)
    if not days and not since_1904:
        return words
    day = _day(days, since_1904=since_1904).isoformat()
    return f"{day} {_clock(within)}" if timed else day


def _day(days: int, *, since_1904: bool) -> date:
    if since_1904:
        return _FIRST_1904 + timedelta(days=days)
    return _FIRST + timedelta(days=days + (days < _LEAP))


def _clock(seconds: int) -> str:
    hours, rest = divmod(seconds, 3_600)
    clock = f"{hours:02d}:{rest // 60:02d}"
    return f"{clock}:{rest % 60:02d}" if rest % 60 else clock
