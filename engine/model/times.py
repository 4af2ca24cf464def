"""Moments, days and spans of time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

from engine.model.base import Value

_EASTMOST = timedelta(hours=14)
_HOUR = timedelta(hours=1)
_LAST_SECOND = time(23, 59, 59)


def _date_or_datetime(value: object) -> object:
    """Read an ISO string of ten characters as a date; pydantic would make it a midnight."""
    if isinstance(value, str) and len(value) == 10:
        return date.fromisoformat(value)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("times must carry an offset")
        return value.astimezone(UTC)
    return value


Instant = Annotated[date | datetime, BeforeValidator(_date_or_datetime)]
"""A moment in UTC, or a calendar day for all-day events."""


def is_day(value: date | datetime) -> bool:
    """True for a calendar day, False for a moment (datetime is a subclass of date)."""
    return not isinstance(value, datetime)


def named_day(moment: datetime, zone: str) -> date:
    """The day that `moment` in UTC names where a day is meant, such as the UNTIL of an all-day series.

    Programs write the midnight of a zone, which may be the day before in UTC. With UTC as `zone` it is not known
    which: from 10:00 on it is the midnight of a zone in the east. 00:00 and 23:59:59 are of their own day. The last
    second of an hour ends a day: of a known zone, whose clock may have been an hour off when it was written.
    """
    moment = moment.astimezone(UTC)
    if moment.time() in {time(), _LAST_SECOND}:
        return moment.date()
    ends = (moment.minute, moment.second) == (_LAST_SECOND.minute, _LAST_SECOND.second)
    if zone == "UTC":
        return moment.date() if ends else (moment + _EASTMOST).date()
    local = moment.astimezone(ZoneInfo(zone))
    return (local - _HOUR if ends else local).date()


class Span(Value):
    """Start and end in a zone: moments in UTC, or days where the event is all-day; `end` is exclusive."""

    start: Instant
    end: Instant
    timezone: str

    @property
    def all_day(self) -> bool:
        """True if it is whole days."""
        return is_day(self.start)

    @property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.timezone)

    def moment(self, value: date | datetime) -> datetime:
        """`value` as a moment in UTC; a day begins at midnight in the event's zone."""
        if isinstance(value, datetime):
            return value
        return datetime.combine(value, time(), tzinfo=self.zone).astimezone(UTC)

    @property
    def start_utc(self) -> datetime:
        """The start as a moment in UTC; a day begins at midnight in the zone."""
        return self.moment(self.start)

    @property
    def end_utc(self) -> datetime:
        """The end as a moment in UTC, exclusive."""
        return self.moment(self.end)

    @property
    def length(self) -> timedelta:
        """From start to end, as time that passes."""
        return self.end_utc - self.start_utc

    def local(self, value: date | datetime) -> date | datetime:
        """`value` in the event's own zone; days stay days."""
        return value.astimezone(self.zone) if isinstance(value, datetime) else value


def system_clock() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)
