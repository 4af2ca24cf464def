"""The mails with which an organizer made or changed an event, as they came."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.engine import Engine
from engine.inbox.spool.spool import parsed
from engine.model.actors import Actor
from engine.refusals import Code, Refused


async def original(engine: Engine, uid: str, mail: str, actor: Actor) -> bytes:
    """The raw mail with this id. It is kept until `CIS_KEEP_MAIL_DAYS` after the end of its event.

    Raises Refused: UNKNOWN_EVENT, UNKNOWN_MAIL, NOT_ALLOWED.
    """
    if mail not in await engine.mails_of_event(uid, actor):
        raise _unknown()
    folder = engine.settings.data_dir / "inbox"
    content = await asyncio.to_thread(_content, [folder / part / mail for part in ("done", "new")])
    if content is None:
        raise _unknown()
    return parsed(mail, content).raw


def _content(paths: list[Path]) -> bytes | None:
    for path in paths:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            continue
    return None


def _unknown() -> Refused:
    return Refused(Code.UNKNOWN_MAIL, "No mail with this id that made or changed the event is kept.")
