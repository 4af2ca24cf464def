"""Recurrence rules of vCalendar 1.0, which old phones and calendars write, as iCalendar RRULE values."""

from __future__ import annotations

import re

from engine.itip.rule import MAX_TEXT

_RULE = re.compile(
    r"(D|W|MP|MD|YM|YD)(\d{1,3})((?: +[A-Z0-9+-]{1,5}){0,60})(?: +(?:#(\d{1,4})|(\d{8}(?:T\d{6}Z?)?)))? *"
)
_FREQUENCIES = {"D": "DAILY", "W": "WEEKLY", "MP": "MONTHLY", "MD": "MONTHLY", "YM": "YEARLY", "YD": "YEARLY"}
_LISTS = {"W": "BYDAY", "MP": "BYDAY", "MD": "BYMONTHDAY", "YM": "BYMONTH", "YD": "BYYEARDAY"}
_USUAL = 2
"""How often a rule without a count recurs (vCalendar 1.0, Recurrence Rule Grammar)."""


def rule(text: str) -> str:
    """A rule such as `W1 WE #4` as `FREQ=WEEKLY;INTERVAL=1;BYDAY=WE;COUNT=4`; other text is returned unchanged."""
    match = _RULE.fullmatch(text.strip().upper())
    if not match:
        return text
    kind, interval, listed, times, until = match.groups()
    parts = [f"FREQ={_FREQUENCIES[kind]}", f"INTERVAL={int(interval)}"]
    values = _days(listed.split()) if kind == "MP" else [_signed(value) for value in listed.split()]
    if values and kind in _LISTS:
        parts.append(f"{_LISTS[kind]}={','.join(values)}")
    if until:
        parts.append(f"UNTIL={until}")
    elif times is None or int(times):
        parts.append(f"COUNT={int(times) if times else _USUAL}")
    return ";".join(parts)


def modern(text: str) -> str:
    """A rule of either form as an RRULE value; one that is too long is returned unchanged."""
    return text if "FREQ=" in text or len(text) > MAX_TEXT else rule(text)


def _signed(value: str) -> str:
    """A number with its sign in front: `15` unchanged, `1-` and `LD` (the last day) as `-1`."""
    if value == "LD":
        return "-1"
    return f"-{value[:-1]}" if value.endswith("-") else value.removesuffix("+")


def _days(values: list[str]) -> list[str]:
    """Weekdays with the numbers before them: `1+ TU 2- FR` is 1TU and -2FR."""
    number, found = "", []
    for value in values:
        if value[0].isdigit():
            number = _signed(value)
        else:
            found.append(f"{number}{value}")
    return found
