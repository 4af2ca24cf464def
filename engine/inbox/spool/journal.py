"""Mails whose own files are not on the disk yet, all in one file that is: one sync keeps many (promise 1).

A segment holds one mail after the other. A minute later, when the system has written the mails' own files by
itself, they are synced, which then costs next to nothing, and the segment goes. If the machine fails before that,
the next start holds the files against the segment and mends them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

log = logging.getLogger(__name__)

_SEGMENT_BYTES = 4_000_000
_SEGMENTS = 16
WRITTEN_BACK_S = 60.0
_sync_data = getattr(os, "fdatasync", os.fsync)
_HEAD = b"MAIL %d %08x\n"


class Journal:
    """The segments of one process; a lock on each tells the others that it lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segment: Segment | None = None
        self._full: list[Segment] = []
        self._one = threading.Lock()

    def append(self, mails: Sequence[tuple[str, bytes]]) -> None:
        """Have mails, each with its id, on the disk when this returns. Raises OSError, and then none of them is."""
        with self._one:
            if self._segment and self._segment.size > _SEGMENT_BYTES:
                self._turn()
            if self._segment is None:
                self._segment = Segment.begin(self._folder)
            self._segment.append(mails)

    def _turn(self) -> None:
        if self._segment:
            self._full.append(self._segment)
            self._segment = None

    def over(self, written_back_s: float) -> list[Segment]:
        """Segments whose mails can be given over to their own files, oldest first; they are the caller's now."""
        aged = time.monotonic() - written_back_s
        with self._one:
            if self._segment and self._segment.began < aged:
                self._turn()
            surplus = len(self._full) - _SEGMENTS
            over = [s for n, s in enumerate(self._full) if n < surplus or s.began < aged]
            self._full = [s for s in self._full if s not in over]
        return over

    def back(self, segments: Sequence[Segment]) -> None:
        """Take back segments whose mails could not be filed yet."""
        with self._one:
            self._full = [*segments, *self._full]

    def close(self) -> None:
        """Leave the segments to the next start."""
        with self._one:
            self._turn()
            for segment in self._full:
                segment.close()
            self._full.clear()


class Segment:
    """One file of the journal, and the ids of the mails in it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.began = time.monotonic()
        self.size = 0
        self.names: list[str] = []
        self._descriptor = descriptor

    @classmethod
    def begin(cls, folder: Path) -> Segment:
        """A new segment. Raises OSError."""
        name = f"{time.time_ns()}.{os.getpid()}"
        # Locked before it can be seen: whoever finds one without a lock takes its process for dead.
        hidden, path = folder.parent / "tmp" / f"journal-{name}", folder / name
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            hidden.rename(path)
            sync_folder(folder)
        except OSError:
            os.close(descriptor)
            hidden.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
        return cls(path, descriptor)

    def append(self, mails: Sequence[tuple[str, bytes]]) -> None:
        block = b"".join(_HEAD % (len(mail), zlib.crc32(mail)) + mail for _, mail in mails)
        try:
            write_all(self._descriptor, block)
            _sync_data(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(block)
        self.names += [name for name, _ in mails]

    def end(self) -> None:
        """Every mail is in its own file: the segment goes. Raises OSError."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        os.close(self._descriptor)


def mend(folder: Path, restore: Callable[[bytes], None]) -> None:
    """Give each mail of the segments that dead processes left to `restore`; then they go. Raises OSError."""
    for path in sorted(folder.iterdir()):
        try:
            with path.open("rb") as segment:
                fcntl.flock(segment, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for mail in _mails(segment.read()):
                    restore(mail)
                path.unlink(missing_ok=True)
        except (FileNotFoundError, BlockingIOError):
            continue  # its process lives, or another one mended it


def _mails(segment: bytes) -> Iterator[bytes]:
    """The whole mails of a segment; what was being written when the machine failed was promised to no one."""
    at = 0
    while at < len(segment):
        head, _, _ = segment[at : at + 100].partition(b"\n")
        try:
            mark, length, digest = head.split(b" ")
            start, end = at + len(head) + 1, at + len(head) + 1 + int(length)
            mail = segment[start:end]
            whole = mark == b"MAIL" and zlib.crc32(mail) == int(digest, 16) and len(mail) == int(length)
        except ValueError:
            whole = False
        if not whole:
            log.warning("the journal of the spool ends in a mail that was not taken in whole")
            return
        yield mail
        at = end


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of `content`. Raises OSError."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def write_file(path: str, *contents: bytes, sync: bool) -> None:
    """Write a new file of `contents` one after the other. Raises OSError, and may then leave a part of it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        for content in contents:
            write_all(descriptor, content)
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
