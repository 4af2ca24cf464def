"""Cursors of lists that are read whole and shown in parts."""

from __future__ import annotations

from collections.abc import Sequence

from engine.model import cursors


def place_after(names: Sequence[str], cursor: str | None) -> int:
    """The index at which a list continues after the item that a cursor names. Raises Refused: INVALID_CURSOR."""
    if not cursor:
        return 0
    (last,) = cursors.opened(cursor, str)
    if last not in names:
        raise cursors.forged()
    return names.index(last) + 1
