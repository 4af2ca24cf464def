"""How soon people answer, as a report asks it of the store."""

from __future__ import annotations

from typing import Protocol

from engine.model.timing import AnswerTimes, SendHour


class TimingQuestions(Protocol):
    """Questions that join the ledger with the receipts; people who were withdrawn from an event are not counted."""

    async def answer_times(self, event_uid: str) -> AnswerTimes:
        """How long after their invite the people of an event answered first."""
        ...

    async def report_sent(self, event_uid: str) -> bool:
        """True if a mail server took a report of the event."""
        ...

    async def send_hours(self, scope: str, key: str) -> list[SendHour]:
        """The hours in which invites of an event or an organizer were sent, in order, with the answers to them."""
        ...
