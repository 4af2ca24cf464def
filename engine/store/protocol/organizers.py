"""The settings of organizers, and their further addresses."""

from __future__ import annotations

from typing import Protocol

from engine.model.organizers import OrganizerProfile


class Organizers(Protocol):
    """The part of a unit of work that concerns organizers."""

    async def organizer_profile(self, address: str) -> OrganizerProfile | None:
        """The organizer with this address, or None."""
        ...

    async def save_organizer(self, profile: OrganizerProfile) -> None:
        """Store name, zone, language, lists and further addresses of a known organizer."""
        ...

    async def organizer_language(self, organizer: str) -> str:
        """The tag of the organizer's language; empty if it is not set."""
        ...

    async def organizer_of(self, address: str) -> str:
        """The organizer to whom this further address belongs; empty if it is none."""
        ...


class OrganizerQuestions(Protocol):
    """What is asked of organizers."""

    async def organizer_profile(self, address: str) -> OrganizerProfile | None:
        """The organizer with this address, or None."""
        ...

    async def organizer_language(self, organizer: str) -> str:
        """The tag of the organizer's language; empty if it is not set."""
        ...

    async def organizer_of(self, address: str) -> str:
        """The organizer to whom this further address belongs; empty if it is none."""
        ...
