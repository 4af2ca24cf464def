"""Show the addresses of an event's attendees in full: a right of its own, and a row in the record."""

from __future__ import annotations

from engine.commands.base import Command, Done, Work
from engine.model.events import Event


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
