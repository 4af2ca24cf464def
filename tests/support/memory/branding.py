"""Branding of the store in memory."""

from __future__ import annotations

from engine.model.branding import Branding
from tests.support.memory.tables import Tables


class Brandings:
    """How an installation and its organizers look and speak."""

    t: Tables

    async def branding(self, scope: str) -> Branding | None:
        found: Branding | None = self.t.get("branding", scope)
        return found

    async def save_branding(self, branding: Branding) -> None:
        self.t.put("branding", branding.scope, branding)

    async def drop_branding(self, scope: str) -> None:
        if self.t.get("branding", scope):
            self.t.drop("branding", scope)
