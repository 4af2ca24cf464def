"""What became of mails, as the tests ask it."""

from __future__ import annotations

from engine.engine import Engine
from engine.model.records import Intake


async def newest(engine: Engine, limit: int = 1) -> list[Intake]:
    """What became of the newest mails, the newest first; of one mail the whole before its parts."""
    notes = await engine.store.notes("")
    return sorted(notes, key=lambda note: note.at, reverse=True)[:limit]
