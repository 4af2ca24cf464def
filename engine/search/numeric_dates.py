"""Dates in digits, such as 6/5/2027: month first, or year first if it has four digits."""

from __future__ import annotations

import re
from datetime import date

_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})")
_YEAR_LAST = re.compile(r"(\d{1,2})[/.](\d{1,2})(?:[/.](\d{4}|\d{2}))?")
_YEARS = range(1970, 2201)
_LEAP_GAP = 8
"""The number of years within which every date recurs, 29 February included."""


def day(text: str, today: date) -> date | None:
    """The day in a text such as “6/5/2027”, or None; without a year, the next such day from `today` on.

    The month comes first unless that number can only be a day (13/5/2027). Two-digit years are in this century.
    """
    if match := _YEAR_FIRST.fullmatch(text):
        year, month, number = map(int, match.groups())
        return _valid(year, month, number)
    if not (match := _YEAR_LAST.fullmatch(text)):
        return None
    first, second, year_text = int(match[1]), int(match[2]), match[3]
    month, number = (first, second) if first <= 12 else (second, first)
    if year_text is None:
        return _next(month, number, today)
    return _valid(int(year_text) + (2000 if len(year_text) == 2 else 0), month, number)


def _next(month: int, number: int, today: date) -> date | None:
    """The first such day that is not before `today`."""
    days = (_valid(year, month, number) for year in range(today.year, today.year + _LEAP_GAP + 1))
    return next((found for found in days if found and found >= today), None)


def _valid(year: int, month: int, number: int) -> date | None:
    try:
        return date(year, month, number) if year in _YEARS else None
    except ValueError:
        return None
