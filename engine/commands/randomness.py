"""Where uids, tokens and Message-IDs come from; handed in, so that tests can repeat a run."""

import secrets
import string
from datetime import datetime
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
        return secrets.token_bytes(length).translate(_TO_LETTERS).decode("ascii")


def word_in_order(randomness: Randomness, now: datetime, length: int) -> str:
    """`length` characters of `[a-z0-9]`: seven tell the second of `now`, the others are unguessable.

    What is made together lies together in an index: a large campaign writes a few pages of it, not all.
    """
    seconds, digits = int(now.timestamp()), bytearray()
    for _ in range(_SECOND_LENGTH):
        seconds, digit = divmod(seconds, len(_LETTERS))
        digits.append(_IN_ORDER[digit])
    digits.reverse()
    return digits.decode("ascii") + randomness.word(length - _SECOND_LENGTH)


def short_id(randomness: Randomness) -> str:
    """`ID_LENGTH` characters of `ID_LETTERS`, each equally likely."""
    fitting = ""
    while len(fitting) < ID_LENGTH:
        fitting += "".join(letter for letter in randomness.word(2 * ID_LENGTH) if letter in ID_LETTERS)
    return fitting[:ID_LENGTH]


UID_LENGTH = 40
ID_LENGTH = 8
ID_LETTERS = "23456789abcdefghjkmnpqrstuvwxyz"
"""Without those that are taken for each other: 0 and o, 1, i and l."""
CAMPAIGN_ID_LENGTH = 16
TOKEN_LENGTH = 26
"""26 characters of 36 carry about 134 bits."""
RECEIPT_TOKEN_LENGTH = 28
"""Seven for the time, 21 that carry about 108 bits; with `unsubscribe+` it stays far below 64 octets."""
