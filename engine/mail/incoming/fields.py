"""The head of a mail as everyone reads it, or not at all (RFC 5322, 2.2): the verifier and the reader share it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

Field = tuple[bytes, bytes]
"""Name in lower case, and value without any white space: what is signed relaxed may differ in no more."""

_HEAD_MAX = 256_000
_FIELDS_MAX = 1_000
_END = re.compile(rb"\r?\n\r?\n")
_UNSAFE = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)")
_ENVELOPE = re.compile(rb"From (?![ \t]*:)[^\r\n]*\r?\n")
"""What a mailbox file or a pipe puts on top of a mail."""
_FIELD = re.compile(rb"([!-9;-~]+):([^\n]*(?:\n[ \t]+[^ \t\r\n][^\n]*)*)(?:\n|\Z)")


def extent(mail: bytes) -> tuple[int, int]:
    """Where the head begins and ends."""
    envelope = _ENVELOPE.match(mail)
    start = envelope.end() if envelope else 0
    end = _END.search(mail, max(0, start - 2))
    return start, end.start() if end else len(mail)


def read(mail: bytes) -> tuple[Field, ...] | None:
    """The header fields in their order; None if programs may read them differently.

    So it is with control characters such as a CR alone, lines of white space, lines that are no field, a space
    before a colon; and with over 1,000 lines or 256,000 bytes.
    """
    start, end = extent(mail)
    head = mail[start : min(end, start + _HEAD_MAX + 1)]
    if len(head) > _HEAD_MAX or head.count(b"\n") >= _FIELDS_MAX or _UNSAFE.search(head):
        return None
    found: list[Field] = []
    position = 0
    while position < len(head):
        field = _FIELD.match(head, position)
        if field is None:
            return None
        found.append((field[1].lower(), b"".join(field[2].split())))
        position = field.end()
    return tuple(found)


def plain(name: bytes, value: bytes) -> Field:
    """A header field as `read` has it."""
    return name.lower(), b"".join(value.split())


def same(one: Iterable[Field], other: Iterable[Field]) -> bool:
    """True if two readings of a head agree in everything, the order of the fields too."""
    return tuple(one) == tuple(other)


def covered(names: Iterable[str], found: Iterable[Field]) -> frozenset[str]:
    """Those of the signed `names` of which no further field stands in the head (RFC 6376, 5.4.2)."""
    signed = Counter(names)
    there = Counter(name.decode("ascii", "replace") for name, _ in found)
    return frozenset(name for name in signed if there[name] <= signed[name])
