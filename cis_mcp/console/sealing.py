"""Addresses in links: sealed for one session and one purpose, so that none appears in an address bar or log."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from engine.refusals import Code, Refused

_SEAL_MAX = 2_000
_BOXES_KEPT = 128


class Purpose(StrEnum):
    """What a seal is for: one that was made for something else does not open."""

    ORGANIZER = "organizer"
    PERSON = "person"
    """Somebody who is invited."""
    TARGET = "target"
    """An address or a domain of the do-not-mail list."""
    WORDS = "words"
    """What a visitor looks for."""
    AFTER = "after"
    """Where a list goes on."""
    PERMIT = "permit"
    """That the record has a row for addresses that are shown."""


class Holder(Protocol):
    """Anything that has a session's token."""

    @property
    def token(self) -> str:
        """What only this session knows."""


def sealed(holder: Holder, address: str, purpose: Purpose) -> str:
    """What stands for `address` in a link: the same for all of a session, of no use to another; empty for none."""
    # AES-SIV (RFC 5297) needs no nonce: one address looks the same on every page, as the link to one person should.
    if not address:
        return ""
    return base64.urlsafe_b64encode(_box(holder).encrypt(address.encode(), [purpose.encode()])).decode()


def opened(holder: Holder, seal: str, purpose: Purpose) -> str:
    """The address behind a link of this session for that purpose. Raises Refused: UNKNOWN_ATTENDEE."""
    if len(seal) > _SEAL_MAX:
        raise _unknown()
    try:
        return _box(holder).decrypt(base64.urlsafe_b64decode(seal), [purpose.encode()]).decode()
    except (InvalidTag, ValueError):
        raise _unknown() from None


def _unknown() -> Refused:
    return Refused(Code.UNKNOWN_ATTENDEE, "This link is from an earlier session, or was cut.", "")


def _box(holder: Holder) -> AESSIV:
    return _box_of(holder.token)


@lru_cache(maxsize=_BOXES_KEPT)
def _box_of(token: str) -> AESSIV:
    return AESSIV(hashlib.sha512(f"seal {token}".encode()).digest())
