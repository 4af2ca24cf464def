"""Derives the same files of secrets from one secret on machines that share no disk."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from engine.process.secret_file import write_new
from engine.refusals import Code, Refused

FILES = ("secret", "record.key", "secrets.key")
"""The derived files: for the web's seals, the record's signatures, and secrets in the store."""


def share(folder: Path, secret: str) -> None:
    """Create the files of secrets in `folder` from `secret`.

    Raises OSError, and Refused(INVALID_ARGUMENT) if one of them exists with another content.
    """
    for name in FILES:
        derived = hmac.digest(secret.encode(), f"cis {name}".encode(), hashlib.sha256)
        write_new(folder / name, derived)
        if not hmac.compare_digest((folder / name).read_bytes(), derived):
            raise Refused(
                Code.INVALID_ARGUMENT,
                f"{folder / name} was not made from CIS_SECRET.",
                "Leave CIS_SECRET out, or use the one that this folder was made with.",
            )
