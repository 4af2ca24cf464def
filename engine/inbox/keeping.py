"""Limits of the mail kept that changed nothing, so that strangers cannot fill the disk with it.

Whose mail goes when there is no more room is decided by what is proven, or by the client's address: by nothing that
a stranger wrote. Who takes more than a share of the room loses their own oldest mail first, then the unproven lose
theirs, then the proven; what its owner was asked about stays as long as they may confirm it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from engine.commands.base import Done, Work
from engine.commands.intake import NoChange
from engine.engine import SYSTEM, Engine
from engine.inbox.handling.once import ALREADY_RECEIVED
from engine.inbox.handling.received import MailAction, Outcome
from engine.inbox.spool import departed
from engine.inbox.spool.spool import ReceivedEnvelope, Spooled, parsed
from engine.inbox.turns.claims import client_address
from engine.model.counters import KeptMail
from engine.refusals import Code

T = TypeVar("T")
_IDLE = frozenset({MailAction.REFUSED, MailAction.IGNORED, MailAction.QUARANTINED})
_SHARES = 4
"""No sender's mail takes more than this part of the room before others' has to go."""
_AT_ONCE = 200
_HEAD = 4_096
_OURS = "ours"
"""Whose mail it is that a server of ours handed over, or that came by a pipe or as a file."""


async def count(engine: Engine, mail: Spooled, outcomes: Sequence[Outcome]) -> None:
    """Count a mail that changed nothing at any mailbox; its file is about to go where it is kept."""
    if any(o.action not in _IDLE or o.detail == ALREADY_RECEIVED.detail for o in outcomes):
        return
    sender = next((o.sender for o in outcomes if o.sender), "")
    kept = KeptMail(
        mail=mail.envelope.id,
        at=engine.clock(),
        size=len(mail.raw),
        proven=bool(sender),
        share=sender or _client(engine, mail.envelope),
        waits=any(o.aside for o in outcomes),
    )
    await _keep(engine, [kept])


def _client(engine: Engine, envelope: ReceivedEnvelope) -> str:
    """The client as one sender: an IPv4 address, a /64 of IPv6; all mail that a server of ours brought is one."""
    return client_address(envelope.client, engine.settings.relay_networks) or _OURS


async def _keep(engine: Engine, kept: Sequence[KeptMail]) -> None:
    async def also(some: Sequence[KeptMail], work: Work, _: Done) -> None:
        for mail in some:
            await work.unit.keep_mail(mail)

    for some in _in_units(engine, kept):
        await engine.apply(NoChange(), SYSTEM, also=partial(also, some))


def _in_units(engine: Engine, mails: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at a time as a unit of work takes: each moves what is counted of its sender, too."""
    size = max(1, engine.store.items_per_unit // 3)
    return (mails[first : first + size] for first in range(0, len(mails), size))


async def make_room(engine: Engine) -> int:
    """Delete what is more than `CIS_QUARANTINE_MB`, some at a time; returns how many mails went."""
    most = engine.settings.quarantine_mb * 1_000_000
    over = (await engine.store.kept_sums()).kept_bytes - most if most else 0
    if over <= 0:
        return 0
    return await _drop(
        engine, await engine.store.first_to_go(_AT_ONCE, engine.clock(), most // _SHARES), over
    )


async def make_free(engine: Engine) -> int:
    """Delete strangers' mail where the disk comes near its reserve, before anyone is turned away for it."""
    inbox, reserve = engine.settings.data_dir / "inbox", engine.settings.disk_reserve
    if not reserve:
        return 0
    short = reserve + reserve // 2 - shutil.disk_usage(inbox).free
    if short <= 0:
        return 0
    return await _drop(engine, await engine.store.first_to_go(_AT_ONCE, engine.clock()), short)


async def expire(engine: Engine) -> int:
    """Delete what has waited in quarantine for `CIS_KEEP_QUARANTINE_DAYS`; returns how many mails went."""
    days, now, gone = engine.settings.keep_quarantine_days, engine.clock(), 0
    while days:
        names = await engine.store.waiting_before(now - timedelta(days=days), _AT_ONCE, now)
        if not names:
            break
        await asyncio.to_thread(_delete, engine.settings.data_dir / "inbox", names)
        await forget(engine, names)
        gone += len(names)
    return gone


async def _drop(engine: Engine, mails: Sequence[KeptMail], size: int) -> int:
    """Delete as many of `mails`, oldest first, as hold `size` bytes: the files, then what is known of them."""
    chosen: list[str] = []
    for mail in mails:
        if size <= 0:
            break
        chosen.append(mail.mail)
        size -= mail.size
    if chosen:
        await asyncio.to_thread(_delete, engine.settings.data_dir / "inbox", chosen)
        await forget(engine, chosen, dropped=True)
    return len(chosen)


async def forget(engine: Engine, names: Sequence[str], *, dropped: bool = False) -> None:
    """Stop counting mails that are gone; `dropped`: they were deleted to make room."""

    async def also(some: Sequence[str], work: Work, _: Done) -> None:
        await work.unit.forget_mails(some, dropped=dropped)

    for some in _in_units(engine, names):
        await engine.apply(NoChange(), SYSTEM, also=partial(also, some))


def _delete(inbox: Path, names: Sequence[str]) -> None:
    departed.note(inbox, names)
    for name in names:
        for part in ("quarantine", "done"):
            (inbox / part / name).unlink(missing_ok=True)


async def count_others(engine: Engine) -> None:
    """Count what is in quarantine and was not: from an older version, or put there without being read."""
    names = _names(engine.settings.data_dir / "inbox" / "quarantine")
    while some := await asyncio.to_thread(lambda: list(islice(names, _AT_ONCE))):
        new = await engine.store.not_kept(some)
        found = [mail for name in new if (mail := await _found(engine, name))]
        if found:
            await _keep(engine, found)
        await asyncio.sleep(0)


def _names(folder: Path) -> Iterator[str]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from (entry.name for entry in entries)


async def _found(engine: Engine, name: str) -> KeptMail | None:
    glance = await asyncio.to_thread(_glance, engine.settings.data_dir / "inbox" / "quarantine" / name)
    if glance is None:
        return None
    envelope, size, age = glance
    notes = await engine.store.notes(f"{name}:")
    allowed = any(note.code == Code.ORGANIZER_NOT_ALLOWED for note in notes)
    return KeptMail(
        mail=name,
        # Files tell the time by the system's clock.
        at=engine.clock() - timedelta(seconds=age),
        size=size,
        proven=allowed,
        share=_client(engine, envelope),
        waits=True,
    )


def _glance(path: Path) -> tuple[ReceivedEnvelope, int, float] | None:
    """The envelope of a mail, its bytes and its age in seconds, of its first bytes alone."""
    try:
        with path.open("rb") as file:
            envelope = parsed(path.name, file.read(_HEAD)).envelope
        status = path.stat()
    except (FileNotFoundError, IsADirectoryError):
        return None
    return envelope, status.st_size, max(0.0, time.time() - status.st_mtime)
