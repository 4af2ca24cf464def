"""Actors: who asks, and what they may do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.model.base import Value


class Actor(Value):
    """Who asks, and what that allows."""

    kind: Literal["local", "agent", "organizer", "attendee", "owner", "system"]
    address: str
    scopes: frozenset[str] = frozenset()
    unauthenticated: bool = Field(
        False, description="true: speaks by a mail that nothing proves (CIS_SENDER_AUTH=flag)"
    )

    @property
    def everywhere(self) -> bool:
        """True where the actor may act for every organizer: the operator at the machine, the engine itself."""
        return self.kind in {"local", "system"}

    @property
    def audited(self) -> str:
        """Who asks, as an audit line names them."""
        unproven = " (unauthenticated)" if self.unauthenticated else ""
        return f"{self.kind}:{self.address}{unproven}"

    @property
    def may_read(self) -> bool:
        """False for a key without the scope `read`."""
        return self.kind != "agent" or "read" in self.scopes

    def owns(self, organizer: str) -> bool:
        """True where the actor may see and change what `organizer` owns."""
        return self.everywhere or (self.kind in {"agent", "organizer"} and self.address == organizer)
