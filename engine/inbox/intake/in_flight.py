"""The mails being handled, noted on disk, so that a mail that kills processes is identified and set aside."""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
from collections.abc import Iterator
from pathlib import Path

DEATHS_MAX = 3
"""Deaths of processes after which the mail that each of them had in hand is set aside."""
_SLOT = 160
_SLOTS = 2_048


class InFlight:
    """The mails that this process is handling, in a file that is locked as long as the process lives.

    Nothing is synced: what must outlive is the death of a process, not of the machine.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "in-flight"
        self._deaths = folder / "deaths"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._deaths.mkdir(parents=True, exist_ok=True)
        self._file: int | None = None
        self._map: mmap.mmap | None = None
        self._path = self._folder / f"{os.getpid()}_{os.urandom(4).hex()}"
        self._slots: dict[str, int] = {}
        self._free: list[int] = []

    def begin(self, name: str) -> None:
        """Note that the mail is being handled."""
        slots = self._map or self._opened()
        if not self._free:
            return  # more than are ever in hand at the same time
        slot = self._slots[name] = self._free.pop()
        slots[slot * _SLOT : (slot + 1) * _SLOT] = key(name).encode().ljust(_SLOT, b"\0")

    def _opened(self) -> mmap.mmap:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        os.ftruncate(self._file, _SLOTS * _SLOT)
        self._map = mmap.mmap(self._file, _SLOTS * _SLOT)
        self._free = list(range(_SLOTS))
        return self._map

    def end(self, name: str) -> None:
        """Note that the mail is no longer being handled."""
        slot = self._slots.pop(name, None)
        if slot is not None and self._map is not None:
            self._free.append(slot)
            self._map[slot * _SLOT : (slot + 1) * _SLOT] = bytes(_SLOT)

    def close(self) -> None:
        """Clear the notes: the process stops cleanly, so none of the mails killed it."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            if self._map is not None:
                self._map.close()
            os.close(self._file)
            self._file = self._map = None

    def count_deaths(self) -> None:
        """Count a death for each mail that a process was handling when it died. Raises OSError."""
        for path in list(self._folder.iterdir()):
            if path != self._path or self._file is None:
                self._count_death(path)

    def _count_death(self, path: Path) -> None:
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists():
                for mail in _keys(os.pread(file, os.fstat(file).st_size, 0)):
                    self._count(mail)
                path.unlink()
        except BlockingIOError:
            return  # its process lives
        finally:
            os.close(file)

    def _count(self, mail: str) -> None:
        (self._deaths / mail).write_text(str(self._counted(mail) + 1))

    def _counted(self, mail: str) -> int:
        try:
            return int((self._deaths / mail).read_text() or 0)
        except FileNotFoundError:
            return 0

    def suspects(self) -> dict[str, int]:
        """The number of processes that died while handling each mail, by `key`."""
        return {path.name: self._counted(path.name) for path in self._deaths.iterdir()}

    def acquit(self, name: str) -> None:
        """The mail was handled or set aside: forget the deaths."""
        (self._deaths / key(name)).unlink(missing_ok=True)


def _keys(content: bytes) -> Iterator[str]:
    for start in range(0, len(content), _SLOT):
        mail = content[start : start + _SLOT].rstrip(b"\0")
        if mail:
            yield mail.decode("utf-8", "replace")


def key(name: str) -> str:
    """The mail's name here: its id, or a digest if that is too long for a slot or not a file name."""
    fits = len(name.encode()) <= _SLOT and "/" not in name and name not in {".", ".."}
    return name if fits else hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
