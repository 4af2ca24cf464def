"""The ledger: which messages are owed, and the jobs that write many of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

from engine.model.messages import Chosen, Fanout, Message
from engine.model.people import Attendee, Partstat
from engine.model.reminders import ReminderGroup
from engine.refusals import Code


class Ledger(Protocol):
    """The part of a unit of work that concerns messages and fan-out jobs."""

    @property
    def items_per_unit(self) -> int:
        """How many people, with all that belongs to them, one unit of work takes at once."""
        ...

    @property
    def writes(self) -> int:
        """How much this unit of work has written so far; it only grows."""
        ...

    async def add_messages(self, messages: Sequence[Message], *, priority: int) -> None:
        """Owe messages, each once (promise 3); lower priorities leave first."""
        ...

    async def hand_over(self, message: Message, now: datetime) -> None:
        """Settle a waiting message as sent by its requester; this server will not send it."""
        ...

    async def spend_minutes(self, minutes: Mapping[str, int], now: datetime) -> bool:
        """Count one mail against the limits per minute of these keys; False, and nothing is counted, beyond one."""
        ...

    async def add_sent(self, messages: Sequence[Message], now: datetime) -> None:
        """Store messages that another server has already sent; known ones stay as they are."""
        ...

    async def last_message(self, event_uid: str, email: str) -> Message | None:
        """The newest calendar message to an attendee, in any state."""
        ...

    async def last_report(self, event_uid: str, email: str) -> datetime | None:
        """When `email` was last owed a report of the event."""
        ...

    async def notified(self, event_uid: str, emails: Collection[str]) -> set[str]:
        """Those of `emails` who got the event, or may have."""
        ...

    async def sent_message(self, message_id: str, transport_id: str) -> Message | None:
        """The message with this Message-ID, or with this id that a mail service gave it."""
        ...

    async def last_sent(self, event_uid: str, email: str) -> Message | None:
        """The newest calendar message to an attendee that a mail server has, or may have."""
        ...

    async def bounce(self, message: Message, answer: str, now: datetime) -> bool:
        """Note that a message came back; False if it had failed already, or had not left."""
        ...

    async def note_answer(self, message: Message, answer: str) -> bool:
        """Note what a server said later of a message that was sent; False if it is not, or not any more."""
        ...

    async def withdraw_for_attendee(self, email: str, organizer: str, code: Code, now: datetime) -> int:
        """Withdraw what one organizer owes one person and what has not left; returns how many.

        As many as a unit takes; the claim withdraws the others at their turn.
        """
        ...

    async def withdraw_for_person(self, event_uid: str, email: str, code: Code, now: datetime) -> int:
        """Withdraw what one person is owed for one event and what has not left; returns how many."""
        ...

    async def reminder_groups(
        self, event_uid: str, who: Chosen, now: datetime, shown: int
    ) -> list[ReminderGroup]:
        """The attendees `who` names, grouped by why they get no reminder; the first `shown` of each by address."""
        ...

    async def remindable(self, event_uid: str, emails: Collection[str], now: datetime) -> set[str]:
        """Those of `emails` who may be reminded of the event now."""
        ...

    async def audience_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
        emails: Collection[str] = (),
    ) -> int:
        """How many proven attendees gave one of these answers, for the event or an instance, or are in `emails`.

        An answer is not enough of whoever's invite was withdrawn with its list, before any request could reach them.
        """
        ...

    async def notified_size(
        self,
        event_uid: str,
        partstats: Collection[Partstat],
        recurrence_id: date | datetime | None = None,
        emails: Collection[str] = (),
    ) -> int:
        """How many attendees with these answers, or in `emails`, got the event, or may have got it."""
        ...

    async def audience(self, job: Fanout, limit: int) -> tuple[list[Attendee], str | None]:
        """The next attendees of a job, as `audience_size` counts them, and its new cursor; None after the last."""
        ...

    async def add_fanout(self, job: Fanout) -> None:
        """Add a job that writes messages in chunks."""
        ...

    async def next_fanout(self, now: datetime) -> Fanout | None:
        """The oldest job that may continue; jobs of paused campaigns, and those not due yet, wait."""
        ...

    async def fanout_of(self, campaign_id: str) -> Fanout | None:
        """The job of a campaign; None if it has none, or has ended."""
        ...

    async def move_fanout(self, job: Fanout, cursor: str | None) -> None:
        """Move a job's cursor; None ends the job."""
        ...
