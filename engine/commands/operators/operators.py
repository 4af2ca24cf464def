"""Commands only for operators: suspend organizers."""

from __future__ import annotations

from engine.commands import text
from engine.commands.base import Command, Done, Work
from engine.model.actors import Actor
from engine.model.verbs import Verb
from engine.refusals import Code, Refused


class OrganizerDone(Done):
    """An organizer and whether its mail is stopped."""

    address: str
    suspended: bool


class SuspendOrganizer(Command[OrganizerDone]):
    """Suspend an organizer: stop all their mail, or end the suspension (promise 7)."""

    address: str
    suspended: bool = True

    async def carry_out(self, work: Work) -> OrganizerDone:
        """Raises Refused: NOT_ALLOWED, INVALID_ADDRESS."""
        may_administer(work.actor)
        address = text.address(self.address)
        await work.unit.ensure_organizer(address, "", work.now)
        await work.unit.set_suspended(address, suspended=self.suspended)
        return OrganizerDone(address=address, suspended=self.suspended)


def may_change_bounds(actor: Actor) -> None:
    """Refuse with NOT_ALLOWED an actor with a key, even one with `admin`: it could widen its own bounds."""
    if not actor.everywhere:
        raise Refused(Code.NOT_ALLOWED, "Only the operator at the machine may do that.")


def may_administer(actor: Actor) -> None:
    """Refuse with NOT_ALLOWED everyone except the operator and agents whose key has the verb `admin`."""
    if not may_see_all(actor):
        raise Refused(Code.NOT_ALLOWED, "Only the operator may do that.")


def may_see_all(actor: Actor) -> bool:
    """True for the operator and for an agent whose key has the verb `admin`."""
    return actor.everywhere or (actor.kind == "agent" and Verb.ADMIN in actor.verbs)
