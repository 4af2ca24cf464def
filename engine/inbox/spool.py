"""Raw mail on disk: durable before anybody is told 250 (rule 1)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from engine.model import Value

_MARK = b"X-CIS-Envelope: "
_HELD = "~"
_HELD_S = 60.0
"""How long a mail that one process holds is left to it; after that it has died."""


class Mailbox(Value):
    """One of our addresses: create, rsvp, bulk, unsubscribe, with the token behind its plus sign."""

    name: str
    token: str = ""


class Envelope(Value):
    """What the sender's mail server said of a mail, beside the mail itself."""

    id: str
    mailboxes: tuple[Mailbox, ...]
    sender: str | None = None
    """MAIL FROM; empty for the null sender; None where it is not known, as for files."""


class Spooled(Value):
    """A mail in the spool."""

    envelope: Envelope
    raw: bytes


class Spool:
    """Folders `new`, `done` and `quarantine`; a mail is in one of them, as one file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        for part in ("tmp", "new", "done", "quarantine"):
            (folder / part).mkdir(parents=True, exist_ok=True)

    def store(
        self, raw: bytes, mailboxes: tuple[Mailbox, ...], sender: str | None, *, held: bool = False
    ) -> Envelope:
        """Write a mail to `new/`, synced to the disk before this returns. Raises OSError.

        `held`: the caller handles it at once itself; others pass it over for a minute.
        """
        self._count += 1
        name = f"{_HELD if held else ''}{time.time_ns()}.{os.getpid()}_{self._count}"
        envelope = Envelope(id=name, mailboxes=mailboxes, sender=sender)
        temporary = self._folder / "tmp" / name
        try:
            with temporary.open("xb") as file:
                file.write(_MARK + envelope.model_dump_json().encode() + b"\r\n" + raw)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(self._folder / "new" / name)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync(self._folder / "new")
        return envelope

    def waiting(self) -> Iterator[str]:
        """Ids of the mails that were not handled yet, oldest first."""
        abandoned = time.time() - _HELD_S
        names = sorted(path.name for path in (self._folder / "new").iterdir())
        yield from (n for n in names if not n.startswith(_HELD) or self._age(n) < abandoned)

    def _age(self, name: str) -> float:
        try:
            return (self._folder / "new" / name).stat().st_mtime
        except FileNotFoundError:
            return time.time()

    def read(self, name: str) -> Spooled | None:
        """A waiting mail; None where another process has dealt with it meanwhile."""
        try:
            content = (self._folder / "new" / name).read_bytes()
        except FileNotFoundError:
            return None
        head, _, raw = content.partition(b"\r\n")
        try:
            envelope = Envelope.model_validate_json(head.removeprefix(_MARK))
        except ValidationError:
            # Not written by `store`: somebody put a plain mail here by hand.
            envelope, raw = Envelope(id=name, mailboxes=()), content
        return Spooled(envelope=envelope, raw=raw)

    def handled(self) -> Iterator[str]:
        """Ids of the mails in `done/`, oldest first."""
        yield from sorted(path.name for path in (self._folder / "done").iterdir())

    def done(self, name: str) -> None:
        """The mail was handled."""
        self._move(name, "done")

    def quarantine(self, name: str) -> None:
        """The mail waits for a person."""
        self._move(name, "quarantine")

    def _move(self, name: str, part: str) -> None:
        try:
            (self._folder / "new" / name).rename(self._folder / part / name)
        except FileNotFoundError:
            return  # another process moved it


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
