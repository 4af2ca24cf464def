"""Where uids, tokens and Message-IDs come from; handed in, so that tests can repeat a run."""

import secrets
import string
from typing import Protocol

_LETTERS = (string.ascii_lowercase + string.digits).encode()
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


UID_LENGTH = 40
CAMPAIGN_ID_LENGTH = 16
TOKEN_LENGTH = 26
"""26 characters of 36 carry about 134 bits; with `rsvp+` the local part stays far below its 64 octets."""
