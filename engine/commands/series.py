"""What sets instances of a recurring event apart: bounds, and belonging to the series (RFC 5545, 3.8.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from engine.commands import text
from engine.itip import recurrence
from engine.itip.rule import parse
from engine.model.answers import InstanceAnswer
from engine.model.events import Event, Override
from engine.model.times import Span, named_day
from engine.refusals import Code, Refused

EXCEPTIONS_MAX = 5_000
_DAY_LENGTH = len("2027-05-02")
_FOLLOWING_MAX = 100
"""Instances that one change to an instance and all that follow may move; more make a series of its own."""
_MOMENT = timedelta(microseconds=1)


def refuse_too_many(event: Event) -> None:
    """Refuse with TOO_LARGE if an event has more dates or overrides than are allowed."""
    if max(len(event.rdates), len(event.exdates), len(event.overrides)) > EXCEPTIONS_MAX:
        raise Refused(
            Code.TOO_LARGE,
            f"The recurrence has more than {EXCEPTIONS_MAX} exceptions.",
            "Use a rule that needs fewer.",
        )


def fitting(override: Override, span: Span) -> Override:
    """The override as an event with `span` keeps it: in its zone, and with words cleaned and bounded like its own.

    Calendars write a single date in UTC, since a zone of its own says nothing that its series does not.
    Raises Refused: INVALID_ARGUMENT, TOO_LARGE.
    """
    return override.model_copy(
        update={
            "span": override.span.model_copy(update={"timezone": span.timezone}),
            "summary": text.summary(override.summary),
            "location": text.bounded(override.location, "location", text.LOCATION_MAX),
            "description": text.bounded(override.description, "description", text.DESCRIPTION_MAX),
            "url": text.url(override.url),
        }
    )


def read(span: Span, value: str, what: str = "instance") -> date | datetime:
    """An instance as a caller names it: a day, or its start in the event's zone unless it has an offset.

    Raises Refused: INVALID_TIME.
    """
    named = value.strip()
    try:
        if span.all_day or len(named) == _DAY_LENGTH:
            return date.fromisoformat(named.partition("T")[0])
        moment = datetime.fromisoformat(named)
        return moment.replace(tzinfo=moment.tzinfo or span.zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Refused(
            Code.INVALID_TIME,
            f"{what} “{named[:40]}” is not an ISO 8601 date or time.",
            "Give the day, or the local start that the instance has in the series: “2027-05-02T19:00:00”.",
        ) from None


def excluding(event: Event, days: Sequence[str]) -> Event:
    """`event` without the instances that `days` name, in ISO 8601; those that are out already stay out.

    Raises Refused: INVALID_TIME, INVALID_RECURRENCE.
    """
    wanted = {day: aligned(event.span, read(event.span, day, "exclude_dates")) for day in days}
    for day, instance in wanted.items():
        if instance not in event.exdates and not (event.recurring and stands(event, instance)):
            raise Refused(
                Code.INVALID_RECURRENCE,
                f"The event has no instance on {day[:40]}, so it cannot be left out.",
                "Give days on which the recurrence has an instance.",
            )
    gone = set(wanted.values())
    return event.model_copy(
        update={
            "exdates": tuple(sorted({*event.exdates, *gone}, key=event.span.moment)),
            "overrides": tuple(o for o in event.overrides if o.recurrence_id not in gone),
        }
    )


def aligned(span: Span, recurrence_id: date | datetime) -> date | datetime:
    """`recurrence_id` as a series that starts with `span` writes it: a day, or a moment in UTC.

    Clients say UTC, another zone or only the day for the same instance (RFC 5545, 3.8.4.4).
    """
    if span.all_day:
        if not isinstance(recurrence_id, datetime):
            return recurrence_id
        return named_day(recurrence_id, span.timezone)
    if isinstance(recurrence_id, datetime):
        return recurrence_id.astimezone(UTC)
    clock = span.start_utc.astimezone(span.zone).time()
    return datetime.combine(recurrence_id, clock, tzinfo=span.zone).astimezone(UTC)


def stands(event: Event, recurrence_id: date | datetime) -> bool:
    """True if the series has an instance that `recurrence_id` names, as the series writes it."""
    return event.override(recurrence_id) is not None or _stands(event, recurrence_id)


def moved_with(event: Event, recurrence_id: date | datetime | None) -> int:
    """SEQUENCE with which the event, or one instance of it, last changed its time or place."""
    override = event.override(recurrence_id) if recurrence_id is not None else None
    return max(event.moved_sequence, override.moved_sequence if override else 0)


def still_answers(event: Event, answer: InstanceAnswer) -> bool:
    """True if the answer is to an instance as it is now: neither moved since nor cancelled."""
    gone = answer.recurrence_id in event.exdates
    return not gone and answer.sequence >= moved_with(event, answer.recurrence_id)


def own(event: Event, recurrence_id: date | datetime) -> date | datetime:
    """`recurrence_id` as the series writes it; Refused(INVALID_RECURRENCE) if it has no such instance."""
    recurrence_id = aligned(event.span, recurrence_id)
    if stands(event, recurrence_id):
        return recurrence_id
    raise Refused(
        Code.INVALID_RECURRENCE,
        "The series has no instance at that time, or it is already cancelled.",
        "Give the start that the instance has in the series.",
    )


def _stands(event: Event, recurrence_id: date | datetime) -> bool:
    begin = event.span.moment(recurrence_id)
    found = recurrence.instances(event, begin, begin + _MOMENT, EXCEPTIONS_MAX)
    return any(span.start == recurrence_id for span in found)


def from_on(event: Event, first: date | datetime) -> list[date | datetime] | None:
    """The starts of `first` and all instances that follow; None for a series without end, or of too many."""
    last = recurrence.last_end(event.span, event.recurrence, event.rdates, event.exdates, ())
    if last is None:
        return None
    series, begin = event.model_copy(update={"overrides": ()}), event.span.moment(first)
    starts = [
        s.start for s in recurrence.instances(series, begin, last, _FOLLOWING_MAX + 2) if s.start_utc >= begin
    ]
    return starts if len(starts) <= _FOLLOWING_MAX else None


def shifted(event: Event, changed: Override, starts: Sequence[date | datetime]) -> tuple[Override, ...]:
    """`changed` for each instance that starts at one of `starts`: as far from it as the changed one is from its own."""
    distance = wall(changed.span.start, event.span) - wall(changed.recurrence_id, event.span)
    length = changed.span.end - changed.span.start
    found = []
    for start in starts:
        moved = at_wall(wall(start, event.span) + distance, event.span)
        span = changed.span.model_copy(update={"start": moved, "end": moved + length})
        found.append(changed.model_copy(update={"recurrence_id": start, "span": span}))
    return tuple(found)


def ended_before(event: Event, first: date | datetime) -> str:
    """The rule of `event` without `first` and what follows; the rule itself if it ends before that."""
    rule = parse(event.recurrence)
    if recurrence.over_before(rule, event.span, first):
        return event.recurrence
    rule = replace(rule, count=None)
    until = first - timedelta(seconds=1) if isinstance(first, datetime) else first - timedelta(days=1)
    stamp = "%Y%m%dT%H%M%SZ" if isinstance(until, datetime) else "%Y%m%d"
    return rule.text(until.strftime(stamp))


def wall(value: date | datetime, span: Span) -> datetime:
    """`value` as the clock on the wall shows it; a day is its midnight, also where a zone has none on it."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    return value.astimezone(span.zone).replace(tzinfo=None)


def at_wall(clock: datetime, span: Span) -> date | datetime:
    """The day, or the moment, of a series like `span` at which the wall shows `clock`."""
    return clock.date() if span.all_day else clock.replace(tzinfo=span.zone).astimezone(UTC)
