"""Raw mail on disk: durable before anyone is told 250 (promise 1)."""

from __future__ import annotations

import itertools
import logging
import os
import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import ValidationError

from engine.inbox.spool.journal import WRITTEN_BACK_S, Journal, Segment, mend, sync_folder, write_file
from engine.inbox.spool.pickup import MARK
from engine.inbox.spool.reserve import DiskReserve
from engine.inbox.spool.unfiled import Unfiled
from engine.model.base import Value

log = logging.getLogger(__name__)

_PARTS = ("new", "done", "quarantine")
_LARGE = 262_144
"""Bytes beyond which a mail is not worth writing twice."""
_FEW = 2
"""This many mails get their own files before their senders are answered: they can be seen at once."""
_HEAD_MAX = 131_072
"""More bytes than the envelope of a mail takes in its file."""
_ARRIVED = re.compile(r"[0-9]{19}")
_NO_TIME = "0" * 10
_HELD = "~"
_HELD_S = 60.0
"""How long a mail that one process holds is left to it; after that it has died."""


class OwnMailbox(Value):
    """One of our addresses: create, rsvp, bulk, unsubscribe, with the token behind its plus sign."""

    name: str
    token: str = ""


class ReceivedEnvelope(Value):
    """The SMTP envelope of a mail, as its sender's server gave it."""

    id: str
    mailboxes: tuple[OwnMailbox, ...]
    sender: str | None = None
    """MAIL FROM; empty for the null sender; None if it is not known, as for files."""
    client: str = ""
    """IP address of who handed the mail over by SMTP; empty if no one did, as for files."""
    helo: str = ""
    """The name that it gave in HELO or EHLO."""
    confirmed_by: str = ""
    """Address whose owner confirmed the mail, after it had waited for that."""
    released: bool = False
    """True if the operator let the mail through."""
    arrived: datetime | None = None
    """When it came in, by the clock of the engine that took it; None: its id tells."""
    authserv_ids: tuple[str, ...] | None = None
    """Whose topmost Authentication-Results counts, where the source of the mail settles that; None: the settings."""


class Spooled(Value):
    """A mail in the spool."""

    envelope: ReceivedEnvelope
    raw: bytes


class Spool:
    """Folders `new`, `done` and `quarantine`; a mail is in one of them, as one file."""

    def __init__(self, folder: Path, reserve: int = 0) -> None:
        """`reserve`: bytes of the disk that new mail leaves free."""
        self._folder = folder
        self._reserve = DiskReserve(folder, reserve)
        self._count = itertools.count(1)
        for part in ("tmp", "journal", *_PARTS):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self._hidden = folder / "tmp"
        self.unfiled = Unfiled()
        self._keeping = threading.Lock()
        """Held from a mail's place in the journal to its file, or to its place among the unfiled."""
        self._journal = Journal(folder / "journal")

    def store(
        self,
        raw: bytes,
        mailboxes: tuple[OwnMailbox, ...],
        sender: str | None,
        *,
        held: bool = False,
        name: str = "",
        arrived: datetime | None = None,
    ) -> ReceivedEnvelope:
        """Write a mail to `new/`, synced to the disk before this returns. Raises OSError.

        `held`: the caller handles it at once itself; others pass it over for a minute.
        `name`: its id, where the source can tell it for a second time; begins with the time of arrival.
        """
        self._reserve.require(len(raw))
        name = f"{_HELD if held else ''}{name or self.new_name()}"
        envelope = ReceivedEnvelope(id=name, mailboxes=mailboxes, sender=sender, arrived=arrived)
        self._put_synced("new", name, _head(envelope), raw)
        return envelope

    def store_named(self, mail: Spooled) -> None:
        """As `store`, for a mail whose envelope has its id. Raises OSError."""
        self._reserve.require(len(mail.raw))
        self._put_synced("new", mail.envelope.id, _head(mail.envelope), mail.raw)

    def new_name(self) -> str:
        """An id for a mail that arrives now; ids sort by time of arrival."""
        return f"{time.time_ns()}.{os.getpid()}_{next(self._count)}"

    def store_all(self, mails: Sequence[Spooled]) -> list[OSError | None]:
        """Write mails to `new/`, all of them durable before this returns; what went wrong with each."""
        try:
            self._reserve.require(sum(len(mail.raw) for mail in mails))
        except OSError as error:
            return [error] * len(mails)
        outcomes: dict[str, OSError | None] = {}
        small: list[tuple[str, bytes]] = []
        for mail in mails:
            name, head = mail.envelope.id, _head(mail.envelope)
            try:
                if len(mail.raw) > _LARGE:
                    self._put_synced("new", name, head, mail.raw)
                else:
                    small.append((name, head + mail.raw))
            except OSError as error:
                outcomes[name] = error
        outcomes |= self._journaled(small)
        return [outcomes.get(mail.envelope.id) for mail in mails]

    def _journaled(self, mails: Sequence[tuple[str, bytes]]) -> dict[str, OSError | None]:
        """Make mails durable; what went wrong with which. Many get their own files later, by `file`."""
        if not mails:
            return {}
        with self._keeping:
            return self._kept(mails)

    def _kept(self, mails: Sequence[tuple[str, bytes]]) -> dict[str, OSError | None]:
        few = len(mails) <= _FEW and not self.unfiled
        try:
            if few:
                for name, content in mails:
                    self._hide(name, content)
            self._journal.append(mails)
            if few:
                for name, _ in mails:
                    self._show(name)
        except OSError as error:
            for name, _ in mails:
                (self._hidden / name).unlink(missing_ok=True)
            return {name: error for name, _ in mails}
        if not few:
            self.unfiled.add(mails)
        return {}

    def file(self) -> None:
        """Give journaled mails that have none yet their own files. Raises OSError; the rest stays to be filed."""
        with self.unfiled.lock:
            for name in self.unfiled.names():
                self._file(name, "new")

    def _file(self, name: str, part: str) -> None:
        self._hide(name, self.unfiled.get(name) or b"")
        self._show(name, part)
        self.unfiled.drop(name)

    def _hide(self, name: str, content: bytes) -> None:
        """Write a mail where no one looks yet."""
        try:
            write_file(f"{self._hidden}/{name}", content, sync=False)
        except OSError:
            (self._hidden / name).unlink(missing_ok=True)
            raise

    def _show(self, name: str, part: str = "new") -> None:
        os.replace(f"{self._hidden}/{name}", f"{self._folder}/{part}/{name}")  # noqa: PTH105 -- half the time

    def _put_synced(self, part: str, name: str, *contents: bytes) -> None:
        hidden = f"{self._hidden}/{self.new_name()}"
        try:
            write_file(hidden, *contents, sync=True)
            os.replace(hidden, f"{self._folder}/{part}/{name}")  # noqa: PTH105 -- half the time
        except OSError:
            Path(hidden).unlink(missing_ok=True)
            raise
        sync_folder(self._folder / part)

    def settle(self, written_back_s: float = WRITTEN_BACK_S) -> None:
        """Give journaled mails over to their own files; mend what dead processes left.

        `written_back_s`: how old a segment is when the system has written the files of its mails on its own.

        Raises OSError.
        """
        mend(self._folder / "journal", self._restore)
        self.file()
        with self._keeping:
            over = self._journal.over(written_back_s)
        try:
            # Once more: what came into these segments meanwhile must have its file before they go.
            self.file()
            while over:
                self._end(over[0])
                del over[0]
        finally:
            self._journal.back(over)

    def _end(self, segment: Segment) -> None:
        for name in segment.names:
            self._sync_file(name)
        for part in _PARTS:
            sync_folder(self._folder / part)
        segment.end()

    def close(self) -> None:
        """Leave to the next start what is in the journal."""
        self._journal.close()

    def _sync_file(self, name: str) -> None:
        # It may be on its way from one folder to the next: then it is found in the second round.
        for part in (*_PARTS, *_PARTS):
            try:
                descriptor = os.open(self._folder / part / name, os.O_RDONLY)
            except FileNotFoundError:
                continue
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            return

    def _restore(self, content: bytes) -> None:
        """See to it that a mail of the journal has its own file, whole and synced."""
        head, _, _ = content.partition(b"\r\n")
        name = ReceivedEnvelope.model_validate_json(head.removeprefix(MARK)).id
        where = next((p for p in _PARTS if (self._folder / p / name).exists()), None)
        if where and (self._folder / where / name).read_bytes() == content:
            self._sync_file(name)
            return
        log.warning("mail %s is restored from the journal", name)
        self._put_synced(where or "new", name, content)

    def has(self, name: str) -> bool:
        """True if a mail of that id is here, handled or not."""
        return any((self._folder / part / name).exists() for part in ("new", "done", "quarantine"))

    def waits(self, name: str) -> bool:
        """True while a mail was not handled yet."""
        return (self._folder / "new" / name).exists()

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

    def size(self, name: str) -> int:
        """Bytes of a waiting mail's file; 0 if it is gone."""
        try:
            return (self._folder / "new" / name).stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, name: str) -> Spooled | None:
        """A waiting mail; None if another process has dealt with it meanwhile."""
        content = self.unfiled.get(name)
        if content:
            return parsed(name, content)
        try:
            with (self._folder / "new" / name).open("rb", buffering=0) as file:
                first, end, _ = file.read(_HEAD_MAX).partition(b"\r\n")
                if not end:
                    return parsed(name, first + file.readall())
                # The mail is read to where it stays: while megabytes are copied, all threads wait.
                file.seek(len(first + end))
                return _spooled(name, first + end, file.readall())
        except FileNotFoundError:
            return None

    def heads(self, names: Iterable[str], size: int) -> list[tuple[str, bytes]]:
        """The first `size` bytes of waiting mails, those that are still here."""
        found: list[tuple[str, bytes]] = []
        for name in names:
            try:
                with (self._folder / "new" / name).open("rb") as file:
                    found.append((name, file.read(size)))
            except FileNotFoundError:
                continue
        return found

    def handled(self) -> Iterator[str]:
        """Ids of the mails in `done/`, oldest first."""
        yield from sorted(path.name for path in (self._folder / "done").iterdir())

    def done(self, name: str) -> None:
        """The mail was handled."""
        self._move(name, "done")

    def quarantine(self, name: str) -> None:
        """The mail waits for a person."""
        self._move(name, "quarantine")

    def move_all(self, moves: Sequence[tuple[str, str]]) -> list[OSError | None]:
        """Move mails, each given by its id and the folder it goes to; what went wrong with each."""
        return [self._moved(name, part) for name, part in moves]

    def _moved(self, name: str, part: str) -> OSError | None:
        try:
            self._move(name, part)
        except OSError as error:
            return error
        return None

    def _move(self, name: str, part: str) -> None:
        with self.unfiled.lock:
            if name in self.unfiled:
                self._file(name, part)
                return
        try:
            os.rename(f"{self._folder}/new/{name}", f"{self._folder}/{part}/{name}")  # noqa: PTH104 -- as above
        except FileNotFoundError:
            return  # another process moved it


def arrival(name: str) -> float | None:
    """When the mail of that id arrived, in seconds since 1970; None if its name does not tell.

    A mail that is handled again keeps the beginning of its name. One without a time has zeros there.
    """
    arrived, _, _ = name.lstrip("~").partition(".")
    if not _ARRIVED.fullmatch(arrived) or arrived.startswith(_NO_TIME):
        return None
    return int(arrived) / 1e9


def parsed(name: str, content: bytes) -> Spooled:
    """The mail in a file of the spool."""
    head, end, raw = content.partition(b"\r\n")
    return _spooled(name, head + end, raw)


def _spooled(name: str, head: bytes, raw: bytes) -> Spooled:
    """The mail in a file of the spool, whose first line is `head`."""
    try:
        envelope = ReceivedEnvelope.model_validate_json(head.removeprefix(MARK).removesuffix(b"\r\n"))
    except ValidationError:
        # Not written by `store`: someone put a plain mail here by hand.
        envelope, raw = ReceivedEnvelope(id=name, mailboxes=()), head + raw
    return Spooled(envelope=envelope, raw=raw)


def _head(envelope: ReceivedEnvelope) -> bytes:
    """What stands in a mail's file before the mail."""
    return MARK + envelope.model_dump_json().encode() + b"\r\n"
