"""A secret of an installation: one file of random bytes, shared by all processes that serve it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from engine.refusals import Code, Refused

BYTES = 32


def secret_in(path: Path) -> bytes:
    """The 32 bytes in the file `path`; the first one to ask makes it.

    Raises OSError, Refused: INVALID_ARGUMENT for a file that is no secret.
    """
    if not path.exists():
        write_new(path, secrets.token_bytes(BYTES))
    secret = path.read_bytes()
    if len(secret) != BYTES:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"{path} does not hold the {BYTES} bytes of a secret.",
            "Delete it, and restart every process: a new one is made.",
        )
    return secret


def write_new(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; another process that was first keeps its own. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = written_beside(path, content)
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def written_beside(path: Path, content: bytes) -> Path:
    """A new file beside `path` that holds `content` and is synced to the disk. Raises OSError."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft
