"""The record: one row for each command, each bound to the one before it by a hash. Pure; no I/O."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b, sha256
from typing import NamedTuple

from engine.model.base import Value

GENESIS = bytes(32)
"""The head of a record without rows."""
_COMMITMENT_BYTES = 16


class ChainRow(NamedTuple):
    """A row as it is stored: its canonical text, the head of the record with it, and its salt.

    The salt is no part of what is hashed. Once it is gone, the row's commitments can no longer be tested.
    """

    seq: int
    body: str
    head: bytes
    salt: bytes | None = None


Leaf = tuple[int, bytes, bytes]
"""A row as it is verified: its number, the bytes that are hashed, the head that it must lead to."""


class OldLine(NamedTuple):
    """A line that was kept of a command before there was a record."""

    id: int
    at: float
    actor: str
    command: str
    subject: str


class Head(NamedTuple):
    """The number and the head of the newest row; 0 and `GENESIS` without one."""

    seq: int
    head: bytes


class ChainEnd(NamedTuple):
    """Where the next row goes, and the salts of those people it names who have one."""

    after: Head
    salts: Mapping[str, bytes]


class Cut(Value):
    """Where older rows were deleted: the last deleted row, and the signed head that vouches for it."""

    seq: int
    head: bytes
    note: str


@dataclass(frozen=True, slots=True)
class Persons:
    """The addresses that a row names, only as commitments: who acted, and whom the command is about."""

    who: str = ""
    about: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses that are named."""
        return tuple(dict.fromkeys(filter(None, (self.who, self.about))))


def canonical(seq: int, facts: Mapping[str, object]) -> str:
    """The text of a row that is hashed: compact JSON, its number first, without what is empty."""
    fields = {"seq": seq, **{name: fact for name, fact in facts.items() if fact}}
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def numbered(body: bytes, seq: int) -> bool:
    """True if the text of a row carries the number `seq`."""
    return body.startswith(b'{"seq":%d,' % seq)


def leaf(text: bytes) -> bytes:
    """The hash of a leaf (RFC 6962, 2.1)."""
    return sha256(b"\x00" + text).digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two hashes (RFC 6962, 2.1); a head is the node of the head before and the row's leaf."""
    return sha256(b"\x01" + left + right).digest()


def next_row(after: Head, facts: Mapping[str, object], salt: bytes) -> ChainRow:
    """The row that follows `after`."""
    seq = after.seq + 1
    body = canonical(seq, facts)
    return ChainRow(seq, body, node(after.head, leaf(body.encode())), salt)


def commitment(text: bytes, salt: bytes) -> str:
    """A commitment to `text` that reveals nothing about it without `salt` (16 to 64 bytes)."""
    return blake2b(text, key=salt, digest_size=_COMMITMENT_BYTES).hexdigest()


class Tree:
    """The root of a growing list, in the form of RFC 6962, 2.1; keeps a hash for each bit of its length."""

    def __init__(self) -> None:
        self.size = 0
        self._full: list[tuple[int, bytes]] = []

    def add(self, text: bytes) -> None:
        """Append an entry."""
        self.size += 1
        size, found = 1, leaf(text)
        while self._full and self._full[-1][0] == size:
            _, left = self._full.pop()
            size, found = 2 * size, node(left, found)
        self._full.append((size, found))

    def root(self) -> bytes:
        """The root of all entries until now; of none, the hash of nothing."""
        if not self._full:
            return sha256(b"").digest()
        *others, (_, found) = self._full
        for _, left in reversed(others):
            found = node(left, found)
        return found


def root(texts: Iterable[str]) -> bytes:
    """The root of a list of texts."""
    tree = Tree()
    for text in texts:
        tree.add(text.encode())
    return tree.root()


def moment(at: datetime) -> str:
    """A time as rows write it: UTC, to the millisecond."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
