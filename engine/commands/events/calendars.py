"""Turn an event of an imported calendar into the command that makes or changes ours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypedDict

from engine.commands import series, text
from engine.commands.events.events import CreateEvent, UpdateEvent
from engine.commands.events.reinstating import ReinstateEvent
from engine.commands.revisions import RevisionSource
from engine.itip import recurrence
from engine.itip.message import ItipEvent, noted_stamp
from engine.mail import html
from engine.model.events import Event, Override
from engine.model.messages import Audience, Chosen
from engine.model.times import Instant, Span
from engine.refusals import Code, Refused

NO_END = (
    "a change to one date and all that follow, since the series has no end or too many dates; make what follows a "
    "series of its own"
)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)
_FROM_ON_MAX = 10
UNTITLED = "Untitled event"
"""Title of an event that came without one."""


class _Content(TypedDict):
    """What a calendar says of an event besides its title, as a command takes it."""

    when: Span
    location: str
    description: str
    url: str
    recurrence: str
    rdates: tuple[Instant, ...]
    exdates: tuple[Instant, ...]
    overrides: tuple[Override, ...]
    verbatim: bool


def _content(event: ItipEvent, instances: Sequence[ItipEvent]) -> _Content:
    """Raises Refused: INVALID_CALENDAR."""
    return _Content(
        when=span(event),
        location=location(event),
        description=description(event),
        url=url(event),
        recurrence=event.recurrence,
        rdates=event.rdates,
        exdates=_exdates(event, instances),
        overrides=_overrides(event, instances),
        verbatim=True,
    )


def creation(
    event: ItipEvent,
    instances: Sequence[ItipEvent],
    *,
    source: RevisionSource,
    title: str = "",
    organizer: str | None = None,
    organizer_name: str = "",
) -> CreateEvent:
    """The command that makes `event`, with its `instances` that differ; `title` is for one that has none.

    Raises Refused: INVALID_CALENDAR.
    """
    return CreateEvent(
        summary=summary(event) or _line(title) or UNTITLED,
        **_content(event, instances),
        organizer=organizer,
        organizer_name=text.cut(organizer_name, text.NAME_MAX),
        source=source,
    )


def change(
    known: Event,
    event: ItipEvent,
    instances: Sequence[ItipEvent],
    *,
    source: RevisionSource | None = None,
    audience: Audience | Chosen | None = None,
) -> UpdateEvent:
    """The command that makes `known` what the calendar says now. Raises Refused: INVALID_CALENDAR."""
    return UpdateEvent(
        uid=known.uid,
        summary=summary(event) or known.summary,
        **_content(event, instances),
        source=source,
        audience=audience,
    )


def reinstatement(
    known: Event, event: ItipEvent, instances: Sequence[ItipEvent], audience: Audience | None
) -> ReinstateEvent:
    """The command by which an event that its calendar had dropped takes place after all.

    Raises Refused: INVALID_CALENDAR.
    """
    asked = change(known, event, instances, audience=audience)
    return ReinstateEvent(**{name: getattr(asked, name) for name in asked.model_fields_set})


def span(event: ItipEvent) -> Span:
    """The event's start and end. Raises Refused: INVALID_CALENDAR."""
    if event.span is None:
        raise Refused(Code.INVALID_CALENDAR, "The event has no start.", "Give it a start time (DTSTART).")
    return event.span


def url(event: ItipEvent) -> str:
    """The event's web address, if it is one."""
    try:
        return text.url(event.url)
    except Refused:
        return ""


def summary(event: ItipEvent) -> str:
    """The title on one line, cut if it is too long; empty if there is none."""
    return _line(event.summary)


def _line(words: str) -> str:
    return text.cut(" ".join(words[: 4 * text.SUMMARY_MAX].split()), text.SUMMARY_MAX)


def location(event: ItipEvent) -> str:
    """The place, cut if it is too long."""
    return text.cut(event.location, text.LOCATION_MAX)


def description(event: ItipEvent) -> str:
    """The description, cut if it is too long, with the link to join if only the client's own property has it."""
    link, words = event.conference, html.plain(event.description)
    if not link or link in words or link in event.location:
        return text.cut(words, text.DESCRIPTION_MAX)
    join = f"Join: {link}"
    return f"{text.cut(words, text.DESCRIPTION_MAX - len(join) - 2)}\n\n{join}".strip()


def left_out(event: ItipEvent, instances: Sequence[ItipEvent] = ()) -> tuple[str, ...]:
    """A note for the organizer on the parts of the calendar entry that were left out."""
    cut = {
        "title": (event.summary, text.SUMMARY_MAX),
        "place": (event.location, text.LOCATION_MAX),
        "description": (html.plain(event.description), text.DESCRIPTION_MAX),
    }
    notes = [
        f"the {name} was cut to {most} characters" for name, (words, most) in cut.items() if len(words) > most
    ]
    if event.url and not url(event):
        notes.append("the link is no web address")
    if event.span and any(_following(event, one) is None for one in _changes_from_on(instances)):
        notes.append(NO_END)
    return (*event.left_out, *notes)


def gone(event: ItipEvent) -> bool:
    """True if the calendar itself says that the event, or the instance, does not take place."""
    return event.status == "CANCELLED"


def _exdates(event: ItipEvent, instances: Sequence[ItipEvent]) -> tuple[Instant, ...]:
    """The instances that do not take place: those left out, and those cancelled one by one."""
    if not (event.recurrence or event.rdates):
        return ()
    when = span(event)
    cancelled = [
        series.aligned(when, i.recurrence_id)
        for i in instances
        if gone(i) and i.recurrence_id and not i.following
    ]
    return tuple(sorted({*event.exdates, *cancelled}, key=when.moment))


def _overrides(event: ItipEvent, instances: Sequence[ItipEvent]) -> tuple[Override, ...]:
    """One override an instance: of several that a client sends for it, the newest."""
    when = span(event)
    found = {period.start: _of_period(event, period) for period in event.periods}
    for one in _changes_from_on(instances):
        found |= {o.recurrence_id: o for o in _following(event, one) or ()}
    standing = [i for i in instances if not gone(i)]
    for one in sorted((i for i in standing if not i.following), key=lambda i: i.sequence or 0):
        differing = override(one, summary(event) or UNTITLED)
        if differing is not None:
            own = series.aligned(when, differing.recurrence_id)
            found[own] = differing.model_copy(update={"recurrence_id": own})
    return tuple(sorted(found.values(), key=lambda o: when.moment(o.recurrence_id)))


def _changes_from_on(instances: Sequence[ItipEvent]) -> list[ItipEvent]:
    """The changes of one instance and all that follow, the earliest instance first; ten at most."""
    found = [i for i in instances if i.following and not gone(i) and i.span and i.recurrence_id]
    return sorted(found, key=lambda i: str(i.recurrence_id))[:_FROM_ON_MAX]


def _following(event: ItipEvent, one: ItipEvent) -> tuple[Override, ...] | None:
    """An instance and all that follow, as `one` changes them; None if there are too many, or no end."""
    series_of = Event(
        uid="",
        organizer="",
        summary="",
        span=span(event),
        recurrence=recurrence.validated(event.recurrence, span(event)) if event.recurrence else "",
        rdates=event.rdates,
        exdates=event.exdates,
        created=_NEVER,
        dtstamp=_NEVER,
        ends_at=None,
    )
    return following(series_of, one, summary(event) or UNTITLED)


def following(known: Event, one: ItipEvent, title: str) -> tuple[Override, ...] | None:
    """As `one` changes an instance of `known` and all that follow; None if there are too many, or no end."""
    changed = override(one, title)
    if changed is None:
        return ()
    changed = changed.model_copy(update={"recurrence_id": series.aligned(known.span, changed.recurrence_id)})
    starts = series.from_on(known, changed.recurrence_id)
    if starts is None or changed.span.all_day != known.span.all_day:
        return None
    return series.shifted(known, changed, starts)


def _of_period(event: ItipEvent, period: Span) -> Override:
    """An added instance that has a length of its own."""
    return Override(
        recurrence_id=period.start,
        span=period,
        summary=summary(event) or UNTITLED,
        location=location(event),
        description=description(event),
        url=url(event),
    )


def override(instance: ItipEvent, title: str) -> Override | None:
    """The instance as it differs from its series; None if it has no time that can be read."""
    if instance.span is None or instance.recurrence_id is None:
        return None
    return Override(
        recurrence_id=instance.recurrence_id,
        span=instance.span,
        summary=summary(instance) or title,
        location=location(instance),
        description=description(instance),
        url=url(instance),
        source_sequence=instance.sequence or 0,
        source_dtstamp=noted_stamp(instance.dtstamp, vague=instance.vague_stamp),
    )
