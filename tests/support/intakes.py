"""What became of mails, as the tests ask it."""

from __future__ import annotations

import re

from engine.engine import Engine
from engine.model.counters import Intake


async def newest(engine: Engine, limit: int = 1) -> list[Intake]:
    """What became of the newest mails, the newest first; of one mail the whole before its parts."""
    notes = await engine.store.notes("")
    return sorted(notes, key=_arrival, reverse=True)[:limit]


def _arrival(note: Intake) -> tuple[object, list[int]]:
    """Mails that were handled at the same instant follow each other by the numbers in their names."""
    return note.at, [int(number) for number in re.findall(r"\d+", note.id.partition(":")[0])]
