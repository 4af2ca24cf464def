"""Content lines and components: calendar text as a tree, and back (RFC 5545, 3.1 and 3.2)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from engine.itip.repairs import Repairs
from engine.refusals import Code, Refused

MAX_BYTES = 2_000_000
MAX_COMPONENTS = 50_000
MAX_DEPTH = 8

_TOP_KINDS = frozenset({"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE"})
_KNOWN = _TOP_KINDS | {"VCALENDAR", "VALARM", "STANDARD", "DAYLIGHT"}
_NOT_OF_EVENTS = frozenset(
    {"TZID", "TZOFFSETFROM", "TZOFFSETTO", "TZNAME", "METHOD", "PRODID", "VERSION", "CALSCALE"}
)
_TIMES = frozenset({"DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE"})

_FOLD = re.compile(rb"(?:\r\n|\r|\n)[ \t]")
_BREAK = re.compile(r"\r\n|\r|\n")
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_NEWLINES = re.compile(r"\r\n|[\r\x85\u2028\u2029]")
_NAME = re.compile(r"\s*([A-Za-z0-9-]{1,100})\s*([;:])")
_MAILTO = re.compile(r":\s*mailto\s*:", re.IGNORECASE)
_ESCAPE = re.compile(r"\\(.?)", re.DOTALL)
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
        return clean_text(_ESCAPE.sub(_unescape, self.value))


@dataclass(slots=True)
class Component:
    """A calendar component with its properties and the components inside it."""

    name: str
    properties: list[Property] = field(default_factory=list)
    components: list[Component] = field(default_factory=list)

    def all(self, name: str) -> Iterator[Property]:
        """Each property called `name`, in order."""
        return (p for p in self.properties if p.name == name)

    def first(self, name: str) -> Property | None:
        """The first property called `name`."""
        return next(self.all(name), None)

    def text(self, name: str) -> str:
        """The first value of `name` that is not blank, as TEXT; empty where there is none."""
        return next((t for p in self.all(name) if (t := p.text).strip()), "")

    def inside(self, name: str) -> Iterator[Component]:
        """Each direct component called `name`, in order."""
        return (c for c in self.components if c.name == name)


def _unescape(match: re.Match[str]) -> str:
    char = match.group(1)
    return "\n" if char in {"n", "N"} else char or "\\"


def clean_text(text: str) -> str:
    """`text` with one kind of line break and without the characters TEXT may not hold (RFC 5545, 3.3.11)."""
    return _UNSAFE.sub("", _NEWLINES.sub("\n", text))


def clean_name(name: str) -> str:
    """`name` on one line and without double quotes, so that it can stand in any parameter (RFC 5545, 3.2)."""
    if not name.isprintable():
        name = clean_text(name)
    return " ".join(name.replace('"', "'").split())


# reading


def decode(data: bytes, max_bytes: int = MAX_BYTES, repairs: Repairs | None = None) -> str:
    """Calendar bytes as text: UTF-16 by its mark or its zero bytes, else UTF-8, else Windows-1252.

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
    """The kind of UTF-16 that `data` is; the word BEGIN has every other byte zero in it."""
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        return "utf-16"
    if data[:4] == b"B\0E\0":
        return "utf-16-le"
    return "utf-16-be" if data[:4] == b"\0B\0E" else ""


def unfolded(text: str) -> Iterator[str]:
    """Logical lines of `text`, whatever it breaks and folds its lines with; blank lines are left out."""
    pending: list[str] = []
    for line in _BREAK.split(text):
        if line[:1] in {" ", "\t"} and pending:
            pending.append(line[1:])
        elif line.strip():
            if pending:
                yield "".join(pending)
            pending = [line]
    if pending:
        yield "".join(pending)


def _value_starts(line: str, start: int) -> int:
    """Index of the colon before the value: the first one outside quotes, from `start` on."""
    quoted = False
    for index in range(start, len(line)):
        char = line[index]
        if char == '"':
            quoted = not quoted
        elif char == ":" and not quoted:
            return index
    return line.find(":", start)


def _split_outside_quotes(text: str, separator: str) -> list[str]:
    if '"' not in text:
        return text.split(separator)
    return re.findall(rf'(?:"[^"]*"?|[^"{separator}])+', text)


def _uncaret(match: re.Match[str]) -> str:
    return {"n": "\n", "'": '"', "^": "^"}[match.group(1)]


def _params(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for piece in _split_outside_quotes(text, ";")[:100]:
        name, equals, value = piece.partition("=")
        if equals:
            plain = value.strip().replace('"', "")
            found.setdefault(name.strip().upper(), _CARET.sub(_uncaret, plain))
    return found


def parse_line(line: str) -> Property | None:
    """One unfolded content line, or None where it is none.

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


def parse(text: str, repairs: Repairs | None = None) -> list[Component]:
    """The top components of `text`; lines that are no content lines and stray ENDs are passed over.

    Raises Refused(INVALID_CALENDAR) where components nest too deep, Refused(TOO_LARGE) for too many.
    """
    repairs = repairs or Repairs()
    root = Component("")
    stack, count = [root], 0
    for line in unfolded(text):
        prop = parse_line(line)
        if prop is None:
            repairs.note("a line that is no property passed over")
            continue
        name = prop.value.strip().upper()
        if prop.name == "BEGIN":
            count += 1
            _check_limits(len(stack), count)
            component = Component(name)
            outer = _outer(stack, name)
            if len(outer) < len(stack):
                repairs.note(f"{_shown(stack[-1])} without its END")
            stack = outer
            stack[-1].components.append(component)
            stack = [*stack, component]
        elif prop.name == "END":
            stack = _closed(stack, name, repairs)
        else:
            stack[-1].properties.append(prop)
    if len(stack) > 1:
        repairs.note(f"{_shown(stack[-1])} without its END")
    return root.components


def _shown(component: Component) -> str:
    return component.name if component.name in _KNOWN else "a component"


def _outer(stack: list[Component], name: str) -> list[Component]:
    """Where a component begins: calendars and their events stay apart though an END may be missing."""
    if name == "VCALENDAR":
        return stack[:1]
    return stack[:2] if name in _TOP_KINDS and len(stack) > 1 else stack


def _check_limits(depth: int, count: int) -> None:
    if depth > MAX_DEPTH:
        raise Refused(
            Code.INVALID_CALENDAR, "The calendar's components are nested too deep.", "Send plain events."
        )
    if count > MAX_COMPONENTS:
        raise Refused(Code.TOO_LARGE, "The calendar has too many components.", "Split it into smaller ones.")


def _closed(stack: list[Component], name: str, repairs: Repairs) -> list[Component]:
    for depth in range(len(stack) - 1, 0, -1):
        if stack[depth].name == name:
            if depth < len(stack) - 1:
                repairs.note(f"{_shown(stack[-1])} without its END")
            return stack[:depth]
    if name == "VEVENT" and len(stack) > 1:
        # Its BEGIN got lost, with whatever else stood there: what is left of it is better than nothing.
        repairs.note("VEVENT without its BEGIN")
        own = [p for p in stack[-1].properties if p.name not in _NOT_OF_EVENTS]
        stack[1].components.append(Component(name, own))
        return stack[:2]
    repairs.note("an END without its BEGIN passed over")
    return stack


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
