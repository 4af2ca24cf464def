"""Plans of organizers, what was bought for them, and whom a shop asks to forget."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.model.plans import Enrolment, Purchase, Redaction


class Orders(Protocol):
    """The part of a unit of work that concerns plans and orders."""

    async def enrolment(self, organizer: str) -> Enrolment | None:
        """The plan that the organizer is on, or was on last; None: never on any."""
        ...

    async def save_enrolment(self, enrolment: Enrolment) -> None:
        """Replace the plan of an organizer."""
        ...

    async def end_enrolment(self, organizer: str) -> None:
        """Forget the plan of an organizer."""
        ...

    async def ended_enrolments(self, now: datetime, limit: int) -> Sequence[Enrolment]:
        """Plans that have ended and whose organizers were not told, the longest ended first."""
        ...

    async def events_made(self, organizer: str, since: datetime | None) -> int:
        """How many events of the organizer were made since then, or ever; cancelled ones too."""
        ...

    async def purchase(self, order: str, line: str) -> Purchase | None:
        """The stored outcome of a line of an order, or None."""
        ...

    async def add_purchase(self, purchase: Purchase) -> None:
        """Store the outcome of a line of an order, replacing an earlier one."""
        ...

    async def save_redaction(self, redaction: Redaction) -> None:
        """Store that a person is to be forgotten; the time of the first request stays."""
        ...

    async def end_redaction(self, address: str) -> None:
        """Delete it: the person is forgotten."""
        ...


class OrderQuestions(Protocol):
    """What is asked of plans and orders."""

    async def enrolment(self, organizer: str) -> Enrolment | None:
        """The plan that the organizer is on, or was on last; None: never on any."""
        ...

    async def purchases(self, limit: int) -> Sequence[Purchase]:
        """What was bought, the newest first."""
        ...

    async def redactions(self, limit: int, *, open_only: bool = False) -> Sequence[Redaction]:
        """Who is still to be forgotten, the longest asked first; `open_only`: without those who cannot be."""
        ...
