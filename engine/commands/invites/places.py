"""The places of an event: counted in the unit of work that takes one, freed by No, a withdrawal and a bounce."""

from __future__ import annotations

from engine.commands.base import Work
from engine.model.events import Event
from engine.model.messages import Kind, Message
from engine.model.people import Attendee, Partstat
from engine.refusals import Code, Refused


async def places_left(work: Work, event: Event) -> int | None:
    """How many more people can have `event`; None for any number."""
    if not event.places:
        return None
    return max(0, event.places - await work.unit.places_taken(event.uid))


async def refuse_full(work: Work, event: Event, known: Attendee | None) -> None:
    """Refuse with EVENT_FULL if no place is free, unless `known` has one already."""
    if holds_place(known) or await places_left(work, event) != 0:
        return
    raise full(event)


def holds_place(known: Attendee | None) -> bool:
    """True for an attendee who has one of the places."""
    return known is not None and known.withdrawn is None and known.partstat.holds_place


async def free_unreached(work: Work, event: Event, email: str) -> bool:
    """Free the place of an attendee who has not answered and whom no invite reached; False if they had none.

    Nothing is mailed to them: they are as if they were never invited, and may be invited again.
    """
    known = await work.unit.attendee(event.uid, email)
    if not event.places or known is None or not holds_place(known):
        return False
    if known.partstat is not Partstat.NEEDS_ACTION:
        return False
    await work.unit.withdraw_for_person(event.uid, email, Code.ADDRESS_SUPPRESSED, work.now)
    await work.unit.change_attendee(known, known.model_copy(update={"withdrawn": work.now}))
    return True


async def may_book_again(work: Work, known: Attendee) -> bool:
    """True unless the organizer withdrew `known`: people who came too late, or were not reached, may ask again."""
    if known.withdrawn is None:
        return True
    last = await work.unit.last_message(known.event_uid, known.email)
    return last is not None and (_unreached(known, last) or (last.kind is Kind.WITHDRAWAL and last.prompted))


async def went_unreached(work: Work, known: Attendee) -> bool:
    """True for an attendee who lost their place because their invite bounced."""
    last = await work.unit.last_message(known.event_uid, known.email)
    return last is not None and _unreached(known, last)


def _unreached(known: Attendee, last: Message) -> bool:
    return last.code == Code.BOUNCED and last.settled == known.withdrawn


def full(event: Event) -> Refused:
    """The refusal of an event of which no place is free."""
    why = "That time is taken." if event.places == 1 else f"All {event.places} places are taken."
    return Refused(Code.EVENT_FULL, why, "Choose another; a place is free again once somebody says No.")
