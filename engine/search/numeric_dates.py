"""Dates in forms that our own grammar does not know, read by dateparser, which is loaded when first needed."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache


@lru_cache(maxsize=256)
def day(text: str, today: date) -> date | None:
    """The day that a text such as “6/5/2027” names, month first; None where it names none."""
    import dateparser

    found = dateparser.parse(
        text[:40],
        languages=["en"],
        settings={
            "DATE_ORDER": "MDY",
            "PREFER_DATES_FROM": "future",
            "RELATIVE_BASE": datetime(today.year, today.month, today.day),  # noqa: DTZ001 -- a day, nowhere
            "REQUIRE_PARTS": ["day", "month"],
            "PARSERS": ["absolute-time"],
        },
    )
    return found.date() if found and 1970 <= found.year <= 2200 else None
