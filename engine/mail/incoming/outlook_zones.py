"""Time zones as Outlook keeps them in an appointment (MS-OXOCAL 2.2.1.39 and 2.2.1.41)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_RULES = struct.Struct("<iii H8H H8H")
_DAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_KEY_MAX = 260
_BIAS_MAX = 24 * 60
OWN = "Outlook zone of the sender"
"""TZID of a zone that is known by its rules alone."""


@dataclass(frozen=True, slots=True)
class Observance:
    """When one of the two clocks of a year begins: the nth such weekday of a month; `month` 0 for never."""

    month: int
    weekday: int
    nth: int
    hour: int
    minute: int

    @property
    def possible(self) -> bool:
        return self.month <= 12 and self.weekday <= 6 and 1 <= self.nth <= 5 and self.hour <= 23


@dataclass(frozen=True, slots=True)
class ZoneRules:
    """The two clocks of a zone, in minutes west of UTC."""

    standard: int
    daylight: int
    to_standard: Observance
    to_daylight: Observance

    def lines(self) -> list[str]:
        """The zone as a VTIMEZONE."""
        summer = self.to_standard.month and self.to_daylight.month
        clocks = _clock("STANDARD", self.daylight, self.standard, self.to_standard if summer else None)
        if summer:
            clocks += _clock("DAYLIGHT", self.standard, self.daylight, self.to_daylight)
        return ["BEGIN:VTIMEZONE", f"TZID:{OWN}", *clocks, "END:VTIMEZONE"]


def _clock(name: str, before: int, after: int, change: Observance | None) -> list[str]:
    if change is None:
        start, rule, before = "16010101T000000", [], after
    else:
        start = f"16010101T{change.hour:02d}{change.minute:02d}00"
        nth = -1 if change.nth == 5 else change.nth
        rule = [f"RRULE:FREQ=YEARLY;BYMONTH={change.month};BYDAY={nth}{_DAYS[change.weekday]}"]
    offsets = [f"TZOFFSETFROM:{_offset(before)}", f"TZOFFSETTO:{_offset(after)}"]
    return [f"BEGIN:{name}", f"DTSTART:{start}", *rule, *offsets, f"END:{name}"]


def _offset(west: int) -> str:
    hours, minutes = divmod(abs(west), 60)
    return f"{'-' if west > 0 else '+'}{hours:02d}{minutes:02d}"


def named(definition: object) -> ZoneInfo | None:
    """The zone that PidLidAppointmentTimeZoneDefinition… names, if its name is known."""
    if not isinstance(definition, bytes) or len(definition) < 8:
        return None
    size = struct.unpack_from("<H", definition, 6)[0]
    name = definition[8 : 8 + 2 * min(size, _KEY_MAX)].decode("utf-16-le", "replace").rstrip("\0")
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    try:
        return ZoneInfo(WINDOWS_TO_OLSON[name])
    except (KeyError, ZoneInfoNotFoundError):
        return None


def rules(structure: object) -> ZoneRules | None:
    """The rules in PidLidTimeZoneStruct, if they can be."""
    if not isinstance(structure, bytes) or len(structure) < _RULES.size:
        return None
    bias, standard, daylight, _, *dates = _RULES.unpack_from(structure)
    to_standard, to_daylight = _change(dates[:8]), _change(dates[9:])
    found = ZoneRules(bias + standard, bias + daylight, to_standard, to_daylight)
    both_or_none = bool(to_standard.month) == bool(to_daylight.month)
    possible = not to_standard.month or (to_standard.possible and to_daylight.possible)
    within = max(abs(found.standard), abs(found.daylight)) < _BIAS_MAX
    return found if both_or_none and possible and within else None


def _change(date: list[int]) -> Observance:
    _year, month, weekday, nth, hour, minute, *_ = date
    return Observance(month, weekday, nth, hour, minute % 60)
