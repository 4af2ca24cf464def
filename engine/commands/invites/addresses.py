"""Show addresses in full, of an event's attendees or of a list; this needs a verb and adds a row to the record."""

from __future__ import annotations

from enum import StrEnum

from engine.commands.base import Command, Done, Work
from engine.commands.operators.operators import may_administer
from engine.model.events import Event
from engine.model.verbs import Verb


class AddressesShown(Done):
    """The event whose addresses may be shown now."""

    event: Event


class ShowAddresses(Command[AddressesShown]):
    """Let a page show addresses that are masked elsewhere; the record says who looked, and when."""

    uid: str

    async def carry_out(self, work: Work) -> AddressesShown:
        """Raises Refused: NOT_ALLOWED, UNKNOWN_EVENT."""
        work.require("read", "report")
        return AddressesShown(event=await work.owned_event(self.uid))


class AddressList(StrEnum):
    """Lists that hold addresses beside those of an event's attendees."""

    ORGANIZERS = "organizers"
    SUPPRESSIONS = "suppressions"
    QUARANTINE = "quarantine"
    MESSAGES = "messages"
    HELD = "held"


_VERBS = {
    AddressList.ORGANIZERS: Verb.REPORT,
    AddressList.SUPPRESSIONS: Verb.SUPPRESS,
    AddressList.QUARANTINE: Verb.ADMIN,
    AddressList.MESSAGES: Verb.REPLY,
    AddressList.HELD: Verb.APPROVE,
}


class ListShown(Done):
    """The list whose addresses may be shown now."""

    shown: AddressList

    def recorded(self, salt: bytes) -> dict[str, object]:
        """Which list it was."""
        return {"shown": self.shown.value}


class ShowListedAddresses(Command[ListShown]):
    """Let a page show the addresses of a list; the record says who looked, and when."""

    shown: AddressList

    async def carry_out(self, work: Work) -> ListShown:
        """Raises Refused: NOT_ALLOWED."""
        work.require("read", _VERBS[self.shown])
        if self.shown is AddressList.QUARANTINE or (
            self.shown is AddressList.ORGANIZERS and not work.actor.domain
        ):
            may_administer(work.actor)
        return ListShown(shown=self.shown)
