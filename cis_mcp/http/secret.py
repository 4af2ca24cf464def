"""Keys for single purposes, derived from the secret of an installation."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from engine.process.secret_file import secret_in

_NAME = "secret"


def derived(folder: Path, purpose: str) -> bytes:
    """A key of 32 bytes for `purpose`, the same in every process over `folder`.

    The first one to ask makes the file. Raises OSError, Refused: INVALID_ARGUMENT for a file that is no secret.
    """
    return hmac.digest(secret_in(folder / _NAME), purpose.encode(), hashlib.sha256)
