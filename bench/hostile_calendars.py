"""Calendars that were made to keep their reader busy or to fill its memory, by the size that they may have."""

from __future__ import annotations

from collections.abc import Callable

CALENDAR_SIZE = 1_950_000
"""Just below what a calendar in a mail may have."""
START = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\n"
EVENT = b"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20270101T000000Z\r\nDTSTART:20270501T000000Z\r\nSUMMARY:x\r\nEND:VEVENT\r\n"
_EVENTS = 4_900
_END = b"END:VCALENDAR\r\n"
_CLOCK = b"BEGIN:STANDARD\r\nDTSTART:20200101T000000\r\nTZOFFSETFROM:+0115\r\nTZOFFSETTO:+0115\r\n"


def filled(piece: bytes, size: int) -> bytes:
    """`piece` over and over, up to `size` bytes."""
    return piece * (size // len(piece))


def numbered(piece: bytes, size: int) -> bytes:
    """`piece` over and over with a number in it, up to `size` bytes."""
    return b"".join(piece % n for n in range(size // (len(piece) + 4)))


def event(*lines: bytes, start: bytes = b"DTSTART:20270501T000000Z") -> bytes:
    """A calendar with one event that holds `lines`."""
    head = b"BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20270101T000000Z\r\n" + start + b"\r\n"
    return START + head + b"".join(lines) + b"END:VEVENT\r\n" + _END


def _in_lines(name: bytes, piece: bytes, size: int, width: int = 1_800) -> bytes:
    """Properties called `name`, each with many values, up to `size` bytes."""
    return filled(name + b":" + piece * (width // len(piece)) + b"\r\n", size)


def _years(size: int, method: bytes = b"REQUEST") -> bytes:
    """Events in 200 years, all by one time zone of the mail's own that is long."""
    zone = b"BEGIN:VTIMEZONE\r\nTZID:Nowhere\r\n" + _CLOCK + filled(b"X-A:1\r\n", size // 2)
    head = START.replace(b"REQUEST", method) + zone + b"END:STANDARD\r\nEND:VTIMEZONE\r\n"
    timed = b"BEGIN:VEVENT\r\nUID:%d\r\nDTSTART;TZID=Nowhere:%d0501T000000\r\nEND:VEVENT\r\n"
    count = min(size // 2 // (len(timed) + 4), _EVENTS)
    return head + b"".join(timed % (n, 2000 + n % 190) for n in range(count)) + _END


def _onsets(size: int, method: bytes = b"REQUEST") -> bytes:
    """Time zones that change their clock every day, and an event in each of many years."""
    days = b",".join(
        b"20%02d%02d%02dT000000" % (y, m, d)
        for y in range(26, 29)
        for m in range(1, 13)
        for d in range(1, 29)
    )
    zone = (
        b"BEGIN:VTIMEZONE\r\nTZID:Z%d\r\n"
        + _CLOCK
        + b"RDATE:"
        + days[: 16 * 400]
        + b"\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
    )
    timed = b"BEGIN:VEVENT\r\nUID:%d\r\nDTSTART;TZID=Z%d:20270501T000000\r\nEND:VEVENT\r\n"
    count = min(size // (len(zone) + len(timed)), 200)
    zones = b"".join(zone % n for n in range(count))
    return START.replace(b"REQUEST", method) + zones + b"".join(timed % (n, n) for n in range(count)) + _END


def _yearly(size: int, method: bytes = b"REQUEST") -> bytes:
    """One short time zone with rules that take long, for events in many years."""
    rule = b"RRULE:FREQ=YEARLY;BYDAY=1MO,2MO,3MO,4MO,-1MO,-2MO,-3MO;BYMONTHDAY=31\r\n"
    clock = _CLOCK.replace(b"2020", b"1601") + rule + b"END:STANDARD\r\n"
    zone = b"BEGIN:VTIMEZONE\r\nTZID:Nowhere\r\n" + clock * 20 + b"END:VTIMEZONE\r\n"
    timed = b"BEGIN:VEVENT\r\nUID:%d\r\nDTSTART;TZID=Nowhere:%d0501T000000\r\nEND:VEVENT\r\n"
    count = min(size // (len(timed) + 4), _EVENTS)
    many = b"".join(timed % (n, 1700 + n % 4_000) for n in range(count))
    return START.replace(b"REQUEST", method) + zone + many + _END


def _zones_unknown(size: int) -> bytes:
    timed = b"BEGIN:VEVENT\r\nUID:1\r\nDTSTART;TZID=Europ/Pariz%d:20270501T000000\r\nEND:VEVENT\r\n"
    return START.replace(b"REQUEST", b"REPLY") + numbered(timed, min(size, _EVENTS * len(timed))) + _END


def _lost_begins(size: int) -> bytes:
    lines = filled(b"X-A:1\r\n", 4 * size // 15) + filled(b"END:VEVENT\r\n", 11 * size // 15)
    return START + lines + _END


CALENDARS: dict[str, Callable[[int], bytes]] = {
    "events without their BEGIN": _lost_begins,
    "events without their BEGIN in components": lambda s: (
        START + filled(b"BEGIN:VEVENT\r\nBEGIN:VALARM\r\nX-A:1\r\nEND:VEVENT\r\nEND:VEVENT\r\n", s) + _END
    ),
    "lines of five octets": lambda s: event(filled(b"A:1\r\n", s)),
    "folded lines of one octet": lambda s: event(b"DESCRIPTION:x\r\n" + filled(b" x\r\n", s)),
    "line ends": lambda s: event(filled(b"\r", s)),
    "backslashes": lambda s: event(b"DESCRIPTION:" + filled(b"\\", s) + b"\r\n"),
    "blank descriptions": lambda s: event(filled(b"DESCRIPTION:\\n\r\n", s)),
    "comments": lambda s: event(filled(b"COMMENT:x\r\n", s)),
    "addresses of the web": lambda s: event(b"DESCRIPTION:" + filled(b"https://" + b"a." * 30, s) + b"\r\n"),
    "colons before white space": lambda s: event(b"ATTENDEE;CN=a" + filled(b":" + b" " * 60, s) + b"\r\n"),
    "parameters": lambda s: event(filled(b"X-A" + b";B=1" * 99 + b":1\r\n", s)),
    "a line of parameters": lambda s: event(b"X-A" + filled(b";B=1", s) + b":1\r\n"),
    "quotes in parameters": lambda s: event(b"ATTENDEE;CN=" + filled(b'"a";', s) + b":mailto:a@b.cd\r\n"),
    "one quote in a parameter": lambda s: event(b'ATTENDEE;CN="' + filled(b"a", s) + b":mailto:a@b.cd\r\n"),
    "pairs of quotes in a parameter": lambda s: event(
        b"ATTENDEE;CN=" + filled(b'""', s) + b":mailto:a@b.cd\r\n"
    ),
    "carets": lambda s: event(b"ATTENDEE;CN=" + filled(b"^n", s) + b":mailto:a@b.cd\r\n"),
    "delegates": lambda s: event(
        filled(
            b"ATTENDEE;DELEGATED-TO="
            + b"a@b.cd," * 570
            + b";DELEGATED-FROM="
            + b"a@b.cd," * 570
            + b":mailto:%d@b.cd\r\n",
            s,
        )
    ).replace(b"%d", b"a"),
    "delegates of many": lambda s: event(
        numbered(
            b"ATTENDEE;DELEGATED-TO="
            + b"a@b.cd," * 570
            + b";DELEGATED-FROM="
            + b"a@b.cd," * 570
            + b":mailto:%d@b.cd\r\n",
            s,
        )
    ),
    "attendees": lambda s: event(numbered(b"ATTENDEE:mailto:%d@b.cd\r\n", s)),
    "one attendee again and again": lambda s: event(filled(b"ATTENDEE:mailto:a@b.cd\r\n", s)),
    "attendees without an address": lambda s: event(filled(b"ATTENDEE:%41%41%41\r\n", s)),
    "events of 30 attendees": lambda s: (
        START
        + filled(
            EVENT.replace(b"SUMMARY:x\r\n", b"".join(b"ATTENDEE:mailto:%d@b.cd\r\n" % n for n in range(30))),
            s,
        )
        + _END
    ),
    "excluded days": lambda s: event(_in_lines(b"EXDATE;VALUE=DATE", b"20270101,", s)),
    "further times": lambda s: event(_in_lines(b"RDATE;TZID=Europe/Paris", b"20270101T000000,", s)),
    "further times with other zones": lambda s: event(
        numbered(b"RDATE;TZID=Europe/Paris%d:20270101T000000Z\r\n", s)
    ),
    "rules": lambda s: event(numbered(b"RRULE:FREQ=DAILY;COUNT=%d\r\n", s)),
    "one rule of many days": lambda s: event(b"RRULE:FREQ=YEARLY;BYYEARDAY=" + filled(b"1,", s) + b"\r\n"),
    "calendars": lambda s: filled(b"BEGIN:VCALENDAR\r\n", s),
    "calendars with an event each": lambda s: filled(b"BEGIN:VCALENDAR\r\n" + EVENT + _END, s),
    "components": lambda s: START + filled(b"BEGIN:X-A\r\n", s),
    "components within each other": lambda s: (
        START + filled(b"BEGIN:A\r\nBEGIN:A\r\nBEGIN:A\r\nBEGIN:VEVENT\r\n", s)
    ),
    "components of other names": lambda s: START + numbered(b"BEGIN:X-%d\r\n", s),
    "time zones": lambda s: (
        START
        + numbered(b"BEGIN:VTIMEZONE\r\nTZID:A/B/%d\r\nEND:VTIMEZONE\r\n", s)
        + EVENT.replace(b"T000000Z\r\nSUMMARY", b"\r\nSUMMARY")
        + _END
    ),
    "observances": lambda s: event(start=b"DTSTART;TZID=Z:20270501T000000").replace(
        b"BEGIN:VEVENT",
        b"BEGIN:VTIMEZONE\r\nTZID:Z\r\n"
        + filled(_CLOCK + b"END:STANDARD\r\n", s)
        + b"END:VTIMEZONE\r\nBEGIN:VEVENT",
    ),
    "a long time zone in many years": _years,
    "a long time zone in many years, answered": lambda s: _years(s, b"REPLY"),
    "time zones that change every day": _onsets,
    "time zones that change every day, answered": lambda s: _onsets(s, b"REPLY"),
    "a time zone of rules in many years": _yearly,
    "a time zone of rules in many years, answered": lambda s: _yearly(s, b"REPLY"),
    "unknown time zones in answers": _zones_unknown,
    "wide characters": lambda s: event(b"DESCRIPTION:" + filled("\U0001f600".encode(), s) + b"\r\n"),
    "UTF-16": lambda s: event(b"DESCRIPTION:" + filled(b"x", s // 2) + b"\r\n").decode().encode("utf-16"),
}
