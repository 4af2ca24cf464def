"""Open S/MIME mails whose content is wrapped into its signature (RFC 8551, 3.5.2; RFC 5652).

Signatures are not verified: who sent a mail is proven by DKIM and its kin, as for all others.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from engine.refusals import Code, Refused

_SIGNED = bytes.fromhex("2a864886f70d010702")
_ENCRYPTED = {bytes.fromhex("2a864886f70d010703"), bytes.fromhex("2a864886f70d0109100117")}
_SEQUENCE, _OBJECT, _OCTETS, _EXPLICIT_0 = 0x30, 0x06, 0x04, 0xA0
_CONSTRUCTED = 0x20
_ITEMS_MAX = 50_000
_LENGTH_BYTES_MAX = 8
_DEPTH_MAX = 8


@dataclass(frozen=True, slots=True)
class _Item:
    """One value of BER: its tag, where its content begins, and where that ends (X.690, 8.1)."""

    tag: int
    start: int
    end: int
    after: int


class _Malformed(ValueError):  # noqa: N818 -- reads as what it is
    """Not BER that we can read."""


def content(cms: bytes) -> bytes:
    """The MIME entity that a CMS message wraps.

    Raises Refused: ENCRYPTED_MAIL where only its recipient's key opens it, UNREADABLE_MAIL for all else.
    """
    try:
        return _content(cms)
    except (_Malformed, IndexError) as error:
        raise Refused(
            Code.UNREADABLE_MAIL,
            "The S/MIME part of the mail cannot be opened.",
            "Send the mail without S/MIME.",
        ) from error


def encrypted() -> Refused:
    return Refused(
        Code.ENCRYPTED_MAIL,
        "The mail is encrypted, and the server has no key to read it.",
        "Send it without encryption; signing it is fine.",
    )


class _Reader:
    """Reads the values of one message; how many it looks at in all is bounded."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._left = _ITEMS_MAX

    def items(self, start: int, end: int) -> Iterator[_Item]:
        """The values between two places, one after the other."""
        while start < end:
            item = self.item(start, end)
            yield item
            start = item.after

    def item(self, start: int, end: int, tag: int | None = None, depth: int = 0) -> _Item:
        """The value that begins at `start`, whether its length is said or marked by its end."""
        self._left -= 1
        found, first, index = self.data[start], self.data[start + 1], start + 2
        # tags of several bytes do not occur in CMS
        if self._left < 0 or depth > _DEPTH_MAX or found & 0x1F == 0x1F or tag not in {None, found}:
            raise _Malformed
        if first == 0x80:
            return self._unmeasured(found, index, end, depth)
        size = first
        if first & 0x80:
            if (count := first & 0x7F) > _LENGTH_BYTES_MAX:
                raise _Malformed
            size = int.from_bytes(self.data[index : index + count], "big")
            index += count
        if index + size > end:
            raise _Malformed
        return _Item(found, index, index + size, index + size)

    def _unmeasured(self, tag: int, start: int, end: int, depth: int) -> _Item:
        """A value of indefinite length: it goes on up to two zero bytes at its own level."""
        index = start
        while self.data[index : index + 2] != b"\0\0":
            index = self.item(index, end, depth=depth + 1).after
        return _Item(tag, start, index, index + 2)

    def octets(self, item: _Item, depth: int = 0) -> Iterator[bytes]:
        """The pieces of an octet string, which BER lets be cut into many."""
        if item.tag == _OCTETS:
            yield self.data[item.start : item.end]
        elif item.tag == _OCTETS | _CONSTRUCTED and depth < _DEPTH_MAX:
            for child in self.items(item.start, item.end):
                yield from self.octets(child, depth + 1)
        else:
            raise _Malformed


def _content(cms: bytes) -> bytes:
    reader = _Reader(cms)
    kind, wrapped = _leading(reader, reader.item(0, len(cms), _SEQUENCE), 2)
    name = cms[kind.start : kind.end]
    if kind.tag == _OBJECT and name in _ENCRYPTED:
        raise encrypted()
    if kind.tag != _OBJECT or name != _SIGNED:
        raise _Malformed
    signed = reader.item(wrapped.start, wrapped.end, _SEQUENCE)
    encapsulated = _leading(reader, signed, 3)[2]
    # without a second value it is the signature alone; what it signs came in a part of its own
    content = _leading(reader, encapsulated, 2)[1]
    if content.tag != _EXPLICIT_0:
        raise _Malformed
    return b"".join(reader.octets(reader.item(content.start, content.end)))


def _leading(reader: _Reader, item: _Item, count: int) -> list[_Item]:
    """The first `count` values inside `item`."""
    found = list(itertools.islice(reader.items(item.start, item.end), count))
    if len(found) < count:
        raise _Malformed
    return found
