"""Where uids, tokens and Message-IDs come from; handed in, so that tests can repeat a run."""

import secrets
import string
from typing import Protocol

_LETTERS = string.ascii_lowercase + string.digits


class Randomness(Protocol):
    """A source of unguessable lower-case words."""

    def word(self, length: int) -> str:
        """`length` characters of `[a-z0-9]`."""
        ...


class SystemRandomness:
    """The operating system's own randomness."""

    def word(self, length: int) -> str:
        return "".join([_LETTERS[b % 36] for b in secrets.token_bytes(length)])


UID_LENGTH = 40
CAMPAIGN_ID_LENGTH = 16
TOKEN_LENGTH = 26
"""26 characters of 36 carry about 134 bits; with `rsvp+` the local part stays far below its 64 octets."""
