"""Turns a meeting that Outlook sent as TNEF into calendar text (MS-OXOCAL, MS-OXCICAL 2.1.3.1.1.20)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from engine.mail.incoming import outlook_zones, recurring
from engine.mail.incoming.tnef import Key, Malformed, Tnef
from engine.refusals import Code, Refused

_P = TypeVar("_P")
_APPOINTMENT = UUID("00062002-0000-0000-c000-000000000046")
_MEETING = UUID("6ed8da90-450b-101b-98da-00aa003f1305")
_SEQUENCE: Key = (_APPOINTMENT, 0x8201)
_START, _END = (_APPOINTMENT, 0x820D), (_APPOINTMENT, 0x820E)
_LOCATION, _WHERE = (_APPOINTMENT, 0x8208), (_MEETING, 0x0002)
_ALL_DAY, _RECUR = (_APPOINTMENT, 0x8215), (_APPOINTMENT, 0x8216)
_ZONE_RULES = (_APPOINTMENT, 0x8233)
_ZONE_NAMES = ((_APPOINTMENT, 0x825E), (_APPOINTMENT, 0x8260), (_APPOINTMENT, 0x825F))
_REPLACED = (_APPOINTMENT, 0x8228)
_COUNTER, _PROPOSED_START, _PROPOSED_END = (
    (_APPOINTMENT, 0x8257),
    (_APPOINTMENT, 0x8250),
    (_APPOINTMENT, 0x8251),
)
_GLOBAL_ID, _CLEAN_ID = (_MEETING, 0x0003), (_MEETING, 0x0023)
_ORGANIZER_STAMP, _ATTENDEE_STAMP = (_MEETING, 0x001A), (_MEETING, 0x0001)
_MESSAGE_CLASS, _SUBJECT, _PLAIN_SUBJECT, _BODY = 0x001A, 0x0037, 0x0E1D, 0x1000
_ORGANIZER_NAME, _ORGANIZER_ADDRESS = 0x0042, (0x5D02, 0x0065)
_DATE_IN_ID = slice(16, 20)
_THIRD_PARTY = b"vCal-Uid\x01\0\0\0"
_ADDRESS = re.compile(r"[^\s@:;,\"<>]{1,64}@[^\s@:;,\"<>]{1,255}")
_SUBJECT_PREFIX = re.compile(r"^(?:accepted|declined|tentative|canceled|cancelled|fw|re): *", re.IGNORECASE)
_UID_MAX = 1_000
_TEXT_MAX = 100_000

# the class as messages have it, and as old TNEF abbreviates it (MS-OXTNEF 2.1.3.3.21)
_CLASSES = (
    ("ipm.schedule.meeting.request", "REQUEST", ""),
    ("ipm.microsoft schedule.mtgreq", "REQUEST", ""),
    ("ipm.schedule.meeting.canceled", "CANCEL", ""),
    ("ipm.microsoft schedule.mtgcncl", "CANCEL", ""),
    ("ipm.schedule.meeting.resp.pos", "REPLY", "ACCEPTED"),
    ("ipm.microsoft schedule.mtgrespp", "REPLY", "ACCEPTED"),
    ("ipm.schedule.meeting.resp.neg", "REPLY", "DECLINED"),
    ("ipm.microsoft schedule.mtgrespn", "REPLY", "DECLINED"),
    ("ipm.schedule.meeting.resp.tent", "REPLY", "TENTATIVE"),
    ("ipm.microsoft schedule.mtgrespa", "REPLY", "TENTATIVE"),
    ("ipm.appointment", "PUBLISH", ""),
)


def calendar(message: Tnef, sender: str) -> bytes | None:
    """The meeting as calendar text; None if the message is none. `sender` is the address it came from.

    Raises Refused(TNEF_UNREADABLE) if it is a meeting that cannot be converted.
    """
    own = str(message.properties.get(_MESSAGE_CLASS, ""))
    for name in (message.message_class.lower(), own.lower()):
        for known, method, partstat in _CLASSES:
            if name.startswith(known):
                return _calendar(message, method, partstat, sender)
    return None


def unreadable(why: str) -> Refused:
    """The refusal of a winmail.dat, with the way out that Outlook offers."""
    return Refused(
        Code.TNEF_UNREADABLE,
        f"The mail came as winmail.dat (TNEF), and {why}.",
        "In Outlook, set the message format to HTML, or send the meeting as iCalendar.",
    )


def _calendar(message: Tnef, method: str, partstat: str, sender: str) -> bytes:
    try:
        return _Meeting(message, method, partstat, sender).text()
    except (Malformed, ValueError, OverflowError) as error:
        raise unreadable(f"its meeting cannot be read: {error}") from error


class _Meeting:
    """One message being written as calendar text."""

    def __init__(self, message: Tnef, method: str, partstat: str, sender: str) -> None:
        self._message = message
        self._method = "COUNTER" if message.properties.get(_COUNTER) is True and partstat else method
        self._partstat = partstat
        self._sender = sender
        names = (outlook_zones.named(message.properties.get(key)) for key in _ZONE_NAMES)
        self._zone = next((zone for zone in names if zone), None)
        self._rules = None if self._zone else outlook_zones.rules(message.properties.get(_ZONE_RULES))

    def text(self) -> bytes:
        recur = self._get(_RECUR, bytes)
        wanted = self._method in {"REQUEST", "PUBLISH"} and recur and not self._is_instance()
        series = recurring.read(recur, "cp1252") if recur and wanted else None
        zone = self._rules.lines() if self._rules and series else []
        events = self._series(series) if series else self._single()
        lines = [
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Microsoft Corporation//Outlook TNEF//EN",
            f"METHOD:{self._method}",
            *zone,
            *events,
            "END:VCALENDAR",
        ]
        return "".join(f"{line}\r\n" for line in lines).encode("utf-8", "replace")

    # one event, or a series with the instances that differ

    def _single(self) -> list[str]:
        counter = self._method == "COUNTER"
        start = self._get(_PROPOSED_START if counter else _START, datetime) or self._get(_START, datetime)
        end = self._get(_PROPOSED_END if counter else _END, datetime) or self._get(_END, datetime) or start
        if start is None and self._method in {"REQUEST", "PUBLISH"}:
            raise Malformed("it has no start")
        times = []
        if start and end:
            times = [f"DTSTART{self._moment(start)}", f"DTEND{self._moment(end)}"]
        return self._event([*times, *self._recurrence_id()])

    def _series(self, series: recurring.Pattern) -> list[str]:
        if self._zone is None and self._rules is None:
            raise Malformed("its series names no time zone")
        times = [f"DTSTART{self._clock(series.start)}", f"DTEND{self._clock(series.end)}"]
        times.append(f"RRULE:{series.rule}{self._rule_end(series)}")
        times += [f"EXDATE{self._clock(moment)}" for moment in series.gone]
        lines = self._event(times)
        for instance in series.exceptions:
            times = [f"DTSTART{self._clock(instance.start)}", f"DTEND{self._clock(instance.end)}"]
            times.append(f"RECURRENCE-ID{self._clock(instance.original)}")
            lines += self._event(times, instance.subject, instance.location)
        return lines

    def _rule_end(self, series: recurring.Pattern) -> str:
        if series.count is not None:
            return f";COUNT={max(1, series.count)}"
        if series.until is None:
            return ""
        last = series.until.replace(hour=23, minute=59)
        if self._all_day:
            return f";UNTIL={last:%Y%m%d}"
        if self._zone:
            return f";UNTIL={last.replace(tzinfo=self._zone).astimezone(UTC):%Y%m%dT%H%M%SZ}"
        west = self._rules.standard if self._rules else 0
        return f";UNTIL={last + timedelta(minutes=west):%Y%m%dT%H%M%SZ}"

    def _event(self, times: list[str], subject: str = "", location: str = "") -> list[str]:
        stamp = self._get(_ATTENDEE_STAMP if self._partstat else _ORGANIZER_STAMP, datetime)
        body = self._get(_BODY, str)
        where = location or self._get(_LOCATION, str) or self._get(_WHERE, str)
        texts = {
            "SUMMARY": subject or self._subject(),
            "LOCATION": where,
            "COMMENT" if self._partstat else "DESCRIPTION": body,
        }
        return [
            "BEGIN:VEVENT",
            f"UID:{_escaped(self._uid())}",
            f"SEQUENCE:{max(0, self._get(_SEQUENCE, int) or 0)}",
            *([f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}"] if stamp else []),
            *times,
            *self._people(),
            *[f"{name}:{_escaped(text)}" for name, text in texts.items() if text and text.strip()],
            *(["STATUS:CANCELLED"] if self._method == "CANCEL" else []),
            "END:VEVENT",
        ]

    # who and what

    def _people(self) -> list[str]:
        if self._partstat:
            return [f"ATTENDEE;PARTSTAT={self._partstat}:mailto:{self._sender}"]
        addresses = [str(self._message.properties.get(key, "")).strip() for key in _ORGANIZER_ADDRESS]
        address = next((a for a in addresses if _ADDRESS.fullmatch(a)), self._sender)
        name = re.sub(r'[\x00-\x1f"]', " ", self._get(_ORGANIZER_NAME, str) or "").strip()
        return [f'ORGANIZER;CN="{name}":mailto:{address}' if name else f"ORGANIZER:mailto:{address}"]

    def _subject(self) -> str:
        plain = self._get(_PLAIN_SUBJECT, str)
        return plain or _SUBJECT_PREFIX.sub("", self._get(_SUBJECT, str) or self._message.subject)

    def _uid(self) -> str:
        """The UID that Outlook itself would write: that of the other client, or its own as hexadecimal."""
        identifier = self._get(_CLEAN_ID, bytes) or self._get(_GLOBAL_ID, bytes)
        if not identifier or len(identifier) < 40:
            raise Malformed("it has no global object id")
        data = identifier[40:]
        if data.startswith(_THIRD_PARTY):
            uid = data[len(_THIRD_PARTY) :].partition(b"\0")[0].decode("utf-8", "replace")
        else:
            uid = (identifier[:16] + bytes(4) + identifier[20:]).hex().upper()
        if len(uid) > _UID_MAX:
            raise Malformed("its global object id is too long")
        return uid

    def _is_instance(self) -> bool:
        identifier = self._get(_GLOBAL_ID, bytes) or b""
        return any(identifier[_DATE_IN_ID])

    def _recurrence_id(self) -> list[str]:
        if not self._is_instance():
            return []
        replaced = self._get(_REPLACED, datetime)
        if replaced is not None:
            return [f"RECURRENCE-ID{self._moment(replaced)}"]
        start = self._get(_START, datetime)
        date = (self._get(_GLOBAL_ID, bytes) or b"")[_DATE_IN_ID]
        if start is None or self._zone is None:
            raise Malformed("its instance of a series names no start")
        day = datetime(date[0] << 8 | date[1], date[2], date[3], tzinfo=self._zone)
        local = start.astimezone(self._zone)
        return [f"RECURRENCE-ID{self._clock(day.replace(hour=local.hour, minute=local.minute))}"]

    # times

    @property
    def _all_day(self) -> bool:
        return self._message.properties.get(_ALL_DAY) is True

    def _moment(self, moment: datetime) -> str:
        """A moment as a property's parameters and value: in its zone where that has a name, else in UTC."""
        if self._all_day:
            return self._day(moment)
        if self._zone is None:
            return f":{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"
        return self._clock(moment.astimezone(self._zone))

    def _day(self, moment: datetime) -> str:
        """The day whose midnight in the sender's zone `moment` is."""
        if self._zone:
            return f";VALUE=DATE:{moment.astimezone(self._zone):%Y%m%d}"
        wests = (self._rules.standard, self._rules.daylight) if self._rules else (0,)
        local = [moment - timedelta(minutes=west) for west in wests]
        day = next((m for m in local if (m.hour, m.minute) == (0, 0)), local[0])
        return f";VALUE=DATE:{day:%Y%m%d}"

    def _clock(self, local: datetime) -> str:
        """A time on the clock of the event's zone."""
        if self._all_day:
            return f";VALUE=DATE:{local:%Y%m%d}"
        tzid = self._zone.key if self._zone else outlook_zones.OWN
        return f';TZID="{tzid}":{local:%Y%m%dT%H%M%S}'

    def _get(self, key: Key, kind: type[_P]) -> _P | None:
        value = self._message.properties.get(key)
        return value if isinstance(value, kind) else None


def _escaped(text: str) -> str:
    """Text as a value (RFC 5545, 3.3.11)."""
    if len(text) > _TEXT_MAX:
        raise Malformed(f"one of its texts has more than {_TEXT_MAX:,} characters")
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    return re.sub(r"([\\;,])", r"\\\1", text).replace("\n", "\\n")
