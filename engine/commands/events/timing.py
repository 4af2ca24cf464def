"""Start and end of an event as people and programs give them, parsed and validated once."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.itip import zones
from engine.model.base import Value
from engine.model.times import Span, is_day
from engine.refusals import Code, Refused

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W)?(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,7})S)?)?",
    re.IGNORECASE,
)
_LONGEST = timedelta(days=366)
_EXAMPLE = "Give start as “2027-05-02T19:00:00” with timezone “America/New_York”, or with an offset."


class Timing(Value):
    """Start and end as given: ISO 8601 texts, with or without an offset, and a zone.

    A field left None keeps what the event has (on update). Dates alone mean an all-day event, whose
    `end` is the first day after it.
    """

    start: str | None = None
    end: str | None = None
    duration: str | None = None
    timezone: str | None = None
    all_day: bool | None = None

    @property
    def empty(self) -> bool:
        """True if no time is given."""
        return self == Timing()

    def literal(self) -> Timing:
        """The same for a program: a day alone means whole days there, also for an event that had an hour.

        A duration that is given for hours is none of it then.
        """
        if not self.start or not _is_date(self.start):
            return self
        length = sum(_duration(self.duration), timedelta()) if self.duration else timedelta()
        whole = bool(length.days) and not length.seconds
        return self.model_copy(update={"all_day": True, "duration": self.duration if whole else None})

    def of_new(self, *, recurring: bool) -> Span:
        """The span of a new event; a series needs a zone, as an offset is right for half of the year alone.

        Raises Refused: INVALID_TIME, UNKNOWN_TIMEZONE, END_BEFORE_START.
        """
        span = self.span()
        if recurring:
            self.refuse_offset_alone(span)
        return span

    def refuse_offset_alone(self, span: Span) -> None:
        """Refuse a series whose `span` is in UTC although nobody said so. Raises Refused: UNKNOWN_TIMEZONE."""
        # “+00:00” is what programs write for a winter's evening in London; only a Z says UTC.
        said = self.timezone or (self.start or "").strip().upper().endswith("Z")
        if span.timezone == "UTC" and not span.all_day and not said:
            raise Refused(
                Code.UNKNOWN_TIMEZONE,
                "timezone is missing: a series with an offset alone would be an hour off once clocks change.",
                "Give start in local time with the zone of its place, such as “Europe/Paris”; “UTC” if that is meant.",
            )

    def span(self, base: Span | None = None) -> Span:
        """The span meant, filled up from `base`.

        Raises Refused: INVALID_TIME, UNKNOWN_TIMEZONE, END_BEFORE_START.
        """
        zone = self._zone(base)
        all_day = self._all_day(base)
        start = self._start(base, zone, all_day=all_day)
        end = self._end(base, start, zone)
        return _checked(Span(start=start, end=end, timezone=zone))

    def _zone(self, base: Span | None) -> str:
        if self.timezone:
            return zones.require(self.timezone)
        if base:
            return base.timezone
        if self.start and not _is_date(self.start) and _parse(self.start, "start").tzinfo is not None:
            return "UTC"
        raise Refused(
            Code.UNKNOWN_TIMEZONE, "timezone is missing: a start without an offset needs one.", _EXAMPLE
        )

    def _all_day(self, base: Span | None) -> bool:
        if self.all_day is not None:
            return self.all_day
        if self.start:
            day = _is_date(self.start)
            if day and base and not base.all_day:
                raise Refused(
                    Code.INVALID_TIME,
                    f"start “{self.start[:40]}” has no time of day, and the event is not one of whole days.",
                    "Add the time; an event is made one of whole days by all_day=true.",
                )
            return day
        return bool(base and base.all_day)

    def _start(self, base: Span | None, zone: str, *, all_day: bool) -> date | datetime:
        if self.start:
            return _day(self.start, "start") if all_day else _moment(self.start, zone, "start")
        if base is None:
            raise Refused(Code.INVALID_TIME, "start is missing.", _EXAMPLE)
        if base.all_day != all_day:
            raise Refused(
                Code.INVALID_TIME, "all_day can only change together with start.", "Give start as well."
            )
        # A new zone alone keeps the wall-clock time: 19:00 stays 19:00, elsewhere.
        return base.start if all_day or not self.timezone else _rezoned(base, zone)

    def _end(self, base: Span | None, start: date | datetime, zone: str) -> date | datetime:
        if self.end and self.duration:
            raise Refused(Code.INVALID_TIME, "end and duration were both given.", "Give one of them.")
        if self.end:
            return _day_after(self.end) if is_day(start) else _moment(self.end, zone, "end")
        days, rest = _duration(self.duration) if self.duration else (timedelta(), _kept_length(base, start))
        length = days + rest
        if is_day(start) and (length.seconds or not length.days):
            raise Refused(
                Code.INVALID_TIME, "An all-day event lasts whole days.", "Give duration as P1D, P2D, …"
            )
        if not isinstance(start, datetime):
            return start + length
        # On the clock only for days: an addition there forgets which pass of a repeated hour is meant.
        begun = (start.astimezone(ZoneInfo(zone)) + days).astimezone(UTC) if days else start.astimezone(UTC)
        return begun + rest


def _kept_length(base: Span | None, start: date | datetime) -> timedelta:
    if base and base.all_day == is_day(start):
        return base.end - base.start
    if is_day(start):
        return timedelta(days=1)
    raise Refused(Code.INVALID_TIME, "end or duration is missing.", "Give end, or duration such as PT2H.")


def _rezoned(base: Span, zone: str) -> datetime:
    local = base.start_utc.astimezone(base.zone).replace(tzinfo=None)
    return _in_zone(local, zone, "start")


def _checked(span: Span) -> Span:
    if span.end_utc <= span.start_utc:
        raise Refused(
            Code.END_BEFORE_START,
            "The event ends before it starts, or at the same time.",
            "Give an end after the start; for an all-day event, the day after its last.",
        )
    if span.length > _LONGEST:
        raise Refused(
            Code.INVALID_TIME, "The event lasts more than a year.", "Use recurrence for repeated events."
        )
    return span


def _is_date(text: str) -> bool:
    return "T" not in text.strip().upper() and ":" not in text


def _parse(text: str, what: str) -> datetime:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise Refused(
            Code.INVALID_TIME, f"{what} “{text[:40]}” is not an ISO 8601 date or time.", _EXAMPLE
        ) from None


def _day(text: str, what: str) -> date:
    day = _parse(text, what).date()
    _refuse_far(day, what)
    return day


def _day_after(text: str) -> date:
    """The end of whole days: a time within a day, such as 23:59:59, says that this day belongs to them."""
    end = _parse(text, "end")
    day = _day(text, "end")
    return day if end.time() == time() else day + timedelta(days=1)


def _refuse_far(value: date, what: str) -> None:
    if not 1970 <= value.year <= 2200:
        raise Refused(Code.INVALID_TIME, f"{what} is in the year {value.year}.", _EXAMPLE)


def _moment(text: str, zone: str, what: str) -> datetime:
    if _is_date(text):
        raise Refused(
            Code.INVALID_TIME,
            f"{what} “{text[:40]}” has no time of day.",
            "Add the time, or set all_day to true.",
        )
    parsed = _parse(text, what).replace(microsecond=0)
    if parsed.tzinfo is None:
        return _in_zone(parsed, zone, what)
    return _as_utc(parsed, what)


def _in_zone(local: datetime, zone: str, what: str) -> datetime:
    moment = _as_utc(local.replace(tzinfo=ZoneInfo(zone)), what)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != local:
        raise Refused(
            Code.INVALID_TIME,
            f"{what} {local.isoformat()} does not exist in {zone}: the clocks go forward over it.",
            "Give a time an hour later, or one with an offset.",
        )
    return moment


def _as_utc(moment: datetime, what: str) -> datetime:
    try:
        utc = moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise Refused(Code.INVALID_TIME, f"{what} is out of range.", _EXAMPLE) from None
    _refuse_far(utc, what)
    return utc.replace(microsecond=0)


def _duration(text: str) -> tuple[timedelta, timedelta]:
    """The days of a duration, which are as long as the clock on the wall says (RFC 5545, 3.3.6), and the rest of it."""
    match = _DURATION.fullmatch(text.strip())
    parts = {k: int(v) for k, v in (match.groupdict() if match else {}).items() if v}
    if not parts:
        raise Refused(
            Code.INVALID_TIME,
            f"duration “{text[:40]}” is not an ISO 8601 duration.",
            "Examples: PT90M, PT2H, P1D.",
        )
    days = {name: parts.pop(name) for name in ("weeks", "days") if name in parts}
    return timedelta(**days), timedelta(**parts)
