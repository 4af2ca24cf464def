"""One secret from which machines that share no disk make the same files of secrets."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from engine.process.secret_file import write_new
from engine.refusals import Code, Refused

FILES = ("secret", "record.key", "secrets.key")
"""What is derived here: of the web's seals, of the record's signatures, and of secrets in the store."""


def share(folder: Path, secret: str) -> None:
    """Make the files of secrets in `folder` from `secret`.

    Raises OSError; Refused: INVALID_ARGUMENT where one of them was made otherwise.
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
