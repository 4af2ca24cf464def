"""Words for a mail: when an event takes place and how it recurs, for people to read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from engine.model.times import Span

_UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
_DAYS = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
_ORDINALS = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth", "-1": "last"}
_WEEKDAYS = tuple(_DAYS.values())
_MONTHS = (
    "January February March April May June July August September October November December".split()  # noqa: SIM905
)


def day(value: date) -> str:
    """A day with its weekday, such as `Tuesday, 3 March 2026`; not by locale, so the same everywhere."""
    return f"{_WEEKDAYS[value.weekday()]}, {value.day} {_MONTHS[value.month - 1]} {value.year}"


def utc_offset(moment: datetime) -> str:
    """The offset from UTC of an aware local time, such as `UTC+01:00`."""
    total = int((moment.utcoffset() or timedelta()).total_seconds()) // 60
    hours, minutes = divmod(abs(total), 60)
    return f"UTC{'-' if total < 0 else '+'}{hours:02d}:{minutes:02d}" if total else "UTC"


def zone(span: Span) -> str:
    """The zone by name and offset, such as `Europe/Paris, UTC+01:00`; empty for all-day events."""
    local = span.local(span.start)
    if not isinstance(local, datetime):
        return ""
    offset = utc_offset(local)
    return offset if span.timezone == offset else f"{span.timezone}, {offset}"


def elsewhere(span: Span, zone_name: str) -> str:
    """The time of `span` on another clock, with its zone; empty for a day, or where the clocks agree."""
    if not zone_name or span.all_day:
        return ""
    there = span.model_copy(update={"timezone": zone_name})
    return "" if when(there) == when(span) else f"{when(there)} ({zone(there)})"


def when(span: Span) -> str:
    """The time of `span` in its own zone, without the zone's name; days where it is all-day."""
    start, end = span.local(span.start), span.local(span.end)
    if not isinstance(start, datetime) or not isinstance(end, datetime):
        last = max(span.start, span.end - timedelta(days=1))
        return day(span.start) if last == span.start else f"{day(span.start)} – {day(last)}"
    first = f"{day(start)}, {start:%H:%M}"
    if start == end:
        return first
    return f"{first} – {end:%H:%M}" if start.date() == end.date() else f"{first} – {day(end)}, {end:%H:%M}"


def _until(text: str, span: Span) -> str:
    if "T" not in text:
        return day(datetime.strptime(text, "%Y%m%d").date())  # noqa: DTZ007 -- a day, not a moment
    moment = datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return day(moment.astimezone(span.zone))


def _on(parts: dict[str, str]) -> str:
    names: list[str] = []
    for code in filter(None, parts.get("BYDAY", "").split(",")):
        number, name = code[:-2].lstrip("+"), _DAYS[code[-2:]]
        names.append(f"the {_ORDINALS[number]} {name}" if number else name)
    numbers = filter(None, parts.get("BYMONTHDAY", "").split(","))
    names += ["the last day" if number == "-1" else f"day {number}" for number in numbers]
    if not names:
        return ""
    return " on " + (f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0])


def recurrence(rule: str, span: Span) -> str:
    """An RRULE value in words, such as `every 2 weeks on Monday, 10 times`; empty for none.

    Rules that take more than a sentence are only said to repeat.
    """
    if not rule:
        return ""
    parts = dict(piece.split("=", 1) for piece in rule.split(";") if "=" in piece)
    hard = {"BYSETPOS", "BYWEEKNO", "BYYEARDAY", "BYMONTH"} & parts.keys()
    try:
        unit, interval = _UNITS[parts["FREQ"]], int(parts.get("INTERVAL", "1"))
        text = f"every {interval} {unit}s" if interval > 1 else f"every {unit}"
        text += "" if hard else _on(parts)
        if parts.get("UNTIL"):
            text += f", until {_until(parts['UNTIL'], span)}"
    except (KeyError, ValueError):
        return "repeatedly; see the calendar"
    times = parts.get("COUNT")
    text += f", {times} times" if times and times != "1" else ", once" if times else ""
    return f"{text} (see the calendar for the exact days)" if hard else text
