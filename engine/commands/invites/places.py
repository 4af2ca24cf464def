"""The places of an event: counted in the unit of work that takes one, freed by No and by a withdrawal."""

from __future__ import annotations

from engine.commands.base import Work
from engine.model.events import Event
from engine.model.people import Attendee
from engine.refusals import Code, Refused


async def places_left(work: Work, event: Event) -> int | None:
    """How many more people can have `event`; None for any number."""
    if not event.places:
        return None
    return max(0, event.places - await work.unit.places_taken(event.uid))


async def refuse_full(work: Work, event: Event, known: Attendee | None) -> None:
    """Refuse with EVENT_FULL where no place is free, unless `known` has one already."""
    if holds_place(known) or await places_left(work, event) != 0:
        return
    raise full(event)


def holds_place(known: Attendee | None) -> bool:
    """True for an attendee who has one of the places."""
    return known is not None and known.withdrawn is None and known.partstat.holds_place


def full(event: Event) -> Refused:
    """The refusal of an event of which no place is free."""
    why = "That time is taken." if event.places == 1 else f"All {event.places} places are taken."
    return Refused(Code.EVENT_FULL, why, "Choose another; a place is free again once somebody says No.")
