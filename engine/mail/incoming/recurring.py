"""Read how an Outlook appointment recurs, as an RRULE with its exceptions (MS-OXOCAL 2.2.1.44)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.mail.incoming.tnef import Malformed

_DAILY, _WEEKLY, _MONTHLY, _YEARLY = 0x200A, 0x200B, 0x200C, 0x200D
_EACH_DAY, _WEEK, _MONTH, _NTH, _MONTH_END = 0, 1, 2, 3, 4
_UNTIL, _COUNT, _NEVER, _NEVER_EITHER = 0x2021, 0x2022, 0x2023, 0xFFFFFFFF
_GREGORIAN = {0, 1}
_DAYS = ("SU", "MO", "TU", "WE", "TH", "FR", "SA")
_LAST = 5
_INSTANCES_MAX = 1_000
_MINUTES_PER_DAY = 24 * 60
_SUBJECT, _LOCATION = 0x1, 0x10
_SKIPPED = (0x2, 0x4, 0x8)
_SKIPPED_AFTER = (0x20, 0x40, 0x80, 0x100)
_1601 = datetime(1601, 1, 1)  # noqa: DTZ001 -- all times in the pattern are on the clock of the event's zone


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance that differs; `original` is the start that it would have had."""

    original: datetime
    start: datetime
    end: datetime
    subject: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class Pattern:
    """How a series recurs; all times are on the clock of the event's zone.

    `rule` is an RRULE value without its end; `until` is the day of the last instance.
    """

    rule: str
    start: datetime
    end: datetime
    count: int | None
    until: datetime | None
    gone: tuple[datetime, ...]
    exceptions: tuple[Instance, ...]


class _Stream:
    """Little-endian numbers, one after the other."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    def take(self, form: str) -> int:
        try:
            (value,) = struct.unpack_from(f"<{form}", self._data, self._offset)
        except struct.error as error:
            raise Malformed("the recurrence ends too early") from error
        self._offset += struct.calcsize(form)
        return int(value)

    def moment(self) -> datetime:
        """A time in minutes since 1601."""
        return _1601 + timedelta(minutes=self.take("I"))

    def moments(self) -> list[datetime]:
        count = self.take("I")
        if count > _INSTANCES_MAX:
            raise Malformed("the series has too many exceptions")
        return [self.moment() for _ in range(count)]

    def words(self, encoding: str) -> str:
        self.take("H")
        size = self.take("H")
        content = self._data[self._offset : self._offset + size]
        self._offset += size
        return content.decode(encoding, "replace")


def read(data: bytes, encoding: str) -> Pattern:
    """The pattern of an appointment; `encoding` is of the texts in it. Raises Malformed."""
    stream = _Stream(data)
    stream.take("H"), stream.take("H")
    frequency, kind = stream.take("H"), stream.take("H")
    if stream.take("H") not in _GREGORIAN:
        raise Malformed("the series follows a calendar that is not Gregorian")
    stream.take("I")
    period = stream.take("I")
    stream.take("I")
    days, nth = _specifics(stream, kind)
    end_type, count, first_day = stream.take("I"), stream.take("I"), stream.take("I")
    deleted, _modified = stream.moments(), stream.moments()
    first, last = stream.moment(), stream.moment()
    stream.take("I"), stream.take("I")
    start, end = timedelta(minutes=stream.take("I")), timedelta(minutes=stream.take("I"))
    exceptions = _exceptions(stream, encoding)
    if end_type not in {_UNTIL, _COUNT, _NEVER, _NEVER_EITHER}:
        raise Malformed("the series has an end of an unknown kind")
    changed = {instance.original.date() for instance in exceptions}
    return Pattern(
        rule=f"{_rule(frequency, kind, period, days, nth, first)};WKST={_DAYS[first_day % 7]}",
        start=first + start,
        end=first + end,
        count=count if end_type == _COUNT else None,
        until=last if end_type == _UNTIL else None,
        gone=tuple(day + start for day in deleted if day.date() not in changed),
        exceptions=exceptions,
    )


def _specifics(stream: _Stream, kind: int) -> tuple[int, int]:
    """Days of the week as bits, or the day of the month; and the number of the week in the month."""
    if kind == _EACH_DAY:
        return 0, 0
    if kind in {_WEEK, _MONTH, _MONTH_END}:
        return stream.take("I"), 0
    if kind == _NTH:
        return stream.take("I"), stream.take("I")
    raise Malformed("the series recurs in an unknown way")


def _rule(frequency: int, kind: int, period: int, days: int, nth: int, first: datetime) -> str:
    if frequency == _DAILY and kind == _EACH_DAY:
        return f"FREQ=DAILY;INTERVAL={_positive(period // _MINUTES_PER_DAY)}"
    if frequency in {_DAILY, _WEEKLY} and kind == _WEEK:
        # “every weekday” is a weekly pattern that calls itself daily
        return f"FREQ=WEEKLY;INTERVAL={_positive(period)};BYDAY={_weekdays(days)}"
    if frequency == _MONTHLY:
        return f"FREQ=MONTHLY;INTERVAL={_positive(period)};{_in_month(kind, days, nth)}"
    if frequency == _YEARLY and period % 12 == 0:
        in_month = _in_month(kind, days, nth)
        return f"FREQ=YEARLY;INTERVAL={_positive(period // 12)};BYMONTH={first.month};{in_month}"
    raise Malformed("the series recurs in an unknown way")


def _positive(interval: int) -> int:
    if not 1 <= interval <= 1_000:
        raise Malformed("the series has an impossible interval")
    return interval


def _weekdays(bits: int) -> str:
    days = [day for number, day in enumerate(_DAYS) if bits & 1 << number]
    if not days:
        raise Malformed("the series names no day")
    return ",".join(days)


def _in_month(kind: int, days: int, nth: int) -> str:
    if kind == _NTH:
        if not 1 <= nth <= _LAST:
            raise Malformed("the series names an impossible week")
        place = -1 if nth == _LAST else nth
        names = _weekdays(days)
        return f"BYDAY={names};BYSETPOS={place}" if "," in names else f"BYDAY={place}{names}"
    if kind == _MONTH_END or days == 31:
        return "BYMONTHDAY=-1"
    if kind != _MONTH or not 1 <= days <= 31:
        raise Malformed("the series names an impossible day")
    if days <= 28:
        return f"BYMONTHDAY={days}"
    # Outlook takes the last day of a shorter month
    return f"BYMONTHDAY={','.join(str(day) for day in range(28, days + 1))};BYSETPOS=-1"


def _exceptions(stream: _Stream, encoding: str) -> tuple[Instance, ...]:
    count = stream.take("H")
    if count > _INSTANCES_MAX:
        raise Malformed("the series has too many exceptions")
    return tuple(_exception(stream, encoding) for _ in range(count))


def _exception(stream: _Stream, encoding: str) -> Instance:
    start, end, original = stream.moment(), stream.moment(), stream.moment()
    flags = stream.take("H")
    subject = stream.words(encoding) if flags & _SUBJECT else ""
    for flag in _SKIPPED:
        if flags & flag:
            stream.take("I")
    location = stream.words(encoding) if flags & _LOCATION else ""
    for flag in _SKIPPED_AFTER:
        if flags & flag:
            stream.take("I")
    return Instance(original=original, start=start, end=end, subject=subject, location=location)
