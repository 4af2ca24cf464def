"""What all sources share: one process reads each, faults are waited out, and mails that are too large are noted."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from engine.commands.base import Done, Work
from engine.commands.intake import NoChange
from engine.engine import SYSTEM
from engine.inbox.handling.received import MailAction
from engine.inbox.intake.intake import Inbox
from engine.model.counters import Intake
from engine.refusals import Code
from engine.store.protocol import AlreadyTakenIn

log = logging.getLogger(__name__)

_WAIT_FIRST_S = 1.0
_WAIT_LONGEST_S = 300.0
_TURN_S = 2.0
"""How often to see whether the process that works at a source has gone."""


class SourceFault(Exception):  # noqa: N818 -- the source's fault, not ours
    """What is wrong at a source, in a message without passwords and addresses."""


class Waits:
    """Growing waits between tries, each shortened by up to a half, so that many servers do not come at once."""

    def __init__(self) -> None:
        self._next = _WAIT_FIRST_S

    def well(self) -> None:
        """Note success: the next wait is a short one."""
        self._next = _WAIT_FIRST_S

    def next(self) -> float:
        """Seconds to wait now."""
        wait = self._next * random.uniform(0.5, 1)  # noqa: S311 -- not a secret
        self._next = min(self._next * 2, _WAIT_LONGEST_S)
        return wait


async def again_and_again(label: str, work: Callable[[Waits], Awaitable[None]]) -> None:
    """Run `work` until cancelled; where it fails, say why and begin again after a while."""
    waits = Waits()
    while True:
        try:
            await work(waits)
        except (SourceFault, OSError) as error:
            wait = waits.next()
            why = str(error) if isinstance(error, SourceFault) else error.strerror or type(error).__name__
            log.warning("%s: %s; trying again in %.0f s", label, why, wait)
            await asyncio.sleep(wait)
        except Exception:
            wait = waits.next()
            log.exception("%s: a fault of ours; trying again in %.0f s", label, wait)
            await asyncio.sleep(wait)


@asynccontextmanager
async def turn(folder: Path, key: str, label: str) -> AsyncIterator[None]:
    """Wait until no other process works at the source; one that dies gives up its turn by that.

    Several processes may share a data folder; whoever has trouble with the source lets the others try while it
    waits. Raises OSError where the folder cannot be written.
    """
    descriptor = await asyncio.to_thread(_lock_file, folder, key)
    try:
        reported = False
        while not _locked(descriptor):
            if not reported:
                log.info("%s: another process works at it; standing by", label)
            reported = True
            await asyncio.sleep(_TURN_S)
        yield
    finally:
        os.close(descriptor)


def _lock_file(folder: Path, key: str) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / f"{key}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def note_too_large(inbox: Inbox, name: str, size: int, label: str) -> None:
    """Note that a mail was not taken in, and say so; a second time changes nothing."""
    most = inbox.engine.settings.max_mail_bytes
    log.warning("%s: a mail of %d bytes stays there; CIS_MAX_MAIL_BYTES is %d", label, size, most)
    await note_left(inbox, name, Code.TOO_LARGE, label)


async def was_taken(inbox: Inbox, name: str) -> bool:
    """True if a mail is here, or was; False if `note_left` noted it, or nothing is known of it."""
    if await asyncio.to_thread(inbox.spool.has, name):
        return True
    notes = await inbox.engine.store.notes(f"{name}:")
    return any((note.id, note.action) != (f"{name}::", MailAction.REFUSED) for note in notes)


async def note_left(inbox: Inbox, name: str, code: Code, label: str) -> None:
    """Note that a mail was left where it is; a second time changes nothing."""
    intake = Intake(
        id=f"{name}::",
        at=inbox.engine.clock(),
        mailbox="",
        action=MailAction.REFUSED.value,
        code=code.value,
    )

    async def also(work: Work, _: Done) -> None:
        await work.unit.take_in(intake)

    try:
        await inbox.engine.apply(NoChange(), SYSTEM, also=also)
    except AlreadyTakenIn:
        log.info("%s: it was noted before", label)
