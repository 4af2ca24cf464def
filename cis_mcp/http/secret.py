"""The secret of an installation: one file in the data folder, shared by all processes that serve it."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from pathlib import Path

from engine.refusals import Code, Refused

_NAME = "secret"
_BYTES = 32


def derived(folder: Path, purpose: str) -> bytes:
    """A key of 32 bytes for `purpose`, the same in every process over `folder`.

    The first one to ask makes the file. Raises OSError, Refused: INVALID_ARGUMENT for a file that is no secret.
    """
    return hmac.digest(_secret(folder / _NAME), purpose.encode(), hashlib.sha256)


def _secret(path: Path) -> bytes:
    if not path.exists():
        _make(path)
    secret = path.read_bytes()
    if len(secret) != _BYTES:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"{path} does not hold the {_BYTES} bytes of a secret.",
            "Delete it, and start every process anew: a new one is made.",
        )
    return secret


def _make(path: Path) -> None:
    """Write a new secret, whole or not at all; another process that was first keeps its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{_NAME}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(_BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
