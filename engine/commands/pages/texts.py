"""What a page may be called and say: its slug, colour, month and texts."""

from __future__ import annotations

import re
import unicodedata

from engine.commands import text
from engine.refusals import Code, Refused

TITLE_MAX = 120
TEXT_MAX = 2_000
CONSENT_MAX = 500
QUERY_MAX = 300
SLUG_MAX = 60
EVENTS_NAMED_MAX = 1_000
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{1,58})[a-z0-9]")
_OF_ALL = re.compile(r"upcoming-[a-z2-7]{10}")
_MONTH = re.compile(r"[12][0-9]{3}-(?:0[1-9]|1[0-2])")
_COLOUR = re.compile(r"#[0-9a-f]{6}")
_CONTRAST_LEAST = 4.5
"""Of white letters on a button (WCAG 2.2, 1.4.3)."""


def title(value: str) -> str:
    """The heading of a page: one line, not empty."""
    value = " ".join(text.bounded(value, "title", TITLE_MAX).split())
    if not value:
        raise Refused(Code.INVALID_ARGUMENT, "title is empty.", "Say briefly what the page shows.")
    return value


def paragraphs(value: str, what: str, limit: int = TEXT_MAX) -> str:
    """Text of a page; an empty line begins a paragraph."""
    return text.bounded(value, what, limit)


def slug(value: str) -> str:
    """The address of a page as it was given. Raises Refused: INVALID_ARGUMENT."""
    if not _SLUG.fullmatch(value):
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"“{value[:SLUG_MAX]}” is not a valid slug.",
            "Give 3 to 60 of a-z, 0-9 and hyphens, such as orioles-2027; or leave it out.",
        )
    return value


def reserved(slug: str) -> bool:
    """True for a slug that only the switch which publishes all events of an organizer takes."""
    return _OF_ALL.fullmatch(slug) is not None


def slug_of(heading: str) -> str:
    """A slug made of the words of a heading; `page` where it has no Latin letters."""
    plain = unicodedata.normalize("NFKD", heading.lower()).encode("ascii", "ignore").decode()
    words = "-".join(re.findall(r"[a-z0-9]+", plain))[: SLUG_MAX - 6].strip("-")
    return words if len(words) >= 3 else "page"


def month(value: str) -> str:
    """A month as 2027-05, or nothing."""
    value = value.strip()
    if value and not _MONTH.fullmatch(value):
        raise Refused(
            Code.INVALID_TIME, f"“{value[:20]}” is not a month.", "Give year and month, as 2027-05."
        )
    return value


def colour(value: str) -> str:
    """A colour dark enough for white letters on it, as #rrggbb."""
    value = value.strip().lower()
    if not _COLOUR.fullmatch(value):
        raise Refused(Code.INVALID_ARGUMENT, f"“{value[:20]}” is not a colour.", "Give it as #1558b0.")
    if contrast_with_white(value) < _CONTRAST_LEAST:
        raise Refused(
            Code.INVALID_ARGUMENT,
            f"{value} is too light for white text.",
            "Give a darker colour.",
        )
    return value


def contrast_with_white(value: str) -> float:
    """The contrast of #rrggbb and white, from 1 to 21 (WCAG 2.2, relative luminance)."""
    red, green, blue = (_linear(int(value[i : i + 2], 16) / 255) for i in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
