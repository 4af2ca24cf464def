"""The times by which an event is found: at most 500 instances, as seconds, local time and weekdays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from engine.model.events import Event
from engine.model.searching import Expansion
from engine.model.times import Span, is_day

KEPT_MAX = 500
_KEPT_FOR = timedelta(days=800)
_LAST = datetime(2300, 1, 1, tzinfo=UTC)
_DAY = 86_400
_ALL_DAYS = (1 << 7) - 1
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- local time

IndexedTime = tuple[int, int, int, int | None, int, int, int]
"""Start, end (UTC seconds), local start (seconds without a zone), minute of the day, weekdays, long, single."""


def indexed(event: Event, expand: Expansion | None) -> tuple[list[IndexedTime], int | None]:
    """The occasions to store, and the time until which they are complete, None if all are stored.

    Without `expand`, a series has only its first instance, its added dates and its overrides.
    """
    if not event.recurring and not event.overrides:
        return [_occasion(event.span, single=True)], None
    spans, until = _instances(event, expand)
    return [_occasion(span, single=False) for span in spans], until


def _instances(event: Event, expand: Expansion | None) -> tuple[list[Span], int | None]:
    if expand is None:
        return [event.span, *(override.span for override in event.overrides)], _seconds(event.span.start_utc)
    since = min([event.span.start_utc, *(o.span.start_utc for o in event.overrides)])
    until = min(max(event.dtstamp, event.span.start_utc), _LAST) + _KEPT_FOR
    spans = expand(event, since, until, KEPT_MAX + 1)
    if len(spans) > KEPT_MAX:
        return spans[:KEPT_MAX], _seconds(spans[KEPT_MAX].start_utc)
    complete = event.ends_at is not None and event.ends_at <= until
    # A series without any instance left keeps its first time, so that it can be found at all.
    return spans or [event.span], None if complete else _seconds(until)


def _occasion(span: Span, *, single: bool) -> IndexedTime:
    starts, ends = _seconds(span.start_utc), _seconds(span.end_utc)
    local = span.local(span.start)
    wall = local_seconds(span, starts)
    minute = None if is_day(span.start) else wall % _DAY // 60
    long = ends - starts > _DAY + 3_600
    days = days_of(local.weekday(), ends - starts) if long else 1 << local.weekday()
    return starts, ends, wall, minute, days, int(long), int(single)


def days_of(weekday: int, seconds: int) -> int:
    """The weekdays, as bits, that a span of `seconds` starting on `weekday` touches."""
    count = -(-seconds // _DAY)
    if count >= 7:
        return _ALL_DAYS
    return sum(1 << (weekday + n) % 7 for n in range(count))


def local_seconds(span: Span, starts: int) -> int:
    """A start in local time, in seconds."""
    offset = datetime.fromtimestamp(starts, span.zone).utcoffset() or timedelta()
    return starts + int(offset.total_seconds())


def wall(moment: datetime) -> int:
    """The seconds since 1970 of a local time without its zone."""
    return int((moment - _EPOCH).total_seconds())


def span_of(event: Event, starts: int, ends: int, local: int, minute: int | None) -> Span:
    """The span of an occasion, in the event's zone."""
    if minute is None:
        first = (_EPOCH + timedelta(seconds=local)).date()
        days = max(1, round((ends - starts) / _DAY))
        return Span(start=first, end=first + timedelta(days=days), timezone=event.span.timezone)
    start, end = (datetime.fromtimestamp(t, UTC) for t in (starts, ends))
    return Span(start=start, end=end, timezone=event.span.timezone)


def rows(spans: list[Span]) -> Iterator[IndexedTime]:
    """The indexed times of instances that are not stored."""
    return (_occasion(span, single=False) for span in spans)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
