"""Ids assigned by the store: opaque, and in order of time."""

from __future__ import annotations

import secrets
import time

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_RANDOM_BITS = 22
_LENGTH = 13
_last = 0


def new_id() -> str:
    """An id after all earlier ones of this process, and after those of other machines by their clocks."""
    global _last  # noqa: PLW0603 -- one order in one process
    found = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | secrets.randbits(_RANDOM_BITS)
    _last = found if found > _last else _last + 1 + secrets.randbits(8)
    return _text(_last)


def _text(value: int) -> str:
    digits = ""
    for _ in range(_LENGTH):
        value, digit = divmod(value, 36)
        digits = _ALPHABET[digit] + digits
    return digits
