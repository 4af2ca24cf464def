"""Counts the values of a JSON text while it arrives, before it is parsed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

VALUES_MAX = 1_000_000
"""The most values of a request: a list of about 300,000 addresses has 600,000; 16 MB could have eight million."""

_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


class Values:
    """Counts the values of a JSON text that arrives in pieces."""

    def __init__(self) -> None:
        self.count = 0
        self._held = b""

    def feed(self, piece: bytes) -> int:
        """How many values have begun by the end of `piece`; inside strings, only quotes are examined."""
        data = self._held + piece
        if _odd_backslashes(data):
            data, held = data[:-1], data[-1:]
        else:
            held = b""
        # With a quote more each string ends: one without an end would be looked for anew at each quote within it.
        plain = _TEXT.sub(b"", data + b'"')
        self._held = held if plain.endswith(b'"') else b'"' + held
        self.count += plain.count(b",") + plain.count(b"[") + plain.count(b"{")
        return self.count


def _odd_backslashes(data: bytes) -> bool:
    return (len(data) - len(data.rstrip(b"\\"))) % 2 == 1


def values_of(text: str) -> int:
    """How many values a JSON text has."""
    return Values().feed(text.encode("utf-8", "surrogatepass"))


def larger(value: object, size: int) -> bool:
    """True if `value` has more than `size` values and characters in total; it examines no more than that."""
    left, waiting = size, [value]
    while waiting and left >= 0:
        one = waiting.pop()
        left -= 1
        if isinstance(one, str | Mapping | Sequence):
            left -= len(one)
        if left >= 0 and not isinstance(one, str):
            waiting.extend(_within(one))
    return left < 0


def _within(value: object) -> Iterable[object]:
    """The items of a value, including the names of an object."""
    if isinstance(value, Mapping):
        return chain(value, value.values())
    return value if isinstance(value, Sequence) else ()
