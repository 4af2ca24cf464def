"""Values of calendar properties: dates, times, durations, addresses (RFC 5545, 3.3)."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from urllib.parse import unquote

_VALUE = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(?:\.\d+)?(Z)?)?")
_DURATION = re.compile(
    r"([+-]?)P(?:([+-]?\d{1,4})W)?(?:([+-]?\d{1,5})D)?"
    r"(?:T(?:([+-]?\d{1,6})H)?(?:([+-]?\d{1,7})M)?(?:([+-]?\d{1,8})S)?)?"
)
"""Its parts may have signs, as in P1DT-3600S, which some programs write for 23 hours."""
_ADDRESS = re.compile(r"[^\s@<>\"(),;:\\\[\]]{1,64}@[^\s@<>\"(),;:\\]{1,255}")
_SCHEME = re.compile(r"^\s*(?:mailto\s*:)?\s*<?", re.IGNORECASE)
_ENCODED = re.compile(r"%[0-9A-Fa-f]{2}")
_ADDRESS_MAX = 1_000
_WESTMOST = timedelta(hours=12)
"""How far the clocks of the westernmost zone are behind UTC."""
_FIRST_YEAR = 1600
LAST_YEAR = 9000
"""The last year in which a date or time is understood."""


def read_value(text: str) -> tuple[date | datetime, bool]:
    """A DATE, or a DATE-TIME without its zone, and whether it was in UTC (RFC 5545, 3.3.4 and 3.3.5).

    Raises ValueError if the text is neither.
    """
    plain = text.strip()
    match = _VALUE.fullmatch(plain.upper().replace("-", "").replace(":", "")) if len(plain) <= 60 else None
    if not match:
        raise ValueError(f"not a date or time: {text[:40]}")
    year, month, day = (int(match.group(n)) for n in (1, 2, 3))
    if not _FIRST_YEAR <= year <= LAST_YEAR:
        raise ValueError(f"year out of range: {year}")
    if match.group(4) is None:
        return date(year, month, day), False
    seconds = min(int(match.group(6) or 0), 59)  # a leap second, 60, is allowed by the RFC
    moment = datetime(year, month, day, int(match.group(4)), int(match.group(5)), seconds)  # noqa: DTZ001
    return moment, match.group(7) is not None


def read_duration(text: str) -> timedelta:
    """A DURATION that is not negative (RFC 5545, 3.3.6).

    Raises ValueError if the text is not one.
    """
    text = text.strip()
    match = _DURATION.fullmatch(text.upper()) if len(text) <= 60 else None
    if not match or match.group(1) == "-":
        raise ValueError(f"not a duration: {text[:40]}")
    weeks, days, hours, minutes, seconds = (int(g or 0) for g in match.groups()[1:])
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    if length < timedelta():
        raise ValueError(f"not a duration: {text[:40]}")
    return length


def read_stamp(text: str) -> tuple[datetime, bool] | None:
    """A time stamp such as DTSTAMP in UTC, and whether it is vague; None if it cannot be read (RFC 5545, 3.8.7.2).

    A stamp that is not in UTC is vague, since its zone is unknown: the latest moment that it can mean is returned.
    """
    try:
        value, is_utc = read_value(text)
    except ValueError:
        return None
    if not isinstance(value, datetime):
        return None
    moment = value.replace(tzinfo=UTC)
    return (moment, False) if is_utc else (moment + _WESTMOST, True)


def read_address(text: str, email: str = "") -> str:
    """The mail address of a calendar address in lower case; `email` (EMAIL=) if it is not a mailto: URI.

    Empty if neither has one (RFC 5545, 3.3.3).
    """
    text, email = (value if len(value) <= _ADDRESS_MAX else "" for value in (text, email.strip()))
    plain = _SCHEME.sub("", text, count=1)
    plain = plain.partition("?")[0].strip().rstrip(">").strip()
    if _ENCODED.search(plain):
        plain = unquote(plain)
    for candidate in (plain, email):
        if _ADDRESS.fullmatch(candidate):
            return candidate.lower()
    return ""


def write_utc(moment: datetime) -> str:
    """`moment` as a DATE-TIME in UTC."""
    return moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")


def write_local(moment: datetime) -> str:
    """`moment` as a DATE-TIME in its own zone, which TZID has to name."""
    return moment.strftime("%Y%m%dT%H%M%S")


def write_day(day: date) -> str:
    """`day` as a DATE."""
    return day.strftime("%Y%m%d")
