"""Hands mails over to the server that holds the folder, without starting an engine: a pipe's program runs for each.

The server listens at a named pipe in its folder. Whoever can open it to write knows that a server is there, keeps the
mail in the spool, synced (promise 1), and rings. Nothing heavy is imported here.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from engine.inbox.spool.journal import sync_folder, write_file
from engine.inbox.spool.reserve import DiskReserve

MARK = b"X-CIS-Envelope: "
"""Stands before the envelope in each file of the spool."""
_PIPE = "pickup"
_LIMITS = "pickup.json"
_RINGS_MAX = 65_536


@dataclass(frozen=True)
class PickupLimits:
    """What the server allows, in bytes: of a mail, and of the disk that mails leave free."""

    mail: int
    reserve: int


class Pickup:
    """A server that holds the spool in `folder`, as those who bring mails see it."""

    def __init__(self, folder: Path, pipe: int, limits: PickupLimits) -> None:
        self._folder = folder
        self._pipe = pipe
        self._count = 0
        self._reserve = DiskReserve(folder, limits.reserve)
        self.limits = limits

    def keep(self, raw: bytes, mailbox: str = "") -> str:
        """Have a mail on the disk and the server know of it; returns its id. Raises OSError."""
        self._reserve.require(len(raw))
        self._count += 1
        name = f"{time.time_ns()}.{os.getpid()}_{self._count}"
        envelope = {"id": name, "mailboxes": [{"name": mailbox}] if mailbox else []}
        hidden = self._folder / "tmp" / name
        try:
            write_file(str(hidden), MARK + json.dumps(envelope).encode() + b"\r\n" + raw, sync=True)
            hidden.replace(self._folder / "new" / name)
        except OSError:
            hidden.unlink(missing_ok=True)
            raise
        sync_folder(self._folder / "new")
        # A full pipe rings already; if the server is gone by now, its next start finds the mail.
        with suppress(BlockingIOError, BrokenPipeError):
            os.write(self._pipe, b"\n")
        return name

    def close(self) -> None:
        os.close(self._pipe)


def find(data_dir: Path) -> Pickup | None:
    """The server that holds `data_dir` and runs as this user, if there is one."""
    folder = data_dir / "inbox"
    try:
        limits = json.loads((folder / _LIMITS).read_bytes())
        pipe = os.open(folder / _PIPE, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None  # ENXIO: a pipe that no one reads
    found = os.fstat(pipe)
    if stat.S_ISFIFO(found.st_mode) and found.st_uid == os.geteuid():
        return Pickup(folder, pipe, PickupLimits(limits["mail"], limits["reserve"]))
    os.close(pipe)
    return None


@contextmanager
def listening(folder: Path, limits: PickupLimits) -> Iterator[int]:
    """A descriptor that can be read as soon as someone has brought a mail to the spool in `folder`. Raises OSError."""
    path, written = folder / _PIPE, folder / "tmp" / f"{_LIMITS}-{os.getpid()}"
    with suppress(FileExistsError):
        os.mkfifo(path, 0o600)
    # To read and to write: it has no end then, though no one else may have it open.
    pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISFIFO(os.fstat(pipe).st_mode):
            raise OSError(errno.EEXIST, "a file is where the named pipe should be", str(path))
        write_file(
            str(written), json.dumps({"mail": limits.mail, "reserve": limits.reserve}).encode(), sync=False
        )
        written.replace(folder / _LIMITS)
        yield pipe
    finally:
        os.close(pipe)


def heard(pipe: int, ring: Callable[[], None]) -> None:
    """Take in what was rung at a descriptor of `listening`, and pass it on as one."""
    with suppress(BlockingIOError):
        os.read(pipe, _RINGS_MAX)
    ring()
