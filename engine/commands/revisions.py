"""Revisions of an event: when one is newer, what it changed, and whether it makes sense (RFC 5546, 2.1.4)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from pydantic import Field

from engine.commands import series
from engine.commands.base import Work
from engine.itip import personal, recurrence
from engine.itip.message import noted_stamp
from engine.model.base import Value
from engine.model.events import Earlier, Event, Override
from engine.model.times import Instant
from engine.refusals import Code, Refused

_MOVING = frozenset({"start", "end", "timezone", "recurrence", "rdates", "location"})
_EARLIER_MAX = 20
"""Instances of one revision of which is kept what they said before."""
_COMPARED = 10_000
"""Instances in the past that are compared; a series of more cannot be ended at once."""
_HEARD_FOR = timedelta(days=14)
"""After the rest of a series was called off, how long people hear of it, at most: it may have gone on for years."""
_UNNOTED: dict[str, object] = {"moved_sequence": 0, "source_sequence": -1, "source_dtstamp": None}


class RevisionSource(Value):
    """The calendar revision behind a request that an organizer's calendar client mailed."""

    uid: str
    sequence: int = 0
    dtstamp: datetime | None = None
    vague: bool = Field(False, description="true: DTSTAMP named no zone, so it may be up to 26 hours earlier")
    addressed: bool = Field(False, description="true: one of our mailboxes is among its attendees")
    since: Instant | None = Field(
        None, description="it is a revision of that instance, and changes the series from there on"
    )

    @property
    def noted(self) -> datetime | None:
        """The DTSTAMP before which a revision is certainly older than this one."""
        return noted_stamp(self.dtstamp, vague=self.vague)

    def older_than(self, event: Event | Override) -> bool:
        """True if a newer revision of the client's event was taken already (RFC 5546, 2.1.5)."""
        if self.since is not None and isinstance(event, Event):
            return self._stamped_before(event) or self.older_than_instance(event, self.since)
        if self.sequence != event.source_sequence:
            return self.sequence < event.source_sequence
        return self._stamped_before(event)

    def older_than_instance(self, event: Event, recurrence_id: date | datetime) -> bool:
        """True if a newer revision of that instance was taken already.

        Clients count the revisions of an instance by themselves, so that its SEQUENCE may be below that of
        its series; then DTSTAMP tells.
        """
        override = event.override(recurrence_id)
        if override and override.source_sequence >= 0:
            return self.older_than(override)
        newer = self.dtstamp and event.source_dtstamp and self.dtstamp > event.source_dtstamp
        return self.sequence < event.source_sequence and not newer

    def _stamped_before(self, event: Event | Override) -> bool:
        return bool(self.dtstamp and event.source_dtstamp and self.dtstamp < event.source_dtstamp)


def revised(event: Event, old: Event, now: datetime, source: RevisionSource | None = None) -> Event:
    """`event` as the revision after `old`: SEQUENCE and DTSTAMP grow, even if the clock went back (promise 8)."""
    dtstamp = max(now.replace(microsecond=0), old.dtstamp + timedelta(seconds=1))
    modified = dtstamp if event != old else old.modified
    values = {"sequence": old.sequence + 1, "dtstamp": dtstamp, "last_modified": modified}
    event = event.model_copy(update=values)
    event = event.model_copy(update={**_moves(event, old), "earlier": _earlier(event, old)})
    return with_source(event, source) if source else event


def _earlier(event: Event, old: Event) -> tuple[Earlier, ...]:
    """What the event and its changed instances said before, for mails that show what is new."""
    whole = Earlier(
        summary=old.summary,
        span=old.span,
        location=old.location,
        recurrence=old.recurrence,
        cancelled=old.cancelled and not event.cancelled,
    )
    if event.span != old.span:
        return (whole,)
    known = set(old.overrides)
    changed = [o for o in event.overrides if o not in known][:_EARLIER_MAX]
    return (whole, *(_instance_before(old, o.recurrence_id) for o in changed))


def _instance_before(old: Event, recurrence_id: date | datetime) -> Earlier:
    part = recurrence.instance(old, recurrence_id)
    return Earlier(recurrence_id=recurrence_id, summary=part.summary, span=part.span, location=part.location)


def _moves(event: Event, old: Event) -> dict[str, object]:
    """With which revision the event, and each of its overrides, last changed its time or place.

    An answer to an earlier revision was given for another time or place (RFC 5546, 2.1.4).
    """
    overrides = tuple(
        o.model_copy(update={"moved_sequence": _moved_with(o, event.sequence, old)}) for o in event.overrides
    )
    if _MOVING & felt(old, event, differences(old, event)):
        return {"overrides": overrides, "moved_sequence": event.sequence, "moved_at": event.dtstamp}
    return {"overrides": overrides}


def _moved_with(override: Override, sequence: int, old: Event) -> int:
    before = old.override(override.recurrence_id)
    span = before.span if before else recurrence.at(old.span, override.recurrence_id)
    location = before.location if before else old.location
    same = (override.span.start_utc, override.span.end_utc) == (span.start_utc, span.end_utc)
    if same and override.location == location:
        return before.moved_sequence if before else 0
    return sequence


def with_source(event: Event, source: RevisionSource) -> Event:
    """The event with what its organizer's calendar says of the revision: SEQUENCE, DTSTAMP, and whom it addressed.

    Clients count the revisions of an instance by themselves: they say nothing of the series' own SEQUENCE.
    """
    stamp, sequence = source.noted or event.source_dtstamp, max(source.sequence, event.source_sequence)
    if source.since is not None:
        sequence = event.source_sequence
        stamp = max(filter(None, (source.noted, event.source_dtstamp)), default=None)
    return event.model_copy(
        update={
            "source_sequence": sequence,
            "source_dtstamp": stamp,
            "source_addressed": source.addressed or event.source_addressed,
        }
    )


def refuse_unexpected(event: Event, expected: int | None) -> None:
    """Refuse with SEQUENCE_MISMATCH if the event is at another revision than the request expects."""
    if expected is not None and expected != event.sequence:
        raise Refused(
            Code.SEQUENCE_MISMATCH,
            f"The event is at sequence {event.sequence}, not {expected}.",
        )


def differences(old: Event, new: Event) -> tuple[str, ...]:
    """Names of the fields in which two revisions differ, as the tools call them."""
    names = ["summary", "location", "description", "url", "organizer_name"]
    names += ["recurrence", "rdates", "exdates", "overrides", "rsvp", "places", "alarm_minutes", "reserved"]
    changed = [n for n in names if _comparable(getattr(old, n)) != _comparable(getattr(new, n))]
    span = [n for n in ("start", "end", "timezone") if getattr(old.span, n) != getattr(new.span, n)]
    return tuple(span + changed)


def felt(old: Event, new: Event, changed: Iterable[str]) -> set[str]:
    """The names in `changed` that matter to attendees: without them they would miss a time, a place or a text.

    Left out are another zone in which the same moments are shown, and instances that differ in words alone.
    """
    names = set(changed)
    if not {"start", "end"} & names and (new.span.all_day or not new.recurring):
        names.discard("timezone")
    if _places(old) == _places(new):
        names.discard("overrides")
    return names


def _places(event: Event) -> list[object]:
    """When and where the instances are that differ from the series."""
    return [(o.recurrence_id, o.span.start, o.span.end, o.location) for o in event.overrides]


def _comparable(value: object) -> object:
    """A field as people see it: overrides without what the engine notes of them."""
    if not isinstance(value, tuple):
        return value
    return [v.model_copy(update=_UNNOTED) if isinstance(v, Override) else v for v in value]


def sound(event: Event, now: datetime, old: Event | None = None) -> Event:
    """`event` with its end worked out; Refused if it is over already or its placeholders are wrong.

    It may be over if it is only without dates that `old` had still to come: whoever has them hears of it.
    """
    personal.check(event)
    series.refuse_too_many(event)
    _refuse_mixed(event)
    ends_at = recurrence.last_end(event.span, event.recurrence, event.rdates, event.exdates, event.overrides)
    event = event.model_copy(update={"ends_at": ends_at, "heard_until": None})
    if event.finished(now) and old and _only_without(event, old, now):
        latest = now + _HEARD_FOR
        return event.model_copy(update={"heard_until": min(old.closes_at or latest, latest)})
    if event.finished(now):
        raise Refused(
            Code.EVENT_IN_PAST,
            f"The event would be over already: it ends {event.ends_at:%Y-%m-%d %H:%M} UTC.",
            f"It is {now:%Y-%m-%d %H:%M} UTC now; give a later date.",
        )
    return event


def _only_without(event: Event, old: Event, now: datetime) -> bool:
    """True if every instance of `event`, all of which are over, was one of `old` as well."""
    known = _times(old, now)
    return len(known) < _COMPARED and _times(event, now) <= known


def _times(event: Event, until: datetime) -> set[tuple[datetime, datetime]]:
    added = [event.span.moment(day) for day in event.rdates]
    since = min([event.span.start_utc, *added, *(o.span.start_utc for o in event.overrides)])
    spans = recurrence.instances(event, since, until, _COMPARED)
    return {(span.start_utc, span.end_utc) for span in spans}


async def refuse_lacking(work: Work, old: Event, new: Event) -> None:
    """Refuse new placeholders for which people who are invited already have no value."""
    for field in sorted(personal.placeholders(new) - personal.placeholders(old) - {"email"}):
        lacking = await work.unit.lacking(new.uid, field)
        if lacking:
            raise Refused(
                Code.MISSING_FIELD,
                f"{lacking} attendees have no “{field}” to put into the text.",
                f"Leave {{{{{field}}}}} out: only an invite gives people a value, and theirs have left.",
            )


def _refuse_mixed(event: Event) -> None:
    """RDATE and EXDATE must be of DTSTART's kind (RFC 5545, 3.8.5)."""
    days: list[date | datetime] = [*event.rdates, *event.exdates]
    if any(isinstance(d, datetime) == event.span.all_day for d in days):
        raise Refused(
            Code.INVALID_RECURRENCE,
            "Dates added to or excluded from a recurrence must be of the same kind as start.",
            "Give days for an all-day event, times for a timed one.",
        )
