"""Which organizers' events, campaigns and counters a caller may ask about."""

from __future__ import annotations

from engine.model.actors import Actor
from engine.refusals import Code, Refused


def own_alone(actor: Actor) -> str | None:
    """The organizer whose events and campaigns the actor sees; None: all. Raises Refused: INVALID_ARGUMENT."""
    return None if actor.everywhere else one_organizer(actor)


def one_organizer(actor: Actor) -> str:
    """The actor's address. Raises Refused for a domain's owner, who has to name one of its organizers."""
    if actor.domain:
        why = f"Name one of the organizers at {actor.domain}."
        raise Refused(Code.INVALID_ARGUMENT, why, "Or ask for the statistics of the domain.")
    return actor.address


def of_others(argument: str) -> Refused:
    return Refused(Code.NOT_ALLOWED, "Those are another organizer's.", f"Leave {argument} out for yours.")
