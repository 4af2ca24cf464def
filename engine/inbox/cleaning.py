"""Deletes raw mails that were handled long ago, and what crashes left half written."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from engine.engine import Engine

log = logging.getLogger(__name__)

_EVERY_S = 3600.0
_DAY_S = 86_400.0


async def run(engine: Engine) -> None:
    """Clean at once and then every hour, until cancelled."""
    while True:
        try:
            gone = await clean(engine)
        except OSError:
            log.exception("old mails cannot be deleted; trying again in an hour")
        else:
            if gone:
                log.info("deleted %d old mails", gone)
        await asyncio.sleep(_EVERY_S)


async def clean(engine: Engine) -> int:
    """Delete mails that were handled more than `CIS_KEEP_MAIL_DAYS` ago, 0: none; gives back how many.

    What waits in quarantine is nobody's to delete but the operator's. Raises OSError.
    """
    inbox = engine.settings.data_dir / "inbox"
    days = engine.settings.keep_mail_days
    # Files tell the time by the system's clock, so it is the one to compare with.
    now = time.time()
    await asyncio.to_thread(_delete, inbox / "tmp", now - _DAY_S)
    if not days:
        return 0
    return await asyncio.to_thread(_delete, inbox / "done", now - days * _DAY_S)


def _delete(folder: Path, before: float) -> int:
    """Delete the files, at any depth, that were last changed before that moment."""
    gone = 0
    for path in folder.rglob("*") if folder.is_dir() else ():
        try:
            if path.is_file() and path.stat().st_mtime < before:
                path.unlink()
                gone += 1
        except FileNotFoundError:
            continue  # another process was quicker
    return gone
