"""Which year is meant where a date names none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from engine.search.lexicon import MONTHS
from engine.search.tokens import Token

_HALF_A_YEAR = timedelta(days=183)
_TOLD = frozenset({"this", "next", "last", "previous", "past", "coming", "current"})


def begun(pieces: Sequence[Token], start: datetime, end: datetime) -> datetime:
    """The start of what has begun by `end`: “20 November to 5 December” asked in between, or “since September”.

    `start`: the next day that `pieces` mean.
    """
    return _year_before(start) if start >= end and not start.tzinfo and _every_year(pieces) else start


def since_when(now: datetime) -> datetime:
    """From when on “since May” is that of the year before: where the next one is farther away than the last."""
    return now.replace(tzinfo=None) + _HALF_A_YEAR


def _every_year(pieces: Sequence[Token]) -> bool:
    """True for a date such as “20 November”, by its month and without a year."""
    told = any(piece.text in _TOLD or (len(piece.text) == 4 and piece.text.isdigit()) for piece in pieces)
    return not told and any(piece.text in MONTHS for piece in pieces)


def _year_before(day: datetime) -> datetime:
    """The same day a year earlier."""
    return day.replace(year=day.year - 1, day=min(day.day, 28) if day.month == 2 else day.day)
