"""Read TNEF (winmail.dat): the properties of a message and its attachments (MS-OXTNEF).

Every length, count and depth that a file claims is held against what is there.
"""

from __future__ import annotations

import codecs
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

SIGNATURE = 0x223E9F78
_OBJECTS_MAX = 2_000
_PROPERTIES_MAX = 5_000
_EMBEDDED_DEPTH = 2

_CODEPAGE, _CLASS, _SUBJECT, _PROPERTIES = 0x9007, 0x8008, 0x8004, 0x9003
_RENDERING, _TITLE, _DATA, _ATTACHMENT = 0x9002, 0x8010, 0x800F, 0x9005
_LONG_NAME, _DATA_OBJECT = 0x3707, 0x3701
_IMESSAGE = UUID("00020307-0000-0000-c000-000000000046").bytes_le

_SHORT, _INT, _DOUBLE, _BOOLEAN, _OBJECT, _LONG = 0x02, 0x03, 0x05, 0x0B, 0x0D, 0x14
_STRING, _UNICODE, _TIME, _GUID, _BINARY = 0x1E, 0x1F, 0x40, 0x48, 0x102
_FIXED = {_SHORT: 2, _INT: 4, 0x04: 4, _DOUBLE: 8, 0x06: 8, 0x07: 8, 0x0A: 4, _BOOLEAN: 2, _LONG: 8, _TIME: 8}
_SIZES = {**_FIXED, _GUID: 16}
_VARIABLE = {_STRING, _UNICODE, _OBJECT, _BINARY}
_MANY = 0x1000
_NAMED = 0x8000
_1601 = datetime(1601, 1, 1, tzinfo=UTC)

Key = int | tuple[UUID, int] | tuple[UUID, str]
"""What a property is called: its own number, or a number or a name in a set of names."""
Property = int | bool | float | str | bytes | datetime | UUID


class Malformed(ValueError):  # noqa: N818 -- reads as what it is
    """The bytes are no TNEF, or are damaged."""


@dataclass(slots=True)
class Attachment:
    """A file, or with `message` another message, inside a TNEF."""

    name: str = ""
    content: bytes = b""
    message: Tnef | None = None


@dataclass(slots=True)
class Tnef:
    """One message: its class, its properties by key, its attachments."""

    message_class: str = ""
    subject: str = ""
    properties: dict[Key, Property] = field(default_factory=dict)
    attachments: list[Attachment] = field(default_factory=list)


def read(data: bytes) -> Tnef:
    """The message that a TNEF holds. Raises Malformed."""
    return _Reader(0).message(data)


def _u32(data: bytes, offset: int) -> int:
    return _unpack("<I", data, offset)


def _unpack(form: str, data: bytes, offset: int) -> int:
    try:
        (value,) = struct.unpack_from(form, data, offset)
    except struct.error as error:
        raise Malformed("the data ends too early") from error
    return int(value)


def _slice(data: bytes, offset: int, size: int) -> bytes:
    if size > len(data) - offset:
        raise Malformed("a value is longer than the data")
    return data[offset : offset + size]


class _Reader:
    """Reads one message; `depth` is how many it lies inside of."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._charset = "cp1252"
        self._found = Tnef()

    def message(self, data: bytes) -> Tnef:
        if len(data) < 6 or _u32(data, 0) != SIGNATURE:
            raise Malformed("the data has no TNEF signature")
        for number, content in _objects(data):
            self._take(number, content)
        return self._found

    def _take(self, number: int, content: bytes) -> None:
        if number == _CODEPAGE:
            self._charset = charset(_u32(content, 0))
        elif number == _CLASS:
            self._found.message_class = self._words(content)
        elif number == _SUBJECT:
            self._found.subject = self._words(content)
        elif number == _PROPERTIES:
            self._found.properties |= properties(content, self._charset)
        elif number == _RENDERING:
            self._found.attachments.append(Attachment())
        elif self._found.attachments:
            self._attach(self._found.attachments[-1], number, content)

    def _attach(self, attachment: Attachment, number: int, content: bytes) -> None:
        if number == _TITLE:
            attachment.name = attachment.name or self._words(content)
        elif number == _DATA:
            attachment.content = content
        elif number == _ATTACHMENT:
            found = properties(content, self._charset)
            name, inside = found.get(_LONG_NAME), found.get(_DATA_OBJECT)
            attachment.name = name if isinstance(name, str) else attachment.name
            if isinstance(inside, bytes) and inside.startswith(_IMESSAGE) and self._depth < _EMBEDDED_DEPTH:
                attachment.message = _Reader(self._depth + 1).message(inside[len(_IMESSAGE) :])

    def _words(self, content: bytes) -> str:
        return content.decode(self._charset, "replace").partition("\0")[0]


def charset(codepage: int) -> str:
    """The codec of a Windows code page; that of western Europe where it is unknown."""
    name = "utf-8" if codepage == 65001 else f"cp{codepage}"
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "cp1252"


def _objects(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of each attribute; a last one that is cut off is left out."""
    offset = 6
    for _ in range(_OBJECTS_MAX):
        if offset + 11 > len(data):
            return
        size = _u32(data, offset + 5)
        if size > len(data) - offset - 9:
            return
        yield _u32(data, offset + 1) & 0xFFFF, data[offset + 9 : offset + 9 + size]
        offset += 9 + size + 2
    raise Malformed("it has too many parts")


def properties(data: bytes, encoding: str) -> dict[Key, Property]:
    """The MAPI properties of a stream; of those with several values the first. Raises Malformed."""
    count, offset = _u32(data, 0), 4
    if count > _PROPERTIES_MAX:
        raise Malformed("it has too many properties")
    found: dict[Key, Property] = {}
    for _ in range(count):
        kind, number = _unpack("<H", data, offset), _unpack("<H", data, offset + 2)
        key, offset = _named(data, offset + 4) if number >= _NAMED else (number, offset + 4)
        value, offset = _value(data, offset, kind, encoding)
        if value is not None:
            found.setdefault(key, value)
    return found


def _named(data: bytes, offset: int) -> tuple[Key, int]:
    names = UUID(bytes_le=_slice(data, offset, 16))
    kind, number = _u32(data, offset + 16), _u32(data, offset + 20)
    offset += 24
    if kind == 0:
        return (names, number), offset
    name = _slice(data, offset, number).decode("utf-16-le", "replace").rstrip("\0")
    return (names, name), offset + _padded(number)


def _value(data: bytes, offset: int, kind: int, encoding: str) -> tuple[Property | None, int]:
    many, kind = bool(kind & _MANY), kind & ~_MANY
    if kind in _VARIABLE:
        return _variable(data, offset, kind, encoding)
    if kind not in _SIZES:
        raise Malformed("it has a property of an unknown type")
    size, count = _SIZES[kind], 1
    if many:
        count, offset = _u32(data, offset), offset + 4
    values = _slice(data, offset, size * count)
    return (_fixed(values, kind) if count else None), offset + _padded(size * count)


def _fixed(value: bytes, kind: int) -> Property | None:
    if kind == _GUID:
        return UUID(bytes_le=value[:16])
    if kind == _TIME:
        try:
            return _1601 + timedelta(microseconds=_unpack("<Q", value, 0) // 10)
        except OverflowError:
            return None
    if kind == _BOOLEAN:
        return bool(_unpack("<H", value, 0))
    size = _SIZES[kind]
    return int.from_bytes(value[:size], "little", signed=True) if kind in {_SHORT, _INT, _LONG} else None


def _variable(data: bytes, offset: int, kind: int, encoding: str) -> tuple[Property | None, int]:
    count, offset = _u32(data, offset), offset + 4
    if count > _PROPERTIES_MAX:
        raise Malformed("a property has too many values")
    first: bytes | None = None
    for _ in range(count):
        size = _u32(data, offset)
        value = _slice(data, offset + 4, size)
        first = value if first is None else first
        offset += 4 + _padded(size)
    if first is None:
        return None, offset
    if kind in {_OBJECT, _BINARY}:
        return first, offset
    text = first.decode("utf-16-le" if kind == _UNICODE else encoding, "replace")
    return text.partition("\0")[0], offset


def _padded(size: int) -> int:
    return (size + 3) & ~3
