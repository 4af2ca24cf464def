"""What `cis-mcp ingest` reads and prints, whether it or a running server handles the mails."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

EX_TEMPFAIL = 75
"""sysexits.h: what a mail server takes as “keep the mail and try again”."""


def mails(files: Sequence[str], limit: int) -> Iterator[tuple[str, bytes | OSError]]:
    """Each mail with its name; of one that is too large, only a byte more than the limit is read."""
    if not files:
        yield "-", sys.stdin.buffer.read(limit + 1)
    for name in files:
        try:
            with Path(name).open("rb") as file:
                yield name, file.read(limit + 1)
        except OSError as error:
            yield name, error


def say(line: dict[str, str]) -> None:
    """Print one JSON object on a line of its own."""
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()
