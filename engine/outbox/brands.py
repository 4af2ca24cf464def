"""Brandings as they are now, looked up every few seconds instead of for each mail."""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.commands.composing import in_force
from engine.model.branding import Branding
from engine.store.protocol.branding import BrandingQuestions

_KEPT = timedelta(seconds=3)
_MANY = 1_000


class Brands:
    """The branding in force for each organizer whose mail leaves."""

    def __init__(self, store: BrandingQuestions) -> None:
        self._store = store
        self._known: dict[str, tuple[datetime, Branding]] = {}

    async def of(self, organizer: str, now: datetime) -> Branding:
        """The branding of an organizer over that of the installation, at most three seconds old."""
        known = self._known.get(organizer)
        if known and abs(now - known[0]) < _KEPT:
            return known[1]
        found = await in_force(self._store, organizer)
        if len(self._known) > _MANY:
            self._known.clear()
        self._known[organizer] = (now, found)
        return found


class FixedBrand:
    """One branding for all, as a preview has it."""

    def __init__(self, brand: Branding) -> None:
        self._brand = brand

    async def of(self, _organizer: str, _now: datetime) -> Branding:
        """That branding."""
        return self._brand
