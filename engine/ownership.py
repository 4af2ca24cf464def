"""Which organizers' events, campaigns and counters a caller may ask about, and whether it sees addresses in full."""

from __future__ import annotations

from engine.model.actors import Actor
from engine.model.verbs import Verb
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


def sees_addresses(actor: Actor, *also: Verb) -> bool:
    """True if the actor sees people's addresses and names in full: its key has `report`, or one of the verbs `also`."""
    return bool(actor.verbs & {Verb.REPORT, *also})


def refuse_addresses(actor: Actor, hint: str = "", *also: Verb) -> None:
    """Refuse with NOT_ALLOWED a key that sees addresses only masked."""
    if not sees_addresses(actor, *also):
        raise Refused(Code.NOT_ALLOWED, "This key sees no addresses in full: it lacks “report”.", hint)
