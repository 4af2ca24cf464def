"""Actors: who asks, and what they may do."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from engine.model.base import Value
from engine.model.verbs import EVERY, Verb, verbs_of

_FACES = {"local": "cli", "agent": "mcp", "organizer": "mail", "attendee": "mail", "owner": "pages"}


class Actor(Value):
    """Who asks, and what that allows."""

    kind: Literal["local", "agent", "organizer", "attendee", "owner", "system"]
    address: str
    scopes: frozenset[str] = frozenset()
    key: str = Field("", description="id of the key that acts; empty: none")
    chain: tuple[str, ...] = Field(
        (), description="ids of the keys whose bounds hold, the one that acts last"
    )
    attended: bool = Field(False, description="true: its key says that a person attends to its client")
    face: str = Field("", description="by which face it came, where its kind does not tell")
    unauthenticated: bool = Field(
        False, description="true: speaks by a mail that nothing proves (CIS_SENDER_AUTH=flag)"
    )

    @property
    def everywhere(self) -> bool:
        """True if the actor may act for every organizer, as the operator at the machine and the engine itself may."""
        return self.kind in {"local", "system"}

    @property
    def by_key(self) -> bool:
        """True if it asks by a key, or by a token as agents have them, and not as a person."""
        return self.kind == "agent" or bool(self.key)

    @property
    def audited(self) -> str:
        """The actor's name in audit lines and in the record."""
        unproven = " (unauthenticated)" if self.unauthenticated else ""
        return f"{self.kind}:{self.address}{unproven}"

    @property
    def came_by(self) -> str:
        """The face that the request came through, as the record names it."""
        return self.face or _FACES.get(self.kind, "")

    @property
    def verbs(self) -> frozenset[Verb]:
        """The verbs of its key; all verbs for an actor that needs no key."""
        return verbs_of(self.scopes) if self.kind == "agent" else EVERY

    @property
    def may_read(self) -> bool:
        """False for a key without the verb `read`."""
        return Verb.READ in self.verbs

    @property
    def domain(self) -> str:
        """The domain of whoever owns one, as `@example.com` does: they see all organizers there; else empty."""
        return self.address[1:] if self.address.startswith("@") else ""

    def owns(self, organizer: str) -> bool:
        """True if the actor may see and change what `organizer` owns."""
        own = self.address == organizer or (self.domain and organizer.rpartition("@")[2] == self.domain)
        return self.everywhere or (self.kind in {"agent", "organizer"} and bool(own))
