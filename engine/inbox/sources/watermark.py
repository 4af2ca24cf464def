"""How far an IMAP folder was read: one small file, durable."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pydantic import Field, ValidationError

from engine.model.base import Value

log = logging.getLogger(__name__)


class Watermark(Value):
    """All mails up to `uid` were taken in; it means something under its `validity` alone (RFC 9051, 2.3.1.1)."""

    validity: int = 0
    uid: int = Field(0, ge=0)


def read(path: Path) -> Watermark:
    """The watermark in `path`; the lowest if there is none. Raises OSError."""
    try:
        return Watermark.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Watermark()
    except ValidationError:
        # Taking a mail twice is harmless, leaving one out is not.
        log.warning("%s cannot be understood; beginning with the first mail", path.name)
        return Watermark()


def write(path: Path, mark: Watermark) -> None:
    """Replace the watermark, synced to the disk before this returns. Raises OSError."""
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        file.write(mark.model_dump_json().encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
