"""Forgetting a person: where their address is stored, and what replaces it. Pure; no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

DOMAIN = "forgotten.invalid"
"""Nobody can be mailed there (RFC 6761, 6.4)."""

Column = str | int | float | bytes | None


class Trace(NamedTuple):
    """A row that names an address: its table, the columns by which it is found again, and all its columns."""

    table: str
    key: Mapping[str, Column]
    row: Mapping[str, Column]


def alias(word: str) -> str:
    """The address that replaces a forgotten one; `word` is random and reveals nothing about it."""
    return f"{word}@{DOMAIN}"


def target(address: str, key: bytes) -> str:
    """The keyed hash of a forgotten address on the do-not-mail list; only whoever has `key` can test for it."""
    return f"{blake2b(address.encode(), key=key, digest_size=16).hexdigest()}@{DOMAIN}"


def names(text: str, address: str) -> bool:
    """True if `text` contains this exact address, in upper or lower case."""
    return _pattern(address).search(text) is not None


def without(text: str, address: str, instead: str) -> str:
    """`text` with this address replaced by another."""
    return _pattern(address).sub(lambda _: instead, text)


def respelled(text: str, address: str, change: Callable[[str], str]) -> str:
    """`text` with each spelling of this address replaced by what `change` makes of it."""
    return _pattern(address).sub(lambda found: change(found[0]), text)


@lru_cache(maxsize=8)
def _pattern(address: str) -> re.Pattern[str]:
    """Not within a longer address: one that goes on before it, or has a longer domain."""
    return re.compile(rf"(?<![\w.+=-]){re.escape(address)}(?![\w-]|\.\w)", re.IGNORECASE)
