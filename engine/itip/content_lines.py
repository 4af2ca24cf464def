"""Content lines: calendar text line by line, and back (RFC 5545, 3.1 and 3.2)."""

from __future__ import annotations

import binascii
import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from engine.itip.repairs import Repairs
from engine.refusals import Code, Refused

MAX_BYTES = 2_000_000
MAX_PARAMETERS = 100
_PARAMETERS_SEEN = 200
_TIMES = frozenset({"DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE"})

_FOLD = re.compile(rb"(?:\r\n|\r|\n)[ \t]")
_BREAK = re.compile(r"\r\n|\r|\n")
_CONTINUED = ("\r ", "\r\t", "\n ", "\n\t", "=\r", "=\n")
"""What separates a line from its continuation."""
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_NEWLINES = re.compile(r"\r\n|[\r\x85\u2028\u2029]")
_NAME = re.compile(r"\s*([A-Za-z0-9-]{1,100})\s*([;:])")
_MAILTO = re.compile(r":\s*mailto\s*:", re.IGNORECASE)
# possessive: no backtracking into what has matched, and no memory for it; what may fail half-way is atomic
_PARAMETER = re.compile(r'(?:[^";]++|"[^"]*+"?)++')
_TO_VALUE = re.compile(r'(?:[^":]++|(?>"[^"]*"))*+:')
_CHARSET = re.compile(r"iso-8859-\d{1,2}|windows-125\d|koi8-[ru]|shift_jis|euc-(?:jp|kr)|gb2312|gbk|big5")
_QUOTED = "QUOTED-PRINTABLE"
_CARET = re.compile(r"\^(['n^])")
_TOKEN = re.compile(r"[A-Za-z0-9 ._@+'/-]*")


@dataclass(slots=True)
class Property:
    """One content line: upper-case `name`, `params` without quotes, `value` still escaped."""

    name: str
    params: dict[str, str]
    value: str

    @property
    def text(self) -> str:
        """The value as TEXT, unescaped and free of control characters (RFC 5545, 3.3.11)."""
        encoded = self.params and self.params.get("ENCODING", "").upper() == "QUOTED-PRINTABLE"
        return clean_text(_unescaped(_from_quoted(self) if encoded else self.value))


@dataclass(slots=True)
class Component:
    """A calendar component with its properties and the components inside it."""

    name: str
    properties: list[Property] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)
    unended: bool = False
    """The text ended before it did."""
    _named: dict[str, list[Property]] | None = field(default=None, init=False, repr=False, compare=False)
    """The properties by name, indexed at the first lookup, when all of them have been read."""

    def all(self, name: str) -> Sequence[Property]:
        """Each property called `name`, in order."""
        if self._named is None:
            self._named = {}
            for prop in self.properties:
                self._named.setdefault(prop.name, []).append(prop)
        return self._named.get(name, ())

    def first(self, name: str) -> Property | None:
        """The first property called `name`."""
        found = self.all(name)
        return found[0] if found else None

    def text(self, name: str) -> str:
        """The first value of `name` that is not blank, as TEXT; empty if there is none."""
        for prop in self.all(name):
            text = prop.text
            if text and not text.isspace():
                return text
        return ""

    def inside(self, name: str) -> Iterator[Component]:
        """Each direct component called `name`, in order."""
        return (c for c in self.components if c.name == name)


def _from_quoted(prop: Property) -> str:
    """A value in quoted-printable, as vCalendar 1.0 has it: in UTF-8, else in the charset that it names."""
    data = binascii.a2b_qp(prop.value.encode("utf-8", "replace"))
    charset = prop.params.get("CHARSET", "").strip().lower()
    for name in ("utf-8", charset if _CHARSET.fullmatch(charset) else "cp1252"):
        with suppress(UnicodeDecodeError, LookupError):
            return data.decode(name)
    return data.decode("cp1252", "replace")


def _unescaped(value: str) -> str:
    """`value` without its backslashes, keeping the character after each; in one pass, however many there are."""
    if "\\" not in value:
        return value
    *pieces, last = value.split("\\\\")
    tail = "\\" if last.endswith("\\") else ""
    return "\\".join(_single(piece) for piece in (*pieces, last)) + tail


def _single(piece: str) -> str:
    return piece.replace("\\n", "\n").replace("\\N", "\n").replace("\\", "")


def clean_text(text: str) -> str:
    """`text` with one kind of line break and without the characters TEXT may not hold (RFC 5545, 3.3.11)."""
    return text if text.isprintable() else _UNSAFE.sub("", _NEWLINES.sub("\n", text))


def clean_name(name: str) -> str:
    """`name` on one line and without double quotes, so that it can stand in any parameter (RFC 5545, 3.2)."""
    if not name.isprintable():
        name = clean_text(name)
    return " ".join(name.replace('"', "'").split())


# reading


def decode(data: bytes, max_bytes: int = MAX_BYTES, repairs: Repairs | None = None) -> str:
    """Calendar bytes as text: UTF-16 if its byte order mark or zero bytes say so, else UTF-8, else Windows-1252.

    Raises Refused(TOO_LARGE) over `max_bytes`.
    """
    if len(data) > max_bytes:
        raise Refused(
            Code.TOO_LARGE,
            f"The calendar is larger than {max_bytes // 1_000_000} MB.",
            "Send a smaller calendar, or split it.",
        )
    repairs = repairs or Repairs()
    text = _text(data, repairs)
    if "\0" in text:
        repairs.note("zero bytes left out")
        text = text.replace("\0", "")
    return text


def _text(data: bytes, repairs: Repairs) -> str:
    wide = _utf16(data)
    if wide:
        repairs.note("UTF-16 in place of UTF-8")
        return data.decode(wide, "replace")
    with suppress(UnicodeDecodeError):
        return data.decode("utf-8-sig")
    with suppress(UnicodeDecodeError):
        text = _FOLD.sub(b"", data).decode("utf-8-sig")
        repairs.note("characters put together that folds had cut in two")
        return text
    repairs.note("bytes that are no UTF-8 read as Windows-1252")
    return data.removeprefix(b"\xef\xbb\xbf").decode("cp1252", "replace")


def _utf16(data: bytes) -> str:
    """The UTF-16 codec of `data`, found by the zero bytes in the word BEGIN; empty if it is not UTF-16."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16"
    if data[:4] == b"B\0E\0":
        return "utf-16-le"
    return "utf-16-be" if data[:4] == b"\0B\0E" else ""


def unfolded(text: str) -> Iterator[str]:
    """The unfolded lines of `text`, with any kind of line break and folding; blank lines are left out."""
    if not any(mark in text for mark in _CONTINUED):
        return (line for line in _BREAK.split(text) if line.strip())
    return _joined(text)


def _joined(text: str) -> Iterator[str]:
    pending: list[str] = []
    for line in _BREAK.split(text):
        if pending and pending[-1].endswith("=") and _is_quoted(pending[0]):
            # a soft line break of quoted-printable
            pending[-1] = pending[-1][:-1]
            pending.append(line[1:] if line[:1] in {" ", "\t"} else line)
        elif line[:1] in {" ", "\t"} and pending:
            pending.append(line[1:])
        elif line.strip():
            if pending:
                yield "".join(pending)
            pending = [line]
    if pending:
        yield "".join(pending)


def _is_quoted(line: str) -> bool:
    """True if the parameters at the start of `line` say that its value is in quoted-printable."""
    return _QUOTED in line[:_PARAMETERS_SEEN].partition(":")[0].upper()


def _value_starts(line: str, start: int) -> int:
    """Index of the colon before the value: the first one outside quotes, from `start` on."""
    match = _TO_VALUE.match(line, start)
    return match.end() - 1 if match else line.find(":", start)


def _pieces(text: str) -> list[str]:
    """The parameters in `text`, split at semicolons outside quotes.

    Raises Refused(INVALID_CALENDAR) for too many.
    """
    found = [match.group() for match in itertools.islice(_PARAMETER.finditer(text), MAX_PARAMETERS + 1)]
    if len(found) > MAX_PARAMETERS:
        raise Refused(
            Code.INVALID_CALENDAR,
            f"A line of the calendar has more than {MAX_PARAMETERS} parameters.",
            "Send plain events.",
        )
    return found


def _uncaret(match: re.Match[str]) -> str:
    return {"n": "\n", "'": '"', "^": "^"}[match.group(1)]


def _params(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for piece in _pieces(text):
        name, equals, value = piece.partition("=")
        if equals:
            plain = value.strip().replace('"', "")
            found.setdefault(name.strip().upper(), _CARET.sub(_uncaret, plain))
        elif piece.strip().upper() == _QUOTED:
            found.setdefault("ENCODING", _QUOTED)
    return found


def parse_line(line: str) -> Property | None:
    """The property in one unfolded line, or None if it is not a content line.

    Calendar addresses are split at the last `:mailto:` and times at the last colon, since names with
    a bare colon, SENT-BY=mailto: and TZID=tzone://… without quotes occur in real mail.
    """
    match = _NAME.match(line)
    if not match:
        return None
    name = match.group(1).upper()
    if match.group(2) == ":":
        return Property(name, {}, line[match.end() :])
    colon = -1
    if name in {"ATTENDEE", "ORGANIZER"}:
        colon = max((m.start() for m in _MAILTO.finditer(line, match.end())), default=-1)
    elif name in _TIMES:
        colon = line.rfind(":", match.end())
    if colon < 0:
        colon = _value_starts(line, match.end())
    if colon < 0:
        return None
    return Property(name, _params(line[match.end() : colon]), line[colon + 1 :])


# writing


def escape(text: str) -> str:
    """`text` as a TEXT value (RFC 5545, 3.3.11)."""
    text = clean_text(text).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\n", "\\n")


def fold(line: str) -> bytes:
    """`line` folded at 75 octets, never inside a character or an escape, with its CRLF (RFC 5545, 3.1)."""
    data = line.encode("utf-8")
    if len(data) <= 75:
        return data + b"\r\n"
    pieces, start, room = [], 0, 75
    while len(data) - start > room:
        end = start + room
        while data[end] & 0xC0 == 0x80:
            end -= 1
        if data[end - 1] == 0x5C and data[end - 2] != 0x5C:
            end -= 1
        pieces.append(data[start:end])
        start, room = end, 74
    pieces.append(data[start:])
    return b"\r\n ".join(pieces) + b"\r\n"
