"""How soon people answer, and when their invites were sent, from the ledger and the receipts."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from engine.model.base import Value

HOURS_MAX = 72
"""Hours after sending that are told apart; what came later counts as one."""


class AnswerTimes(Value):
    """How long after its invite was sent each person's first answer came; only answers that count."""

    sent: int = Field(0, description="people to whom an invite was sent")
    answered: int = Field(0, description="those of them who answered")
    median_s: float | None = Field(None, description="seconds; None where nobody answered")
    by_hour: tuple[tuple[int, int], ...] = Field(
        (), description="hours since sending, and answers in that hour; the last may be 72: then or later"
    )


class SendHour(Value):
    """Invites that were sent within one hour, and how many of those people answered."""

    at: datetime = Field(description="beginning of the hour, in UTC")
    sent: int
    answered: int
