"""Addresses in links: sealed for one session, so that they stand in no address bar, history or log."""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from cis_mcp.console.guard import Visit
from engine.refusals import Code, Refused


def sealed(visit: Visit, address: str) -> str:
    """What stands for `address` in a link."""
    return _box(visit).encrypt(address.encode()).decode()


def opened(visit: Visit, seal: str) -> str:
    """The address behind a link of this session. Raises Refused: UNKNOWN_ATTENDEE."""
    try:
        return _box(visit).decrypt(seal.encode()).decode()
    except (InvalidToken, ValueError):
        raise Refused(
            Code.UNKNOWN_ATTENDEE, "This link is from an earlier session, or was cut.", ""
        ) from None


def _box(visit: Visit) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(f"seal {visit.token}".encode()).digest()))
