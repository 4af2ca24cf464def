"""Times in a rule: Unix seconds or milliseconds, or ISO 8601; a time without zone or offset is never guessed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.refusals import Code, Refused

_MILLISECONDS_FROM = 100_000_000_000
"""Unix times from this value on are milliseconds; in seconds it is in the year 5138."""
_MINUTES_MAX = 1_000_000


def moment(value: Any) -> datetime:
    """The aware time that `value` names. Raises Refused: INVALID_TIME."""
    found = _read(value)
    if found.tzinfo is None:
        raise Refused(
            Code.INVALID_TIME,
            f"“{str(value)[:40]}” has neither an offset nor a zone.",
            "Say the zone, as in {{ event.start | in_zone('Europe/Paris') }}, or let the sender add an offset.",
        )
    return found


def _read(value: Any) -> datetime:
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
            return datetime.fromtimestamp(seconds, UTC)
        if isinstance(value, str) and ("T" in value.upper() or ":" in value):
            return datetime.fromisoformat(value.strip())
    except (ValueError, OverflowError, OSError):
        pass
    raise Refused(
        Code.INVALID_TIME, f"“{str(value)[:40]}” is neither a Unix time nor an ISO 8601 date and time."
    )


def date(value: Any, form: Any = "") -> str:
    """ISO 8601 with an offset; with `form` "day", only the day. Raises Refused: INVALID_TIME, INVALID_RULE."""
    found = moment(value)
    if form == "day":
        return found.date().isoformat()
    if form:
        raise Refused(Code.INVALID_RULE, "date takes no argument other than “day”.")
    return found.isoformat()


def plus_minutes(value: Any, minutes: Any) -> str:
    """The time this many minutes later; a time without an offset stays without one.

    Raises Refused: INVALID_TIME, INVALID_RULE.
    """
    if isinstance(minutes, str):
        minutes = int(minutes) if len(minutes) < 10 and whole(minutes) else None
    if not isinstance(minutes, int | float) or isinstance(minutes, bool) or not abs(minutes) <= _MINUTES_MAX:
        raise Refused(Code.INVALID_RULE, "plus_minutes takes a number of minutes, such as 45.")
    try:
        return (_read(value) + timedelta(minutes=minutes)).isoformat()
    except OverflowError:
        raise _out_of_range() from None


def whole(text: str) -> bool:
    """True for a whole number with at most one sign before it."""
    return text.strip().removeprefix("-").isdecimal()


def _out_of_range() -> Refused:
    return Refused(Code.INVALID_TIME, "A time is out of range.")


def in_zone(value: Any, zone: Any) -> str:
    """The same moment in a zone; a time without an offset is in that zone.

    Raises Refused: UNKNOWN_TIMEZONE, INVALID_TIME.
    """
    if not isinstance(zone, str) or len(zone) > 60:
        raise Refused(Code.UNKNOWN_TIMEZONE, "in_zone takes the IANA name of a zone, such as Europe/Paris.")
    try:
        info = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(Code.UNKNOWN_TIMEZONE, f"“{zone}” is not an IANA time zone name.") from None
    found = _read(value)
    try:
        if found.tzinfo is not None:
            return found.astimezone(info).isoformat()
        there = found.replace(tzinfo=info)
        again = there.astimezone(UTC).astimezone(info).replace(tzinfo=None)
    except OverflowError:  # 0001-01-01 and 9999-12-31, by which some systems mean none
        raise _out_of_range() from None
    if again != found:
        raise Refused(
            Code.INVALID_TIME, f"{found.isoformat()} does not exist in {zone}: the clocks go forward over it."
        )
    return there.isoformat()
