"""From an event as a calendar tells it to the command that makes or changes ours."""

from __future__ import annotations

from collections.abc import Sequence

from engine.commands import text
from engine.commands.events import series
from engine.commands.events.events import CreateEvent, UpdateEvent
from engine.commands.events.reinstating import ReinstateEvent
from engine.commands.events.revisions import Source
from engine.itip.message import ItipEvent, noted_stamp
from engine.mail import html
from engine.model.events import Event, Override
from engine.model.messages import Audience, Chosen
from engine.model.times import Instant, Span
from engine.refusals import Code, Refused

_UNTITLED = "Untitled event"


def creation(
    event: ItipEvent,
    instances: Sequence[ItipEvent],
    *,
    source: Source,
    title: str = "",
    organizer: str | None = None,
    organizer_name: str = "",
) -> CreateEvent:
    """The command that makes `event`, with its `instances` that differ; `title` is for one that has none.

    Raises Refused: INVALID_CALENDAR.
    """
    return CreateEvent(
        summary=summary(event) or _line(title) or _UNTITLED,
        when=span(event),
        location=location(event),
        description=description(event),
        url=url(event),
        recurrence=event.recurrence,
        rdates=event.rdates,
        exdates=_exdates(event, instances),
        overrides=_overrides(event, instances),
        organizer=organizer,
        organizer_name=text.cut(organizer_name, text.NAME_MAX),
        source=source,
        verbatim=True,
    )


def change(
    known: Event,
    event: ItipEvent,
    instances: Sequence[ItipEvent],
    *,
    source: Source | None = None,
    audience: Audience | Chosen | None = None,
) -> UpdateEvent:
    """The command that makes `known` what the calendar says now. Raises Refused: INVALID_CALENDAR."""
    return UpdateEvent(
        uid=known.uid,
        summary=summary(event) or known.summary,
        when=span(event),
        location=location(event),
        description=description(event),
        url=url(event),
        recurrence=event.recurrence,
        rdates=event.rdates,
        exdates=_exdates(event, instances),
        overrides=_overrides(event, instances),
        source=source,
        audience=audience,
        verbatim=True,
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
    """When it is. Raises Refused: INVALID_CALENDAR."""
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


def left_out(event: ItipEvent) -> tuple[str, ...]:
    """What of the calendar the event does not have, for the organizer."""
    cut = {
        "title": (event.summary, text.SUMMARY_MAX),
        "place": (event.location, text.LOCATION_MAX),
        "description": (html.plain(event.description), text.DESCRIPTION_MAX),
    }
    said = [
        f"the {name} was cut to {most} characters" for name, (words, most) in cut.items() if len(words) > most
    ]
    if event.url and not url(event):
        said.append("the link is no web address")
    return (*event.left_out, *said)


def gone(event: ItipEvent) -> bool:
    """True where the calendar itself says that the event, or the instance, does not take place."""
    return event.status == "CANCELLED"


def _exdates(event: ItipEvent, instances: Sequence[ItipEvent]) -> tuple[Instant, ...]:
    """The instances that do not take place: those left out, and those cancelled one by one."""
    if not (event.recurrence or event.rdates):
        return ()
    when = span(event)
    cancelled = [series.aligned(when, i.recurrence_id) for i in instances if gone(i) and i.recurrence_id]
    return tuple(sorted({*event.exdates, *cancelled}, key=when.moment))


def _overrides(event: ItipEvent, instances: Sequence[ItipEvent]) -> tuple[Override, ...]:
    """One override an instance: of several that a client sends for it, the newest."""
    when = span(event)
    found = {period.start: _of_period(event, period) for period in event.periods}
    for one in sorted((i for i in instances if not gone(i)), key=lambda i: i.sequence or 0):
        differing = override(one, summary(event) or _UNTITLED)
        if differing is not None:
            own = series.aligned(when, differing.recurrence_id)
            found[own] = differing.model_copy(update={"recurrence_id": own})
    return tuple(sorted(found.values(), key=lambda o: when.moment(o.recurrence_id)))


def _of_period(event: ItipEvent, period: Span) -> Override:
    """An added instance that has a length of its own."""
    return Override(
        recurrence_id=period.start,
        span=period,
        summary=summary(event) or _UNTITLED,
        location=location(event),
        description=description(event),
        url=url(event),
    )


def override(instance: ItipEvent, title: str) -> Override | None:
    """The instance as it differs from its series; None where it has no time that can be read."""
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
