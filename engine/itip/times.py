"""The times of an event: start, end, which instance it is, how it recurs (RFC 5545, 3.8.2, 3.8.4.4, 3.8.5)."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engine.itip import rule, several_rules
from engine.itip.content_lines import Component, Property
from engine.itip.recurrence import sensible
from engine.itip.rule import MAX_TEXT
from engine.itip.values import read_duration
from engine.itip.vcalendar import modern
from engine.itip.zone_context import Clocks, unreadable
from engine.model.times import Span
from engine.refusals import Code, Refused

_DAY = timedelta(days=1)
_ONCE = "its recurrence rule, which ends before it could recur"


def read_span(component: Component, clocks: Clocks, *, creating: bool) -> Span | None:
    """Start and end; None if they cannot be read. Raises Refused instead if `creating`, and for too many dates."""
    try:
        return _started(component, clocks)
    except Refused as refused:
        if creating or refused.code is Code.TOO_LARGE:
            raise
        return None


def _started(component: Component, clocks: Clocks) -> Span:
    prop = component.first("DTSTART")
    if prop is None:
        raise Refused(
            Code.INVALID_CALENDAR, "The event has no start.", "Send it again with a start time (DTSTART)."
        )
    start = clocks.moment(prop)
    zone = clocks.zone(prop, start, recurring=component.first("RRULE") is not None)
    end = _same_type(start, _end(component, clocks, start, zone), zone)
    if end < start:
        raise Refused(Code.INVALID_CALENDAR, "The event ends before it starts.", "Send it with a later end.")
    if not isinstance(start, datetime):
        return Span(start=start, end=max(end, start + _DAY), timezone=zone)
    return _midnights(component, Span(start=start, end=end, timezone=zone))


def _end(component: Component, clocks: Clocks, start: date | datetime, zone: str) -> date | datetime:
    """DTEND, else DTSTART plus DURATION, else the default of RFC 5545, 3.6.1 for events with neither."""
    prop = component.first("DTEND")
    if prop is not None and prop.value.strip():
        return clocks.moment(prop) if isinstance(start, datetime) else clocks.day(prop)
    duration = component.first("DURATION")
    if duration is None:
        return start if isinstance(start, datetime) else start + _DAY
    try:
        length = read_duration(duration.value)
        if not isinstance(start, datetime):
            return start + max(length, _DAY)
        if not re.search("[DW]", duration.value.upper()):
            return start + length
        # a day ends at the same local time, however many hours daylight saving time gives it
        days = start.astimezone(ZoneInfo(zone)) + timedelta(days=length.days)
        return days.astimezone(start.tzinfo) + timedelta(seconds=length.seconds)
    except (ValueError, OverflowError) as error:
        raise unreadable(duration) from error


def _same_type(start: date | datetime, value: date | datetime, zone: str) -> date | datetime:
    """`value` as a day if `start` is a day, as a moment if `start` is a moment."""
    if isinstance(start, datetime) and not isinstance(value, datetime):
        return datetime.combine(value, time(), tzinfo=ZoneInfo(zone)).astimezone(start.tzinfo)
    if not isinstance(start, datetime) and isinstance(value, datetime):
        return value.astimezone(ZoneInfo(zone)).date()
    return value


def _midnights(component: Component, span: Span) -> Span:
    """`span` as days if Outlook marks an event from midnight to midnight as all-day."""
    if component.text("X-MICROSOFT-CDO-ALLDAYEVENT").strip().upper() != "TRUE":
        return span
    start, end = span.start_utc.astimezone(span.zone), span.end_utc.astimezone(span.zone)
    if start.time() != time() or end.time() != time() or start == end:
        return span
    return Span(start=start.date(), end=end.date(), timezone=span.timezone)


def read_recurrence_id(component: Component, clocks: Clocks, span: Span | None) -> date | datetime | None:
    prop = component.first("RECURRENCE-ID")
    if prop is None or not prop.value.strip():
        return None
    return clocks.day(prop) if span and span.all_day else clocks.moment(prop)


def reaches_on(component: Component) -> bool:
    """True if it applies to one instance and all later ones (RFC 5545, 3.2.13)."""
    prop = component.first("RECURRENCE-ID")
    return prop is not None and prop.params.get("RANGE", "").strip().upper() == "THISANDFUTURE"


def read_recurrence(
    component: Component, clocks: Clocks, span: Span | None, left_out: list[str]
) -> tuple[str, tuple[date | datetime, ...]]:
    """RRULE without its senseless parts, empty for an event that takes place once; and further starts.

    The further starts are those that one rule cannot express if there are several, as dates like RDATE's.
    Raises Refused: INVALID_RECURRENCE.
    """
    texts = (p.value.strip().upper() for p in component.all("RRULE"))
    rules = list(dict.fromkeys(modern(text) for text in texts if text))
    if any(len(text) > MAX_TEXT for text in rules):
        raise Refused(Code.INVALID_RECURRENCE, "The recurrence rule is too long.", "Use a shorter rule.")
    if span is None:
        return next(iter(rules), ""), ()
    kept = [sense for text in rules if (sense := _sensible(text, span, left_out))]
    if several_rules.are_several(kept):
        if component.first("EXRULE") is not None:
            raise rule.refused(
                "The event has several recurrence rules, and one that leaves dates out (EXRULE)."
            )
        return several_rules.as_one(kept, span, clocks.budget)
    return next(iter(kept), ""), ()


def _sensible(text: str, span: Span, left_out: list[str]) -> str:
    # A rule with several times of day may recur only on its first day.
    kept = text if several_rules.are_several([text]) else sensible(text, span)
    if kept != text:
        left_out.append("a part of its recurrence rule that makes no sense" if kept else _ONCE)
    return kept


def read_dates(
    component: Component, name: str, clocks: Clocks, span: Span | None, left_out: list[str]
) -> tuple[date | datetime, ...]:
    """RDATE or EXDATE in the type of DTSTART; a date without a time means the instance on that day."""
    if span is None:
        return ()
    found: set[date | datetime] = set()
    for prop in component.all(name):
        for text in clocks.listed(prop):
            try:
                found.add(_instance(prop, text, clocks, span))
            except Refused as refused:
                if refused.code is Code.TOO_LARGE:
                    raise
                left_out.append(f"{name} “{text[:40]}” cannot be read")
    return tuple(sorted(found, key=span.moment))


def read_periods(component: Component, clocks: Clocks, span: Span | None) -> tuple[Span, ...]:
    """Added instances with a length of their own: RDATE;VALUE=PERIOD (RFC 5545, 3.8.5.2)."""
    if span is None or span.all_day:
        return ()
    return tuple(
        period
        for prop in component.all("RDATE")
        if "/" in prop.value
        for text in clocks.listed(prop)
        if (period := _period(prop, text, clocks, span)) is not None
    )


def _period(prop: Property, text: str, clocks: Clocks, span: Span) -> Span | None:
    """The period in `text`; None if it cannot be read or is as long as the other instances."""
    first, _, last = text.partition("/")
    try:
        start = clocks.moment(prop, first)
        if not isinstance(start, datetime) or not last:
            return None
        end = start + read_duration(last) if last.strip()[:1].upper() == "P" else clocks.moment(prop, last)
    except (Refused, ValueError, OverflowError):
        return None
    if not isinstance(end, datetime) or end < start or end - start == span.length:
        return None
    return Span(start=start, end=end, timezone=span.timezone)


def _instance(prop: Property, text: str, clocks: Clocks, span: Span) -> date | datetime:
    """The start of the instance that `text` names; for a period, where it starts."""
    text = text.partition("/")[0]
    if not isinstance(span.start, datetime):
        return clocks.day(prop, text)
    value = clocks.moment(prop, text)
    if isinstance(value, datetime):
        return value
    clock = span.start.astimezone(span.zone).timetz()
    return datetime.combine(value, clock).astimezone(span.start.tzinfo)
