"""The judge icalendar: reads the calendar again and looks for what is broken or missing."""

from __future__ import annotations

from icalendar import Calendar


def faults(calendar: bytes) -> list[str]:
    """What icalendar finds wrong."""
    try:
        parsed = Calendar.from_ical(calendar)
    except ValueError as error:
        return [f"cannot be read: {error}"]
    found = [f"{name}: {why}" for part in parsed.walk() for name, why in part.errors]
    found += [f"no VTIMEZONE for {tzid}" for tzid in parsed.get_missing_tzids()]
    for event in parsed.walk("VEVENT"):
        found += [f"VEVENT without {name}" for name in ("UID", "ORGANIZER", "ATTENDEE") if name not in event]
    return found
