"""Read TNEF (winmail.dat): the properties of a message and its attachments (MS-OXTNEF).

Every length, count and depth that a file claims is checked against its actual bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from engine.mail.charsets import known

SIGNATURE = 0x223E9F78
_OBJECTS_MAX = 2_000
_PROPERTIES_MAX = 5_000
"""Properties, and values of those that have several, in a message and in all that are inside it."""
_EMBEDDED_DEPTH = 2
_COPIES_MAX = 3
"""How many times the size of a file may be copied while it is read."""

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
    return _Reader(0, _Left(octets=_COPIES_MAX * len(data))).message(memoryview(data))


@dataclass(slots=True)
class _Left:
    """What may still be read of one file, over all its parts."""

    octets: int
    objects: int = _OBJECTS_MAX
    values: int = _PROPERTIES_MAX

    def object(self) -> None:
        self.objects -= 1
        if self.objects < 0:
            raise Malformed("it has too many parts")

    def value(self, count: int = 1) -> None:
        self.values -= count
        if self.values < 0:
            raise Malformed("it has too many properties")

    def copy(self, data: memoryview) -> bytes:
        self.octets -= len(data)
        if self.octets < 0:
            raise Malformed("its parts overlap")
        return data.tobytes()


def _u32(data: memoryview, offset: int) -> int:
    return _unpack("<I", data, offset)


def _unpack(form: str, data: memoryview, offset: int) -> int:
    try:
        (value,) = struct.unpack_from(form, data, offset)
    except struct.error as error:
        raise Malformed("the data ends too early") from error
    return int(value)


def _slice(data: memoryview, offset: int, size: int) -> memoryview:
    if size > len(data) - offset:
        raise Malformed("a value is longer than the data")
    return data[offset : offset + size]


class _Reader:
    """Reads one message; `depth` is how many it lies inside of, `left` is for all of them."""

    def __init__(self, depth: int, left: _Left) -> None:
        self._depth, self._left = depth, left
        self._charset = "cp1252"
        self._found = Tnef()

    def message(self, data: memoryview) -> Tnef:
        if len(data) < 6 or _u32(data, 0) != SIGNATURE:
            raise Malformed("the data has no TNEF signature")
        for number, content in _objects(data, self._left):
            self._take(number, content)
        return self._found

    def _take(self, number: int, content: memoryview) -> None:
        if number == _CODEPAGE:
            self._charset = charset(_u32(content, 0))
        elif number == _CLASS:
            self._found.message_class = self._words(content)
        elif number == _SUBJECT:
            self._found.subject = self._words(content)
        elif number == _PROPERTIES:
            self._found.properties |= self._properties(content)
        elif number == _RENDERING:
            self._found.attachments.append(Attachment())
        elif self._found.attachments:
            self._attach(self._found.attachments[-1], number, content)

    def _properties(self, content: memoryview) -> dict[Key, Property]:
        return _Properties(content, self._charset, self._left).all()

    def _attach(self, attachment: Attachment, number: int, content: memoryview) -> None:
        if number == _TITLE:
            attachment.name = attachment.name or self._words(content)
        elif number == _DATA:
            attachment.content = self._left.copy(content)
        elif number == _ATTACHMENT:
            found = self._properties(content)
            name, inside = found.get(_LONG_NAME), found.get(_DATA_OBJECT)
            attachment.name = name if isinstance(name, str) else attachment.name
            if isinstance(inside, bytes) and inside.startswith(_IMESSAGE) and self._depth < _EMBEDDED_DEPTH:
                attachment.message = _Reader(self._depth + 1, self._left).message(
                    memoryview(inside)[len(_IMESSAGE) :]
                )

    def _words(self, content: memoryview) -> str:
        return self._left.copy(content).decode(self._charset, "replace").partition("\0")[0]


def charset(codepage: int) -> str:
    """The codec of a Windows code page; that of western Europe where it is unknown."""
    return known("utf-8" if codepage == 65001 else f"cp{codepage}") or "cp1252"


def _objects(data: memoryview, left: _Left) -> Iterator[tuple[int, memoryview]]:
    """(number, content) of each attribute; a last one that is cut off is left out."""
    offset = 6
    while offset + 11 <= len(data):
        size = _u32(data, offset + 5)
        if size > len(data) - offset - 9:
            return
        left.object()
        yield _u32(data, offset + 1) & 0xFFFF, data[offset + 9 : offset + 9 + size]
        offset += 9 + size + 2


class _Properties:
    """The MAPI properties of a stream, one after the other."""

    def __init__(self, data: memoryview, encoding: str, left: _Left) -> None:
        self._data, self._encoding, self._left = data, encoding, left
        self._offset = 0

    def all(self) -> dict[Key, Property]:
        """The properties; of those with several values the first. Raises Malformed."""
        found: dict[Key, Property] = {}
        for _ in range(self._number()):
            self._left.value()
            kind, number = (_unpack("<H", self._data, self._offset + place) for place in (0, 2))
            self._offset += 4
            key = self._named() if number >= _NAMED else number
            value = self._value(kind & ~_MANY, many=bool(kind & _MANY))
            if value is not None:
                found.setdefault(key, value)
        return found

    def _number(self) -> int:
        number = _u32(self._data, self._offset)
        self._offset += 4
        return number

    def _piece(self, size: int) -> memoryview:
        piece = _slice(self._data, self._offset, size)
        self._offset += (size + 3) & ~3
        return piece

    def _named(self) -> Key:
        names = UUID(bytes_le=self._piece(16).tobytes())
        kind, number = self._number(), self._number()
        if kind == 0:
            return names, number
        return names, self._left.copy(self._piece(number)).decode("utf-16-le", "replace").rstrip("\0")

    def _value(self, kind: int, *, many: bool) -> Property | None:
        if kind in _VARIABLE:
            return self._variable(kind)
        if kind not in _SIZES:
            raise Malformed("it has a property of an unknown type")
        count = self._number() if many else 1
        values = self._piece(_SIZES[kind] * count)
        return _fixed(values, kind) if count else None

    def _variable(self, kind: int) -> Property | None:
        count = self._number()
        if not count:
            return None
        self._left.value(count)
        first = self._piece(self._number())
        for _ in range(count - 1):
            self._piece(self._number())
        content = self._left.copy(first)
        if kind in {_OBJECT, _BINARY}:
            return content
        text = content.decode("utf-16-le" if kind == _UNICODE else self._encoding, "replace")
        return text.partition("\0")[0]


def _fixed(value: memoryview, kind: int) -> Property | None:
    if kind == _GUID:
        return UUID(bytes_le=value[:16].tobytes())
    if kind == _TIME:
        try:
            return _1601 + timedelta(microseconds=_unpack("<Q", value, 0) // 10)
        except OverflowError:
            return None
    if kind == _BOOLEAN:
        return bool(_unpack("<H", value, 0))
    size = _SIZES[kind]
    return int.from_bytes(value[:size], "little", signed=True) if kind in {_SHORT, _INT, _LONG} else None
