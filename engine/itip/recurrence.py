"""Recurring events: judge a rule, list its instances, find the last one (RFC 5545, 3.8.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, takewhile

from engine.itip.expansion import Budget, backward, forward
from engine.itip.rule import RecurrenceRule, parse, refused
from engine.itip.values import read_value
from engine.model.events import Event, Override
from engine.model.times import Span, named_day
from engine.refusals import Refused

_MAX_LIMIT = 10_000
_FIRST_DAYS = 25_000
"""How far to search for the first instance: a rule that ever matches does so within 41 years (29 February)."""
_DAY = timedelta(days=1)
_SOON_DAYS = 1_000
"""A rule that ends sooner is searched for a second instance, since it may have only the first."""
_SENSELESS = re.compile(
    r"(?:COUNT|INTERVAL)=(?:-\d{0,9}|0{0,9})|UNTIL=(?:(?:2[2-9]|[3-9]\d)\d\d\S{0,20})?", re.IGNORECASE
)


def _local_day(span: Span, value: date | datetime) -> date:
    return value.astimezone(span.zone).date() if isinstance(value, datetime) else value


def _start_on(span: Span, day: date) -> date | datetime:
    """The start of the instance on the local day `day`, at the clock time of the first one."""
    if not isinstance(span.start, datetime):
        return day
    clock: time = span.start.astimezone(span.zone).time()
    return datetime.combine(day, clock, tzinfo=span.zone).astimezone(UTC)


def at(span: Span, start: date | datetime) -> Span:
    """`span` moved to `start`, with the same length."""
    if isinstance(start, datetime):
        return span.model_copy(update={"start": start, "end": start + span.length})
    return span.model_copy(update={"start": start, "end": start + (span.end - span.start)})


def instance(event: Event, recurrence_id: date | datetime) -> Override:
    """One instance of a series: its override, or else the series' own values."""
    return event.override(recurrence_id) or Override(
        recurrence_id=recurrence_id,
        span=at(event.span, recurrence_id),
        summary=event.summary,
        location=event.location,
        description=event.description,
        url=event.url,
    )


# UNTIL


def until_of(rule: RecurrenceRule, span: Span) -> date | datetime | None:
    """UNTIL in the type of DTSTART: a day, or a moment in UTC (RFC 5545, 3.3.10)."""
    if not rule.until:
        return None
    try:
        value, is_utc = read_value(rule.until)
        if not isinstance(span.start, datetime):
            if isinstance(value, datetime) and is_utc:
                return named_day(value.replace(tzinfo=UTC), span.timezone)
            return value.date() if isinstance(value, datetime) else value
        if not isinstance(value, datetime):
            value = datetime.combine(value, time(23, 59, 59))
        return value.replace(tzinfo=UTC if is_utc else span.zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise refused(f"UNTIL={rule.until[:20]} is not a date or a time.") from error


def until_text(until: date | datetime | None) -> str:
    """UNTIL as a rule has it; empty if there is none."""
    if until is None:
        return ""
    return until.strftime("%Y%m%dT%H%M%SZ") if isinstance(until, datetime) else until.strftime("%Y%m%d")


# the series


def _starts(rule: RecurrenceRule, span: Span, since: date | None = None) -> Iterator[date | datetime]:
    """Starts of the rule's instances in order; DTSTART is always the first (RFC 5545, 3.8.5.3)."""
    first, until = _local_day(span, span.start), until_of(rule, span)
    left = rule.count
    if since is None or rule.count or since <= first:
        yield span.start
        left = None if left is None else left - 1
    for day in forward(rule, first, None if rule.count else since):
        if day == first:
            continue
        start = _start_on(span, day)
        if (until is not None and start > until) or left == 0:
            return
        yield start
        left = None if left is None else left - 1


def matching(rule: RecurrenceRule, span: Span) -> Iterator[date | datetime]:
    """Starts that match the rule, in order; unlike in a series, DTSTART is included only if it matches."""
    first, until = _local_day(span, span.start), until_of(rule, span)
    starts = (_start_on(span, day) for day in forward(rule, first, None, Budget(_FIRST_DAYS)))
    return islice(takewhile(lambda start: until is None or start <= until, starts), rule.count)


def _no_clock_times(rule: RecurrenceRule, span: Span) -> None:
    """Refuse BYHOUR, BYMINUTE and BYSECOND that differ from the time of DTSTART."""
    local = span.local(span.start)
    clock = {"BYHOUR": "%H", "BYMINUTE": "%M", "BYSECOND": "%S"}
    for name, value in rule.bytime:
        if not value.isdecimal() or len(value) > 2 or int(value) != int(local.strftime(clock[name])):
            raise refused(f"{name}={value[:20]}: an event recurs at the time of day at which it starts.")


def validated(rule: str, span: Span) -> str:
    """The RRULE value `rule` in normal form, with UNTIL in the type of the start of `span`.

    Raises Refused(INVALID_RECURRENCE) if it is malformed, never happens, or does not reach its COUNT.
    """
    parsed = parse(rule)
    _no_clock_times(parsed, span)
    until = until_of(parsed, span)
    if until is not None and until < span.start:
        raise refused("The recurrence ends (UNTIL) before the event starts.")
    first = next(forward(parsed, _local_day(span, span.start), None, Budget(_FIRST_DAYS)), None)
    if first is None or (until is not None and _start_on(span, first) > until):
        raise refused("No day matches the recurrence rule.")
    if parsed.count and sum(1 for _ in _starts(parsed, span)) < parsed.count:
        raise refused("The recurrence rule reaches too far into the future.")
    return parsed.text(until_text(until))


def sensible(text: str, span: Span) -> str:
    """A received RRULE value without senseless parts; empty if it ends before it recurs.

    Senseless are a COUNT or INTERVAL below one, and an UNTIL that is empty or after the year 2199. DTSTART is always
    the first instance (RFC 5545, 3.8.5.3), and the only one of a rule that ends before it recurs. `validated`
    refuses whatever else is wrong.
    """
    parts = [part for part in text.split(";") if not _SENSELESS.fullmatch(part.strip())]
    text = ";".join(parts) if len(parts) < text.count(";") + 1 else text
    if "UNTIL=" not in text.upper():
        return text
    try:
        rule = parse(text)
        until = until_of(rule, span)
        if until is None or until >= _later(span.start):
            return text
        days = forward(rule, _local_day(span, span.start), None, Budget(_SOON_DAYS))
        starts = (_start_on(span, day) for day in days)
        recurs = until >= span.start and any(span.start < start <= until for start in starts)
    except (Refused, OverflowError):
        return text
    return text if recurs else ""


def _later(start: date | datetime) -> date | datetime:
    return start + timedelta(days=_SOON_DAYS)


def _last_start(
    rule: RecurrenceRule, span: Span, excluded: frozenset[date | datetime]
) -> date | datetime | None:
    """Start of the last instance of a rule with COUNT or UNTIL that is not excluded."""
    until = until_of(rule, span)
    if until is None:
        return max((s for s in _starts(rule, span) if s not in excluded), default=None)
    days = backward(rule, _local_day(span, span.start), _local_day(span, until))
    starts = (_start_on(span, day) for day in days)
    return next((s for s in starts if s <= until and s not in excluded), None)


def over_before(rule: RecurrenceRule, span: Span, first: date | datetime) -> bool:
    """True if a rule with COUNT or UNTIL has no instance from `first` on."""
    if rule.count is None and not rule.until:
        return False
    last = _last_start(rule, span, frozenset())
    return last is None or span.moment(last) < span.moment(first)


def last_end(
    span: Span,
    recurrence: str,
    rdates: Sequence[date | datetime],
    exdates: Sequence[date | datetime],
    overrides: Sequence[Override],
) -> datetime | None:
    """When the last instance ends, in UTC; None if the event recurs forever."""
    excluded = frozenset(exdates) | {o.recurrence_id for o in overrides}
    starts = [s for s in (span.start, *rdates) if s not in excluded]
    if recurrence:
        rule = parse(recurrence)
        if rule.count is None and not rule.until:
            return None
        last = _last_start(rule, span, excluded)
        starts += [last] if last is not None else []
    ends = [at(span, start).end_utc for start in starts] + [o.span.end_utc for o in overrides]
    return max(ends, default=span.end_utc)


def _series(event: Event, since: datetime) -> Iterator[date | datetime]:
    """Starts of the event's instances before overrides apply, from about `since`; RDATEs come first."""
    yield from event.rdates
    if not event.recurrence:
        yield event.span.start
        return
    rule = parse(event.recurrence)
    yield from _starts(
        rule, event.span, (since - event.span.length).astimezone(event.span.zone).date() - _DAY
    )


def starts(event: Event, last: datetime, limit: int) -> list[date | datetime]:
    """Starts of the instances up to `last`, in order, also of those left out; at most `limit` beside RDATEs."""
    ruled = _series(event.model_copy(update={"rdates": ()}), event.span.start_utc)
    found = islice(takewhile(lambda start: event.span.moment(start) <= last, ruled), limit)
    return sorted({*found, *event.rdates}, key=event.span.moment)


def instances(event: Event, after: datetime, before: datetime, limit: int) -> list[Span]:
    """At most `limit` instances that overlap the time from `after` to `before` (both aware), in order.

    EXDATEs are left out, and overrides replace their instances.
    """
    limit = max(0, min(limit, _MAX_LIMIT))
    excluded = set(event.exdates) | {o.recurrence_id for o in event.overrides}
    found = {o.span for o in event.overrides if _overlaps(o.span, after, before)}
    room, rdates = limit + len(found) + len(event.rdates), frozenset(event.rdates)
    for start in _series(event, after):
        span = at(event.span, start)
        if span.start_utc >= before and start not in rdates:
            break
        if start not in excluded and _overlaps(span, after, before):
            found.add(span)
        if len(found) >= room:
            break
    return sorted(found, key=lambda span: span.start_utc)[:limit]


def _overlaps(span: Span, after: datetime, before: datetime) -> bool:
    return span.start_utc < before and (span.end_utc > after or span.start_utc >= after)
