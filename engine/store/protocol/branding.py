"""Branding of an installation and its organizers."""

from __future__ import annotations

from typing import Protocol

from engine.model.branding import Branding


class BrandingQuestions(Protocol):
    """What is asked of branding."""

    async def branding(self, scope: str) -> Branding | None:
        """What is set for an organizer, or for the installation; None if nothing is."""
        ...


class Brandings(BrandingQuestions, Protocol):
    """The part of a unit of work that concerns branding."""

    async def save_branding(self, branding: Branding) -> None:
        """Set everything of one scope."""
        ...

    async def drop_branding(self, scope: str) -> None:
        """Delete everything that is set for one scope."""
        ...
