"""Deletes raw mails that are no longer needed, and files that crashes left half written."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from engine.commands.base import Done, Work
from engine.commands.intake import NoChange
from engine.engine import SYSTEM, Engine
from engine.inbox import keeping, redactions
from engine.inbox.routes import confirm
from engine.inbox.spool import departed
from engine.quiet import Quiet
from engine.signals import rest

log = logging.getLogger(__name__)

_LOOK_S = 1.0
_SOON_S = 10.0
_LATER_S = 3600.0
_AFTER_FAILURE_S = 5.0
_DAY_S = 86_400.0
_AT_ONCE = 500


async def run(engine: Engine) -> None:
    """Clean at once and then every hour, and keep within the bounds all the time, until cancelled."""
    soon = later = 0.0
    quiet = Quiet(engine.store)
    while True:
        now = time.monotonic()
        try:
            if not await quiet.since_last() or now >= soon:
                await keep_within(engine)
            if now >= soon:
                soon = now + _SOON_S
                await confirm.look_again(engine)
                await redactions.step(engine)
            if now >= later:
                later = now + _LATER_S
                await _clean(engine)
        except Exception:
            log.exception("mails cannot be deleted; trying again")
            await asyncio.sleep(_AFTER_FAILURE_S)
        await rest(_LOOK_S)


async def _clean(engine: Engine) -> None:
    if gone := await clean(engine):
        log.info("deleted %d old mails", gone)
    if gone := await clean_rows(engine):
        log.info("deleted %d lines about mails that are gone", gone)


async def drop_copies(engine: Engine, quarantined_max: int) -> int:
    """Delete the files of handled mails, where the originals lie elsewhere; returns how many went. Raises OSError.

    Of those in quarantine the newest stay, `quarantined_max` bytes in all. What is known of the mails stays as it is.
    """
    return await asyncio.to_thread(_copies_dropped, engine.settings.data_dir / "inbox", quarantined_max)


def _copies_dropped(inbox: Path, quarantined_max: int) -> int:
    gone = 0
    for folder, most in ((inbox / "done", 0), (inbox / "quarantine", quarantined_max)):
        room = most
        for path in sorted(folder.iterdir(), reverse=True):
            room -= path.stat().st_size
            if room < 0:
                path.unlink()
                gone += 1
    return gone


async def clean_rows(engine: Engine) -> int:
    """Delete what is known of mails whose files are gone, and confirmations that ended; returns how many.

    Both after `CIS_KEEP_MAIL_DAYS` or `CIS_KEEP_QUARANTINE_DAYS`, whichever is longer; never if one is for ever.
    """
    days = (engine.settings.keep_mail_days, engine.settings.keep_quarantine_days)
    if not all(days):
        return 0
    before = engine.clock() - timedelta(days=max(days))
    return await _drop_requests(engine, before) + await _drop_confirmations(engine, before)


async def _drop_requests(engine: Engine, before: datetime) -> int:
    inbox, gone, after = engine.settings.data_dir / "inbox", 0, None
    while some := await engine.store.old_requests(before, after, _AT_ONCE):
        after = some[-1]
        ids = await asyncio.to_thread(_without_mail, inbox, [one.id for one in some])
        gone += len(ids)
        size = engine.store.items_per_unit
        for first in range(0, len(ids), size):
            await engine.apply(NoChange(), SYSTEM, also=partial(_drop_ids, ids[first : first + size]))
    return gone


async def _drop_ids(ids: Sequence[str], work: Work, _: Done) -> None:
    await work.unit.drop_requests(ids)


def _without_mail(inbox: Path, ids: Sequence[str]) -> list[str]:
    """Those of `ids` whose mail is in no folder any more; the lines of a mail begin with its name and a colon."""
    folders = [entry for entry in inbox.iterdir() if entry.is_dir()] if inbox.is_dir() else []
    names = {one.partition(":")[0] for one in ids}
    there = {name for name in names if any((folder / name).exists() for folder in folders)}
    return [one for one in ids if one.partition(":")[0] not in there]


async def _drop_confirmations(engine: Engine, before: datetime) -> int:
    dropped = list[int]()

    async def also(work: Work, _: Done) -> None:
        dropped.append(await work.unit.drop_confirmations(before, _AT_ONCE))

    while not dropped or dropped[-1]:
        await engine.apply(NoChange(), SYSTEM, also=also)
    return sum(dropped)


async def keep_within(engine: Engine) -> int:
    """Delete what strangers sent beyond the bounds, so much that they are kept; returns how many mails went."""
    gone = 0
    while some := await keeping.make_room(engine) + await keeping.make_free(engine):
        gone += some
    if gone:
        log.warning("%d mails that changed nothing were deleted for want of room", gone)
    return gone


async def clean(engine: Engine, now: float | None = None) -> int:
    """Delete mails handled more than `CIS_KEEP_MAIL_DAYS` ago, and those that waited too long; returns how many.

    What made or changed an event stays until so many days after the event's end. `now`: in seconds, by the clock
    that stamps files. Raises OSError.
    """
    inbox = engine.settings.data_dir / "inbox"
    days = engine.settings.keep_mail_days
    # Files tell the time by the system's clock, so it is the one to compare with.
    now = time.time() if now is None else now
    await asyncio.to_thread(lambda: list(_deleted(inbox / "tmp", now - _DAY_S)))
    await keeping.count_others(engine)
    gone = await keeping.expire(engine)
    before = now - days * _DAY_S if days else 0.0
    old = _in_parts(_old(inbox / "done", before))
    while some := await asyncio.to_thread(next, old, None):
        gone += await _done_with(engine, inbox / "done", some, now, before)
    return gone


async def _done_with(engine: Engine, folder: Path, names: Sequence[str], now: float, before: float) -> int:
    """Delete handled mails, but for those whose event ended lately or is still to come; returns how many.

    A file that stays gets the event's end as its time, so that it is asked about again only when that is long ago.
    """
    ends = await engine.store.events_of_mails(names)
    wanted = {name: end.timestamp() if end else now for name, end in ends.items()}
    stay = {name: end for name, end in wanted.items() if end >= before}
    go = [name for name in names if name not in stay]
    await asyncio.to_thread(_stamp, folder, stay)
    await asyncio.to_thread(departed.note, folder.parent, go)
    await asyncio.to_thread(_unlink, folder, go)
    await keeping.forget(engine, go)
    return len(go)


def _stamp(folder: Path, times: Mapping[str, float]) -> None:
    for name, at in times.items():
        with suppress(FileNotFoundError):  # another process was quicker
            os.utime(folder / name, (at, at))


def _deleted(folder: Path, before: float) -> Iterator[list[str]]:
    """Delete the files that were last changed before that moment; returns their names, some at a time."""
    for some in _in_parts(_old(folder, before)):
        _unlink(folder, some)
        yield some


def _in_parts(names: Iterator[str]) -> Iterator[list[str]]:
    while some := list(islice(names, _AT_ONCE)):
        yield some


def _old(folder: Path, before: float) -> Iterator[str]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                # A name that begins with a later arrival needs no look at its file.
                if _arrived(entry.name) < before and entry.is_file() and entry.stat().st_mtime < before:
                    yield entry.name
            except FileNotFoundError:
                continue  # another process was quicker


def _arrived(name: str) -> float:
    arrived, _, _ = name.lstrip("~").partition(".")
    return int(arrived) / 1e9 if arrived.isdecimal() and len(arrived) < 30 else 0.0


def _unlink(folder: Path, names: Sequence[str]) -> None:
    for name in names:
        (folder / name).unlink(missing_ok=True)
