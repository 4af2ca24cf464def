"""A secret of an installation: one file of random bytes, shared by all its processes."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from engine.refusals import Code, Refused

BYTES = 32


def secret_in(path: Path) -> bytes:
    """The 32 bytes in the file `path`, which is created when first needed.

    Raises OSError, and Refused(INVALID_ARGUMENT) for a file that is not a secret.
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
    """Write a file completely or not at all, unless another process has written it first. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = written_beside(path, content)
    try:
        with suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()


def written_beside(path: Path, content: bytes) -> Path:
    """A new file beside `path` with `content`, synced to the disk. Raises OSError."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return draft
