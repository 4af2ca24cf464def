"""From an event as a calendar tells it to the command that makes or changes ours."""

from __future__ import annotations

from collections.abc import Sequence

from engine.commands.events import series
from engine.commands.events.events import CreateEvent, UpdateEvent
from engine.commands.events.reinstating import ReinstateEvent
from engine.commands.events.revisions import Source
from engine.itip.message import ItipEvent, noted_stamp
from engine.model.events import Event, Override
from engine.model.messages import Audience
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
        summary=event.summary.strip() or title.strip() or _UNTITLED,
        when=span(event),
        location=event.location,
        description=description(event),
        url=url(event),
        recurrence=event.recurrence,
        rdates=event.rdates,
        exdates=_exdates(event, instances),
        overrides=_overrides(event, instances),
        organizer=organizer,
        organizer_name=organizer_name,
        source=source,
    )


def change(
    known: Event,
    event: ItipEvent,
    instances: Sequence[ItipEvent],
    *,
    source: Source | None = None,
    audience: Audience | None = None,
) -> UpdateEvent:
    """The command that makes `known` what the calendar says now. Raises Refused: INVALID_CALENDAR."""
    return UpdateEvent(
        uid=known.uid,
        summary=event.summary.strip() or known.summary,
        when=span(event),
        location=event.location,
        description=description(event),
        url=url(event),
        recurrence=event.recurrence,
        rdates=event.rdates,
        exdates=_exdates(event, instances),
        overrides=_overrides(event, instances),
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
    """When it is. Raises Refused: INVALID_CALENDAR."""
    if event.span is None:
        raise Refused(Code.INVALID_CALENDAR, "The event has no start.", "Give it a start time (DTSTART).")
    return event.span


def url(event: ItipEvent) -> str:
    """The event's web address, where it is one."""
    return event.url if event.url.lower().startswith(("http://", "https://")) else ""


def description(event: ItipEvent) -> str:
    """The description, with the link to join where only the client's own property has it."""
    link = event.conference
    if not link or link in event.description or link in event.location:
        return event.description
    return f"{event.description}\n\nJoin: {link}".strip()


def gone(event: ItipEvent) -> bool:
    """True where the calendar itself says that the event, or the instance, does not take place."""
    return event.status == "CANCELLED"


def _exdates(event: ItipEvent, instances: Sequence[ItipEvent]) -> tuple[Instant, ...]:
    """The instances that do not take place: those left out, and those cancelled one by one."""
    when = span(event)
    cancelled = [series.aligned(when, i.recurrence_id) for i in instances if gone(i) and i.recurrence_id]
    return tuple(sorted({*event.exdates, *cancelled}, key=when.moment))


def _overrides(event: ItipEvent, instances: Sequence[ItipEvent]) -> tuple[Override, ...]:
    """One override an instance: of several that a client sends for it, the newest."""
    found: dict[Instant, Override] = {}
    when = span(event)
    for one in sorted((i for i in instances if not gone(i)), key=lambda i: i.sequence or 0):
        differing = override(one, event.summary.strip() or _UNTITLED)
        if differing is not None:
            own = series.aligned(when, differing.recurrence_id)
            found[own] = differing.model_copy(update={"recurrence_id": own})
    return tuple(sorted(found.values(), key=lambda o: when.moment(o.recurrence_id)))


def override(instance: ItipEvent, summary: str) -> Override | None:
    """The instance as it differs from its series; None where it has no time that can be read."""
    if instance.span is None or instance.recurrence_id is None:
        return None
    return Override(
        recurrence_id=instance.recurrence_id,
        span=instance.span,
        summary=instance.summary.strip() or summary,
        location=instance.location,
        description=description(instance),
        url=url(instance),
        source_sequence=instance.sequence or 0,
        source_dtstamp=noted_stamp(instance.dtstamp, vague=instance.vague_stamp),
    )
