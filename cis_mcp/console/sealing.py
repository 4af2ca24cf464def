"""Addresses in links: sealed for one session, so that they stand in no address bar, history or log."""

from __future__ import annotations

import base64
import hashlib
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from engine.refusals import Code, Refused

_SEAL_MAX = 2_000


class Holder(Protocol):
    """Whoever has a session."""

    @property
    def token(self) -> str:
        """What only this session knows."""


def sealed(holder: Holder, address: str) -> str:
    """What stands for `address` in a link: the same for all of a session, of no use to another; empty for none."""
    # AES-SIV (RFC 5297) needs no nonce: one address looks the same on every page, as the link to one person should.
    return base64.urlsafe_b64encode(_box(holder).encrypt(address.encode(), None)).decode() if address else ""


def opened(holder: Holder, seal: str) -> str:
    """The address behind a link of this session. Raises Refused: UNKNOWN_ATTENDEE."""
    if len(seal) > _SEAL_MAX:
        raise _unknown()
    try:
        return _box(holder).decrypt(base64.urlsafe_b64decode(seal), None).decode()
    except (InvalidTag, ValueError):
        raise _unknown() from None


def _unknown() -> Refused:
    return Refused(Code.UNKNOWN_ATTENDEE, "This link is from an earlier session, or was cut.", "")


def _box(holder: Holder) -> AESSIV:
    return AESSIV(hashlib.sha512(f"seal {holder.token}".encode()).digest())
