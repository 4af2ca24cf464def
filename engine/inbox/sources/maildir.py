"""Takes mail from a Maildir of this machine, each mail once."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import heapq
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from engine.inbox.intake.intake import Inbox
from engine.inbox.sources.account import MaildirFolder
from engine.inbox.sources.patience import SourceFault, Waits, again_and_again, note_too_large, turn

log = logging.getLogger(__name__)

_BATCH = 100
_NOT_OURS = {errno.EACCES, errno.EPERM}


@dataclass(frozen=True)
class _Found:
    """A file in `new/`, at most one byte more of it than may be taken."""

    file: str
    name: str
    size: int
    raw: bytes


class MaildirSource:
    """One Maildir: what lies in its `new/` is stored, and then goes to `cur/` as seen, or is deleted.

    A mail's name in the spool is made of its file's name and time, so a repeat changes nothing.
    """

    def __init__(self, inbox: Inbox, folder: MaildirFolder) -> None:
        self._inbox = inbox
        self._folder = folder
        self._most = inbox.engine.settings.max_mail_bytes
        self._passed: set[str] = set()
        """Files that cannot be read or moved: said once, then passed over until the next start."""

    async def run(self) -> None:
        """Look and take until cancelled."""
        await again_and_again(self._folder.label, self._in_turn)

    async def _in_turn(self, waits: Waits) -> None:
        own = self._inbox.engine.settings.data_dir / "inbox" / "sources"
        async with turn(own, self._folder.key, self._folder.label):
            await self._watch(waits)

    async def _watch(self, waits: Waits) -> None:
        await asyncio.to_thread(self._check)
        log.info("%s: watching", self._folder.label)
        while True:
            while files := await asyncio.to_thread(self._new):
                await self._take(files)
            waits.well()
            await asyncio.sleep(self._folder.poll_s)

    def _check(self) -> None:
        for part in ("new", "cur"):
            if not (self._folder.path / part).is_dir():
                raise SourceFault(f"there is no folder {part}/ in it")

    def _new(self) -> list[str]:
        """The names of the first files in `new/`, which begin with their time."""
        with os.scandir(self._folder.path / "new") as entries:
            return heapq.nsmallest(
                _BATCH,
                (entry.name for entry in entries if self._is_mail(entry)),
            )

    def _is_mail(self, entry: os.DirEntry[str]) -> bool:
        if entry.name in self._passed or entry.name.startswith("."):
            return False
        return entry.is_file(follow_symlinks=False)

    async def _take(self, files: Sequence[str]) -> None:
        """Take mails in their order. Raises OSError where one cannot be stored."""
        for file in files:
            found = None
            with self._passing_over(file):
                found = await asyncio.to_thread(self._read, file)
            if found:
                await self._take_one(found)

    async def _take_one(self, found: _Found) -> None:
        too_large = len(found.raw) > self._most
        if too_large:
            await note_too_large(self._inbox, found.name, found.size, self._folder.label)
        else:
            await self._inbox.keep(found.name, found.raw)
        with self._passing_over(found.file):
            await asyncio.to_thread(self._done, found.file, too_large=too_large)

    @contextmanager
    def _passing_over(self, file: str) -> Iterator[None]:
        """A file that we may not read or move stops no other."""
        try:
            yield
        except OSError as error:
            if error.errno not in _NOT_OURS:
                raise
            self._passed.add(file)
            log.warning("%s: a file is passed over: %s", self._folder.label, error.strerror)

    def _read(self, file: str) -> _Found | None:
        """The mail in a file; None if it has gone meanwhile."""
        try:
            descriptor = os.open(
                self._folder.path / "new" / file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
            )
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as opened:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                return None
            raw = opened.read(self._most + 1)
        return _Found(file=file, name=self._name(file, about), size=about.st_size, raw=raw)

    def _name(self, file: str, about: os.stat_result) -> str:
        """The same for the same file; sorts by time among the mails of other sources."""
        digest = hashlib.sha256(os.fsencode(file)).hexdigest()[:24]
        return f"{about.st_mtime_ns:019d}.maildir_{self._folder.key}_{digest}"

    def _done(self, file: str, *, too_large: bool) -> None:
        """Delete a file, or move it to `cur/` with a flag, as its readers do; S: seen, F: flagged."""
        path = self._folder.path / "new" / file
        with suppress(FileNotFoundError):  # someone else has put it away
            if self._folder.done == "delete" and not too_large:
                path.unlink()
            else:
                name = f"{file.partition(':')[0]}:2,{'F' if too_large else 'S'}"
                path.rename(self._folder.path / "cur" / name)
