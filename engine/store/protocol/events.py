"""Events and their organizers, as commands read and write them."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from engine.model.events import Event


class Events(Protocol):
    """The part of a unit of work that concerns events and organizers."""

    async def event(self, uid: str) -> Event | None:
        """The event with this uid, or None."""
        ...

    async def events_named(self, name: str, actor: str) -> list[Event]:
        """The events with this uid, this short id, or made with this key by the address `actor`."""
        ...

    async def event_by_source(self, organizer: str, source_uid: str) -> Event | None:
        """The organizer's event with this UID in the organizer's own calendar, or None."""
        ...

    async def add_event(self, event: Event) -> None:
        """Add a new event; its organizer is known already."""
        ...

    async def save_event(self, event: Event) -> None:
        """Replace an event by its new revision."""
        ...

    async def ensure_organizer(self, address: str, name: str, now: datetime) -> None:
        """Add an organizer, or give one that is known a name."""
        ...

    async def suspended(self, organizer: str) -> bool:
        """True if the operator has suspended this organizer."""
        ...

    async def registered(self, organizer: str) -> bool:
        """True if this address was registered as an organizer."""
        ...

    async def register(self, organizer: str, now: datetime) -> None:
        """Note that an organizer who is known is registered."""
        ...

    async def set_suspended(self, organizer: str, *, suspended: bool) -> None:
        """Suspend an organizer, or end the suspension."""
        ...
