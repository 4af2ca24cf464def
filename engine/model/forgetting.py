"""Forgetting a person: where their address is stored, and what replaces it. Pure; no I/O."""

from __future__ import annotations

import json
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from engine.model.addresses import canonical_domain

DOMAIN = "forgotten.invalid"
"""Nobody can be mailed there (RFC 6761, 6.4)."""

_DOMAIN = r"[^\s<>()\[\]{},;:|\"'«»“”‘’„=?&\\/@]"
"""The characters among which a domain in Unicode is looked for."""
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[\"\\/bfnrt]"
)

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


def hint(address: str) -> str:
    """A part of the address, in lower case, that is in every text that names it, however its domain is spelled."""
    return f"{address.rpartition('@')[0].lower()}@"


def names(text: str, address: str) -> bool:
    """True if `text` contains this exact address, in upper or lower case, also in JSON or with a Unicode domain."""
    return next(_places(text, address), None) is not None


def without(text: str, address: str, instead: str) -> str:
    """`text` with this address replaced by another."""
    return respelled(text, address, lambda _: instead)


def respelled(text: str, address: str, change: Callable[[str], str]) -> str:
    """`text` with each spelling of this address replaced by what `change` makes of it."""
    kept, done = [], 0
    for start, end in sorted(set(_places(text, address))):
        if start >= done:
            kept += [text[done:start], change(text[start:end])]
            done = end
    return "".join([*kept, text[done:]])


def _places(text: str, address: str, depth: int = 3) -> Iterator[tuple[int, int]]:
    """Where `text` contains the address; `depth`: so often may it be JSON within JSON."""
    exact, spelled = _patterns(address)
    for found in exact.finditer(text):
        yield found.span()
    for found in spelled.finditer(text):
        domain = _domain(found[1])
        if not domain.isascii() and canonical_domain(domain) == address.rpartition("@")[2]:
            yield found.start(), found.start(1) + len(domain)
    if depth and "\\" in text:
        plain, back = _unescaped(text)
        if plain != text:
            yield from ((back(start), back(end)) for start, end in _places(plain, address, depth - 1))


def _domain(text: str) -> str:
    """The text without the punctuation behind it."""
    while text and not (text[-1].isalnum() or unicodedata.category(text[-1]).startswith("M")):
        text = text[:-1]
    return text


def _unescaped(text: str) -> tuple[str, Callable[[int], int]]:
    """The text with the escapes of JSON read, and a function from places in it to places in `text`."""
    parts, done, places, was = list[str](), 0, [0], [0]
    for found in _ESCAPE.finditer(text):
        parts += [text[done : found.start()], json.loads(f'"{found[0]}"')]
        places.append(places[-1] + found.start() - done + 1)
        done = found.end()
        was.append(done)

    def back(place: int) -> int:
        n = bisect_right(places, place) - 1
        return was[n] + place - places[n]

    return "".join([*parts, text[done:]]), back


@lru_cache(maxsize=8)
def _patterns(address: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The address as it is kept; and its local part at what may be its domain in Unicode.

    Not within a longer address: one that goes on before it, or has a longer domain.
    """
    before, (local, _, _) = r"(?<![\w.+=-])", address.rpartition("@")
    exact = re.compile(rf"{before}{re.escape(address)}(?![\w-]|\.\w)", re.IGNORECASE)
    spelled = re.compile(rf"{before}{re.escape(local)}@({_DOMAIN}{{1,255}})", re.IGNORECASE)
    return exact, spelled
