"""The source of uids, tokens and Message-IDs; injected, so that tests can repeat a run."""

import os
import string
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Protocol

_LETTERS = (string.ascii_lowercase + string.digits).encode()
_IN_ORDER = bytes(sorted(_LETTERS))
_SECOND_LENGTH = 7
_TO_LETTERS = bytes(_LETTERS[byte % len(_LETTERS)] for byte in range(256))


class Randomness(Protocol):
    """A source of unguessable lower-case words."""

    def word(self, length: int) -> str:
        """`length` characters of `[a-z0-9]`."""
        ...


class SystemRandomness:
    """The operating system's own randomness."""

    def word(self, length: int) -> str:
        """Random letters and digits, from the system."""
        return os.urandom(length).translate(_TO_LETTERS).decode("ascii")


class RecordedRandomness:
    """Records up to `WORDS_MAX` random words, so that what a preview showed can be repeated exactly."""

    def __init__(self, source: Randomness) -> None:
        self._source = source
        self.words: list[str] = []

    def word(self, length: int) -> str:
        """A random word; the first ones are recorded."""
        word = self._source.word(length)
        if len(self.words) < WORDS_MAX:
            self.words.append(word)
        return word


class RepeatedRandomness:
    """Replays recorded words, each once and in order; new ones if none of the length is left."""

    def __init__(self, words: Iterable[str], source: Randomness) -> None:
        self._words, self._source = list(words), source

    def word(self, length: int) -> str:
        """The next word of this length in the record; a new one if none is left."""
        found = next((word for word in self._words if len(word) == length), None)
        if found is None:
            return self._source.word(length)
        self._words.remove(found)
        return found


def word_in_order(randomness: Randomness, now: datetime, length: int) -> str:
    """`length` characters of `[a-z0-9]`: seven tell the second of `now`, the others are unguessable.

    What is made together lies together in an index: a large campaign writes a few pages of it, not all.
    """
    return _second_in_order(int(now.timestamp())) + randomness.word(length - _SECOND_LENGTH)


@lru_cache(maxsize=16)
def _second_in_order(seconds: int) -> str:
    """The time in letters and digits that sort as it does; kept, as a campaign asks the same ten thousand times."""
    digits = bytearray()
    for _ in range(_SECOND_LENGTH):
        seconds, digit = divmod(seconds, len(_LETTERS))
        digits.append(_IN_ORDER[digit])
    return digits[::-1].decode("ascii")


def short_id(randomness: Randomness) -> str:
    """`ID_LENGTH` characters of `ID_LETTERS`, each equally likely."""
    fitting = ""
    while len(fitting) < ID_LENGTH:
        fitting += "".join(letter for letter in randomness.word(2 * ID_LENGTH) if letter in ID_LETTERS)
    return fitting[:ID_LENGTH]


WORDS_MAX = 100
UID_LENGTH = 40
ID_LENGTH = 8
ID_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without those that are taken for each other: 0 and o, 1, i and l."""
CAMPAIGN_ID_LENGTH = 16
TOKEN_LENGTH = 26
"""26 characters of 36 carry about 134 bits."""
RECEIPT_TOKEN_LENGTH = 28
"""Seven for the time, 21 that carry about 108 bits; with `unsubscribe+` it stays far below 64 octets."""
